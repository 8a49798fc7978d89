"""All figures that apply to a fit, with captions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from echelon.errors import DataError
from echelon.model.fit import LmmFit
from echelon.plot.caterpillar import caterpillar
from echelon.plot.columns import MOST_CATEGORIES, Variable, variable
from echelon.plot.distributions import distributions
from echelon.plot.means_by import means_by
from echelon.plot.shrinkage import shrinkage
from echelon.plot.sizes import observed, weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Drawing: TypeAlias = "tuple[str, str, Callable[[Axes], Axes]]"
MOST_ROWS = 40  # groups that figures name row by row: the default of `max_labels`


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
    if len(np.unique(fit.group_moments.count)) > 1:
        made.extend(_against_sizes(fit))
    for term in fit.effects:
        made.extend(_by_term(fit, term))
    if fit.built is not None:
        made.extend(_against_predictors(fit))
    return made


def _against_sizes(fit: LmmFit) -> list[Drawing]:
    """What depends on the group size; nothing to see when all groups have the same."""
    return [
        (
            "observed",
            "Each point is what one group shows by itself, against its number of rows; the upright "
            "line is its 95% interval, which is wider the smaller the group.",
            _call(observed, fit),
        ),
        (
            "weights",
            "Each point is the share of one group in the estimated average: between equal weights "
            "(dashed) and weights in proportion to the rows (sloping line).",
            _call(weights, fit),
        ),
    ]


def _call(function: Callable[..., Axes], fit: LmmFit, **options: object) -> Callable[[Axes], Axes]:
    def draw(ax: Axes) -> Axes:
        return function(fit, ax=ax, **options)

    return draw


def _by_term(fit: LmmFit, term: str) -> list[Drawing]:
    """Shrinkage and caterpillar of one coefficient; named by it when there are several."""
    suffix = "" if len(fit.effects) == 1 else f"_{_slug(term)}"
    one = "mark" if fit.J <= MOST_ROWS else "line"
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
    mark = "box" if fit.J <= MOST_ROWS else "upright slice"
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
