"""The figures of a fit as pictures inside the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from echelon.errors import EchelonError, MissingDependency
from echelon.model.fit import LmmFit
from echelon.plot import figures, new_figure
from echelon.report.markup import bullets, code, paragraph, safe, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEAVY = 200_000  # bytes of a vector picture above which pixels are smaller
_DPI = 200


def figures_section(fit: LmmFit) -> str:
    """Return the section with the figures, or with the reason why there are none."""
    try:
        parts = _pictures(fit)
    except MissingDependency as missing:
        parts = [paragraph(f"No figures: {safe(missing)}")]
    return section("figures", "Figures", parts)


def _pictures(fit: LmmFit) -> list[str]:
    new_figure()  # without matplotlib this is where it is said
    drawn: list[str] = []
    absent: list[str] = []
    for name, caption, draw in figures(fit):
        try:
            source = picture(draw)
        except MissingDependency:
            raise
        except EchelonError as reason:
            absent.append(f"{code(name)}: {safe(reason)}")
        else:
            drawn.append(_figure(len(drawn) + 1, name, caption, source))
    if fit.source.kind == "summaries":
        absent.append(
            "Figures of single rows, such as residuals, cannot be drawn: the model was fitted from "
            "summaries (n, mean and SD of each group), which do not hold the rows."
        )
    return [*drawn, *([bullets(absent)] if absent else [])]


def picture(draw: Callable[[Axes], object]) -> str:
    """Return a figure as a data URI: vectors, or pixels where these take less room."""
    figure = new_figure()
    draw(figure.subplots())
    vectors = BytesIO()
    figure.savefig(vectors, format="svg", dpi=_DPI, metadata={"Date": None, "Creator": None})
    if vectors.tell() <= _HEAVY:
        return f"data:image/svg+xml;base64,{b64encode(vectors.getvalue()).decode('ascii')}"
    pixels = BytesIO()
    figure.savefig(pixels, format="png", dpi=_DPI, metadata={"Software": None})
    return f"data:image/png;base64,{b64encode(pixels.getvalue()).decode('ascii')}"


def _figure(k: int, name: str, caption: str, source: str) -> str:
    words = name.replace("_", " ")
    first = caption.split(". ")[0].rstrip(".")
    return (
        f'<figure id="figure-{k}">\n<img src="{source}" alt="{safe(f"{words} plot: {first}.")}">\n'
        f"<figcaption><b>Figure {k}.</b> {safe(caption)}</figcaption>\n</figure>"
    )
