"""All figures that apply to a fit: with captions for a report, or written to a folder."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from echelon.errors import DataError, FileFormatError, UnknownOption
from echelon.model.fit import LmmFit
from echelon.plot import theme
from echelon.plot.caterpillar import caterpillar
from echelon.plot.columns import MOST_CATEGORIES, Variable, variable
from echelon.plot.distributions import distributions
from echelon.plot.means_by import means_by
from echelon.plot.shrinkage import shrinkage
from echelon.plot.sizes import observed, weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawing: TypeAlias = "tuple[str, str, Callable[[Axes], Axes]]"
FORMATS = ("png", "svg", "pdf")
_QUIET = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}  # same figure, same bytes
_IN_ROWS = ("distributions", "shrinkage", "caterpillar")
_MOST_ROWS = 40  # the default of `max_labels`


def figures(fit: LmmFit) -> list[Drawing]:
    """The figures that apply to a fit, in the order a reader wants them.

    Returns
    -------
    (name, caption, draw): a name fit for a file, one sentence that says how to read the figure,
    and a function that draws it into an axes and returns the axes. Nothing is drawn yet. Names in
    the margin need a figure laid out to hold them: layout="constrained", or `theme.new_figure()`.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> [name for name, caption, draw in figures(fit)]
    ['distributions', 'observed', 'weights', 'shrinkage', 'caterpillar']
    """
    made: list[Drawing] = []
    if fit.built is not None and fit.source.kind == "rows":
        made.append(("distributions", _distributions_caption(fit), _call(distributions, fit)))
    made.append(
        (
            "observed",
            "Each point is what one group shows by itself, against its number of rows; the upright "
            "line is its 95% interval, which is wider the smaller the group.",
            _call(observed, fit),
        )
    )
    made.append(
        (
            "weights",
            "Each point is the share of one group in the estimated average: between equal weights "
            "(dashed) and weights in proportion to the rows (sloping line).",
            _call(weights, fit),
        )
    )
    for term in fit.effects:
        made.extend(_by_term(fit, term))
    if fit.built is not None:
        made.extend(_against_predictors(fit))
    return made


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
    ...     len(fit.plot.save_all(folder, formats=("svg",)))
    5
    """
    for kind in formats:
        if kind not in FORMATS:
            raise UnknownOption("formats", kind, FORMATS)
    theme.new_figure()  # a missing matplotlib is found before a folder is made
    where, paths = Path(folder), []
    try:
        where.mkdir(parents=True, exist_ok=True)
        for name, _, draw in figures(fit):
            figure = theme.new_figure(_labelled_rows(fit, name))
            draw(figure.subplots())
            for kind in formats:
                paths.append(where / f"{name}.{kind}")
                _write(figure, paths[-1], dpi)
    except OSError as error:
        raise FileFormatError(
            f"Cannot write figures to {os.fspath(folder)!r}: {error.strerror or error}. Is it a "
            "folder, and may it be written?"
        ) from error
    return paths


def _write(figure: Figure, path: Path, dpi: int) -> None:
    """Save beside the target and move into place, so that no half file is ever seen."""
    import matplotlib as mpl

    kind = path.suffix[1:]
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    try:
        with mpl.rc_context({"svg.hashsalt": "echelon"}):
            figure.savefig(temporary, format=kind, dpi=dpi, metadata=_QUIET[kind])
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _labelled_rows(fit: LmmFit, name: str) -> int:
    return fit.J if name.startswith(_IN_ROWS) and fit.J <= _MOST_ROWS else 0


def _call(function: Callable[..., Axes], fit: LmmFit, **options: object) -> Callable[[Axes], Axes]:
    def draw(ax: Axes) -> Axes:
        return function(fit, ax=ax, **options)

    return draw


def _by_term(fit: LmmFit, term: str) -> list[Drawing]:
    """Shrinkage and caterpillar of one coefficient; named by it when there are several."""
    suffix = "" if len(fit.effects) == 1 else f"_{_slug(term)}"
    one = "mark" if fit.J <= _MOST_ROWS else "line"
    return [
        (
            f"shrinkage{suffix}",
            f"Each {one} leads from what a group shows by itself to its empirical Bayes estimate: "
            "the fewer rows a group has, the further it moves towards its prediction.",
            _call(shrinkage, fit, term=term),
        ),
        (
            f"caterpillar{suffix}",
            "Each point is the empirical Bayes estimate of one group with its 95% interval; "
            "darker intervals do not hold the prediction from the fixed part.",
            _call(caterpillar, fit, term=term),
        ),
    ]


def _distributions_caption(fit: LmmFit) -> str:
    mark = "box" if fit.J <= _MOST_ROWS else "upright slice"
    return (
        f"Each {mark} is one group, placed in the order of the means: the inner part holds the "
        "middle half of its rows and the outer part the middle 80%."
    )


def _against_predictors(fit: LmmFit) -> list[Drawing]:
    """Group means against each level-2 predictor on a scale, by the first categorical one."""
    found = _level2(fit)
    kinds = [v for v in found if 2 <= len(v.labels) <= MOST_CATEGORIES]
    scales = [v for v in found if not v.labels]
    by = kinds[0].name if kinds else None
    caption = "Each point is the observed mean of one group; the lines are the fixed part of the "
    caption += "model, with any other predictor at its mean."
    if scales:
        return [
            (f"means_by_{_slug(v.name)}", caption, _call(means_by, fit, predictor=v.name, by=by))
            for v in scales
        ]
    return [
        (
            f"means_by_{_slug(v.name)}",
            caption.replace("lines", "bars"),
            _call(means_by, fit, predictor=v.name),
        )
        for v in kinds[:1]
    ]


def _level2(fit: LmmFit) -> list[Variable]:
    """The predictors that are constant within groups, each once."""
    found: dict[str, Variable] = {}
    for name in fit.names:
        if name == "(Intercept)" or ":" in name:
            continue
        try:
            predictor = variable(fit, name, "figures()")
        except DataError:  # a categorical predictor of level 1
            continue
        if not predictor.varies:
            found.setdefault(predictor.name, predictor)
    return list(found.values())


def _slug(name: str) -> str:
    """A name fit for a file.

    >>> _slug("(Intercept)"), _slug("sector[T.Private]")
    ('intercept', 'sector_t_private')
    """
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "x"
