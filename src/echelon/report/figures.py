"""The figures of a fit as pictures inside the page."""

from __future__ import annotations

from base64 import b64encode
from typing import Literal

from echelon.errors import EchelonError, MissingDependency
from echelon.model.fit import LmmFit
from echelon.plot import Drawing, few_colours, figures, new_figure, picture
from echelon.report.markup import bullets, code, paragraph, safe, section

_DPI = 170  # one and a half times the widest the page shows
_DRAWN_AS_LINES = 100  # groups up to which a picture of vectors is tried
_LARGE = 250_000  # bytes of vectors above which pixels may be smaller


def figures_section(fit: LmmFit, first: int = 1) -> str:
    """Return the section with the figures, or with the reason why there are none.

    Parameters
    ----------
    first : the number of the first figure
    """
    try:
        parts = _pictures(fit, first)
    except MissingDependency as missing:
        parts = [paragraph(f"No figures: {safe(missing)}")]
    return section("figures", "Figures", parts)


def _pictures(fit: LmmFit, first: int) -> list[str]:
    new_figure()  # without matplotlib this is where it is said
    drawn: list[str] = []
    absent: list[str] = []
    for drawing in figures(fit):
        name, caption, _ = drawing
        try:
            source = _data_uri(fit, drawing)
        except MissingDependency:
            raise
        except EchelonError as reason:
            absent.append(f"{code(name)}: {safe(reason)}")
        else:
            drawn.append(_figure(first + len(drawn), name, caption, source))
    if fit.source.kind == "summaries":
        absent.append(
            "Figures of single rows, such as residuals, cannot be drawn: the model was fitted from "
            "summaries (n, mean and SD of each group), which do not hold the rows."
        )
    return [*drawn, *([bullets(absent)] if absent else [])]


def _data_uri(fit: LmmFit, drawing: Drawing) -> str:
    """Return a figure as a data URI: vectors, or pixels where these take less room."""
    name, _, draw = drawing
    largest = max(len(group.levels) for group in fit.moments.groups)
    lines = picture(name, draw, "svg") if largest <= _DRAWN_AS_LINES else b""
    if 0 < len(lines) <= _LARGE:
        return data_uri(lines, "svg")
    pixels = few_colours(draw, dpi=_DPI)
    return data_uri(lines, "svg") if 0 < len(lines) <= len(pixels) else data_uri(pixels, "png")


def data_uri(content: bytes, kind: Literal["svg", "png"]) -> str:
    """Return a picture as a data URI."""
    media = "svg+xml" if kind == "svg" else kind
    return f"data:image/{media};base64,{b64encode(content).decode('ascii')}"


def _figure(k: int, name: str, caption: str, source: str) -> str:
    words = name.replace("_", " ")
    first = caption.split(". ")[0].rstrip(".")
    return figure_box(k, f"{words} plot: {first}.", caption, source)


def figure_box(k: int, instead: str, caption: str, source: str) -> str:
    """Return a figure with its number, its caption, and words for who cannot see it."""
    return (
        f'<figure id="figure-{k}">\n<img src="{source}" alt="{safe(instead)}">\n'
        f"<figcaption><b>Figure {k}.</b> {safe(caption)}</figcaption>\n</figure>"
    )
