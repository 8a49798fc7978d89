"""All figures that apply to a fit, with captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from echelon import tolerances
from echelon.errors import DataError
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.moments import GroupMoments
from echelon.multilevel.factors import covariance_of
from echelon.multilevel.groups import group_values
from echelon.plot.caterpillar import caterpillar
from echelon.plot.columns import MOST_CATEGORIES, Variable, variable
from echelon.plot.distributions import distributions
from echelon.plot.gallery_residuals import residual_figures
from echelon.plot.league import league
from echelon.plot.means_by import means_by
from echelon.plot.shrinkage import shrinkage
from echelon.plot.sizes import observed, weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW_EFFECTS = 1000  # above it the league table is drawn from fewer draws: eyes see no more
MOST_ROWS = 40  # groups that figures name row by row: the default of `max_labels`


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A figure still to be drawn: called with an axes, it draws into it and returns it.

    Attributes
    ----------
    function, fit, options : what is drawn
    groups : groups that it names row by row; 0 for none
    """

    function: Callable[..., Axes]
    fit: LmmFit
    options: Mapping[str, object]
    groups: int = 0

    def __call__(self, ax: Axes) -> Axes:
        """Draw into the axes."""
        return self.function(self.fit, ax=ax, **self.options)


Drawing: TypeAlias = tuple[str, str, Draw]


def figures(fit: LmmFit) -> list[Drawing]:
    """The figures that apply to a fit, in the order a reader wants them.

    Returns
    -------
    (name, caption, draw): a name fit for a file, one sentence that says how to read the figure,
    and a function that draws it into an axes and returns the axes; with several grouping factors
    those of each, named by it. Nothing is drawn yet. Names in
    the margin need a figure laid out to hold them: layout="constrained", or `theme.new_figure()`.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> [name for name, caption, draw in figures(fit)][:6]
    ['distributions', 'observed', 'weights', 'shrinkage', 'caterpillar', 'league']
    """
    made: list[Drawing] = []
    for at in range(len(fit.factors)):
        made.extend(_of_factor(fit, at))
    if fit.built is not None:
        made.extend(_against_predictors(fit))
    suffixes = tuple(_suffix(fit, at) for at in range(len(fit.factors)))
    for name, caption, function, options in residual_figures(fit, suffixes):
        made.append((name, caption, Draw(function, fit, options)))
    return made


def _of_factor(fit: LmmFit, at: int) -> list[Drawing]:
    """The figures of the groups of one factor."""
    group, made = fit.moments.groups[at], list[Drawing]()
    if fit.built is not None and fit.source.kind == "rows":
        name, caption = f"distributions{_suffix(fit, at)}", _distributions_caption(group)
        made.append((name, caption, _call(distributions, fit, at)))
    if len(fit.factors) == 1 and len(np.unique(group.count)) > 1:
        made.extend(_against_sizes(fit))
    for term in group.effects:
        made.extend(_by_term(fit, at, term))
    return made


def _suffix(fit: LmmFit, at: int) -> str:
    """The name of the factor in the name of a figure, when there are several."""
    return "" if len(fit.factors) == 1 else f"_{_slug(fit.factors[at])}"


def _against_sizes(fit: LmmFit) -> list[Drawing]:
    """What depends on the group size; nothing to see when all groups have the same."""
    return [
        (
            "observed",
            "Each point is what one group shows by itself, against its number of rows; the upright "
            "line is its 95% interval, which is wider the smaller the group.",
            _call(observed, fit, 0),
        ),
        (
            "weights",
            "Each point is the share of one group in the estimated average: between equal weights "
            "(dashed) and weights in proportion to the rows (sloping line).",
            _call(weights, fit, 0),
        ),
    ]


def _call(function: Callable[..., Axes], fit: LmmFit, at: int, **options: object) -> Draw:
    J = len(fit.moments.groups[at].levels)
    named = function in (distributions, shrinkage, caterpillar, league) and J <= MOST_ROWS
    return Draw(function, fit, {"factor": fit.factors[at], **options}, J if named else 0)


def _by_term(fit: LmmFit, at: int, term: str) -> list[Drawing]:
    """Shrinkage, caterpillar and league table of one coefficient; named by it among several."""
    group, several = fit.moments.groups[at], len(fit.factors) > 1
    suffix = _suffix(fit, at) + ("" if len(group.effects) == 1 else f"_{_slug(term)}")
    one = f"{'mark' if len(group.levels) <= MOST_ROWS else 'line'}"
    of = f" of {group.factor}" if several else ""
    own = "what a group shows by itself"
    if several:
        others = [name for name in fit.factors if name != group.factor]
        own += f" (adjusted for {' and '.join(others)})"
    made: list[Drawing] = [
        (
            f"shrinkage{suffix}",
            f"Each {one} leads from {own} to its empirical Bayes estimate: "
            "the fewer rows a group has, the further it moves towards its prediction.",
            _call(shrinkage, fit, at, term=term),
        ),
        (
            f"caterpillar{suffix}",
            f"Each point is the empirical Bayes estimate of one group{of} with its 95% interval; "
            "darker intervals do not hold the prediction from the fixed part.",
            _call(caterpillar, fit, at, term=term),
        ),
        *_ranked(fit, at, term, f"league{suffix}"),
    ]
    return made[1:] if several and _nothing_to_shrink(fit, at) else made


def _ranked(fit: LmmFit, at: int, term: str, name: str) -> list[Drawing]:
    """The league table, where the groups differ and draws from their joint law can be made."""
    groups = fit.moments.groups
    place = groups[at].effects.index(term)
    flat = covariance_of(fit, at)[place, place] <= 0
    effects = [len(group.levels) * len(group.effects) for group in groups]
    if flat or probes_used(fit) is not None or sum(effects) - max(effects) > tolerances.MAX_SPAN:
        return []
    caption = (
        "Each line holds the ranks that the data allow one group, the best estimate on top and the "
        "point at the median: were ranks known, the lines would be points on the diagonal, and "
        "grey ones cannot even be told from the middle."
    )
    n = 10_000 if sum(effects) <= _FEW_EFFECTS else 2_000
    return [(name, caption, _call(league, fit, at, term=term, n=n))]


def _nothing_to_shrink(fit: LmmFit, at: int) -> bool:
    """Whether no group has an estimate of its own: a variance is zero, or a correlation one.

    The iterative method does not give the conditional variances of large factors, and so neither.
    """
    if probes_used(fit) is not None:
        return not np.isfinite(group_values(fit, fit.factors[at]).ols).any()
    T = covariance_of(fit, at)
    scale = np.sqrt(np.diagonal(T))
    if not scale.all():
        return True
    return bool(np.linalg.eigvalsh(T / np.outer(scale, scale))[0] <= 1e-10)


def _distributions_caption(group: GroupMoments) -> str:
    mark = "box" if len(group.levels) <= MOST_ROWS else "upright slice"
    return (
        f"Each {mark} is one group, placed in the order of the means: the inner part holds the "
        "middle half of its rows and the outer part the middle 80%."
    )


def _against_predictors(fit: LmmFit) -> list[Drawing]:
    """Group means against each level-2 predictor on a scale, by the first categorical one.

    A predictor is drawn for the factor of fewest groups within which it is constant.
    """
    made: list[Drawing] = []
    seen: set[str] = set()
    sizes = [len(group.levels) for group in fit.moments.groups]
    for at in sorted(range(len(sizes)), key=lambda at: sizes[at]):
        found = _level2(fit, at)
        made.extend(_by_predictor(fit, at, [v for v in found if v.name not in seen], found))
        seen.update(v.name for v in found)
    return made


def _by_predictor(
    fit: LmmFit, at: int, new: list[Variable], found: list[Variable]
) -> list[Drawing]:
    kinds = [v for v in found if 2 <= len(v.labels) <= MOST_CATEGORIES]
    scales = [v for v in new if not v.labels]
    by = kinds[0].name if kinds else None
    caption = "Each point is the observed mean of one group; the lines are the fixed part of the "
    caption += "model, with any other predictor at its mean."
    if scales:
        return [
            (
                f"means_by_{_slug(v.name)}",
                caption,
                _call(means_by, fit, at, predictor=v.name, by=by),
            )
            for v in scales
        ]
    return [
        (
            f"means_by_{_slug(v.name)}",
            caption.replace("lines", "bars"),
            _call(means_by, fit, at, predictor=v.name),
        )
        for v in [v for v in kinds if v in new][:1]
    ]


def _level2(fit: LmmFit, at: int) -> list[Variable]:
    """The predictors that are constant within the groups of a factor, each once."""
    found: dict[str, Variable] = {}
    for name in fit.names:
        if name == "(Intercept)" or ":" in name:
            continue
        try:
            predictor = variable(fit, name, "figures()", at)
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
