"""Figures as picture files: in memory for a report, or written to a folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from echelon.data.files import path_of
from echelon.errors import FileFormatError, UnknownOption
from echelon.model.fit import LmmFit
from echelon.plot import theme
from echelon.plot.gallery import Draw, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UNDATED = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None},
}  # same figure, same bytes
FORMATS = tuple(_UNDATED)


def picture(
    name: str, draw: Callable[[Axes], Axes], kind: str, *, dpi: int = 200, rows: int = 0
) -> bytes:
    """One of `figures(fit)` as the content of a picture file; the same figure has the same bytes.

    Parameters
    ----------
    name, draw : of the figure
    kind : "png", "svg" or "pdf"
    dpi : dots an inch of PNG
    rows : labelled rows that a figure of no fit must hold

    Raises
    ------
    UnknownOption : another kind
    MissingDependency : matplotlib is not installed
    """
    if kind not in FORMATS:
        raise UnknownOption("formats", kind, FORMATS)
    figure = theme.new_figure(draw.groups if isinstance(draw, Draw) else rows)
    import matplotlib as mpl

    draw(figure.subplots())
    file = BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format=kind, dpi=dpi, metadata=_UNDATED[kind])
    return file.getvalue()


def few_colours(draw: Callable[[Axes], Axes], *, dpi: int = 200) -> bytes:
    """One of `figures(fit)` as a PNG of 256 colours: a third of the size, the same to the eye."""
    figure = theme.new_figure(draw.groups if isinstance(draw, Draw) else 0)
    from PIL import Image  # comes with matplotlib

    draw(figure.subplots())
    file, pixels = BytesIO(), BytesIO()
    figure.savefig(pixels, format="rgba", dpi=dpi)
    size = (int(figure.get_figwidth() * dpi), int(figure.get_figheight() * dpi))
    full = Image.frombuffer("RGBA", size, pixels.getvalue())
    full.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG")
    return file.getvalue()


def save_all(
    fit: LmmFit,
    folder: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("png",),
    dpi: int = 200,
) -> list[Path]:
    """Write every figure that applies into a folder, each file whole or not at all.

    Parameters
    ----------
    folder : made if it does not exist; files of the same names are replaced
    formats : any of "png", "svg", "pdf"
    dpi : dots an inch of PNG files

    Returns
    -------
    the paths written, e.g. folder/caterpillar.png

    Raises
    ------
    UnknownOption : a format that is not offered
    FileFormatError : the folder or a file cannot be written
    MissingDependency : matplotlib is not installed

    Examples
    --------
    >>> import tempfile
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in fit.plot.save_all(folder, formats=("svg",))][:2]
    ['distributions.svg', 'observed.svg']
    """
    for kind in formats:
        if kind not in FORMATS:
            raise UnknownOption("formats", kind, FORMATS)
    theme.new_figure()  # a missing matplotlib is found before a folder is made
    where, paths = path_of(folder), []
    try:
        where.mkdir(parents=True, exist_ok=True)
        for name, _, draw in figures(fit):
            for kind in formats:
                paths.append(where / f"{name}.{kind}")
                _write(paths[-1], picture(name, draw, kind, dpi=dpi))
    except OSError as error:
        raise FileFormatError(
            f"Cannot write figures to {os.fspath(folder)!r}: {error.strerror or error}. Is it a "
            "folder, and may it be written?"
        ) from error
    return paths


def _write(path: Path, content: bytes) -> None:
    """Write beside the target and move into place, so that no half file is ever seen."""
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
