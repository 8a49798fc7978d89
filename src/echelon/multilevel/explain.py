"""One named group explained: what it shows, what the model makes of it, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.joint import draws, group_coefficients
from echelon.linalg.distributions import check_level
from echelon.linalg.generators import generator
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.model.own import OwnPart, own_part
from echelon.multilevel.factors import covariance_of
from echelon.multilevel.groups import GroupValues, group_values
from echelon.multilevel.named_groups import check_draws, number_of, place_with, term_of
from echelon.multilevel.rank_counts import ranks_of
from echelon.multilevel.ranks import Rng

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GroupRank:
    """The rank of one group among all, by what it is beyond its prediction; 1 is the highest.

    Attributes
    ----------
    rank : of the estimate;  median, low, high : over draws from the joint law of the groups
    """

    rank: float
    median: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class ExplainedCoefficient:
    """One random coefficient of one group.

    Attributes
    ----------
    term : the coefficient;  tau : its variance between groups
    own, own_se : what the group alone gives, nan where it cannot; with other factors, adjusted for
        them, and without a standard error of its own
    predicted : what the fixed effects expect of the group
    shared : whether they expect the same of all groups
    predictors : fixed effects that make the prediction, besides the coefficient's own
    reliability : nan where the iterative method does not give it
    estimate, std_error, conf_low, conf_high : empirical Bayes, fixed effects' uncertainty counted
    rank : None where the groups do not differ, or cannot be compared
    """

    term: str
    tau: float
    own: float
    own_se: float
    predicted: float
    shared: bool
    predictors: tuple[str, ...]
    reliability: float
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    rank: GroupRank | None

    @property
    def kept(self) -> float:
        """Share of the distance from the prediction that the estimate keeps; nan without `own`."""
        distance = self.own - self.predicted
        return (self.estimate - self.predicted) / distance if distance else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A named group and what becomes of it.

    Attributes
    ----------
    fit : the fit
    factor, label, others : grouping factor, the group's label, the other factors
    J : groups of the factor
    n : rows of the group, least and most rows of any
    mean : observed mean of the response, nan without a random intercept
    means : whether the coefficient is the mean of the response: no predictor within groups
    several : whether groups have several coefficients, which are shrunk together
    level1 : fixed effects of predictors that vary within groups
    level : coverage of the intervals
    coefficients : one entry a random coefficient asked for
    """

    fit: LmmFit
    factor: str
    label: object
    others: tuple[str, ...]
    J: int
    n: tuple[int, int, int]
    mean: float
    means: bool
    several: bool
    level1: tuple[str, ...]
    level: float
    coefficients: tuple[ExplainedCoefficient, ...]


def explain_values(
    fit: LmmFit,
    group: object,
    factor: str | None = None,
    term: str | None = None,
    *,
    level: float = 0.95,
    n: int = 4_000,
    rng: Rng = 0,
) -> Explanation:
    """Explain one group by its label.

    Notes
    -----
    The quantities are those of `group_values` (`rel-mean`, `eb-total`, `own-several`); the rank is
    simulated (`rank-draws`).
    """
    check_level(level)
    check_draws(n)
    place = place_with(fit, factor, (group,), "explain()")
    here = fit.moments.groups[place]
    j = number_of(here.levels, group, here.factor)
    values, split = group_values(fit, here.factor, level=level), own_part(fit, place)
    chosen = range(len(here.effects)) if term is None else (term_of(fit, place, term),)
    count = here.count
    alone = here.effects == ("(Intercept)",)
    return Explanation(
        fit=fit,
        factor=here.factor,
        label=here.levels[j],
        others=values.others,
        J=len(here.levels),
        n=(int(count[j]), int(count.min()), int(count.max())),
        mean=float(values.mean[j]),
        means=alone and not split.level1.any(),
        several=len(here.effects) > 1,
        level1=tuple(name for name, on in zip(fit.names, split.level1, strict=True) if on),
        level=level,
        coefficients=tuple(
            _coefficient(fit, values, split, place, at, j, _Draws(level, n, rng)) for at in chosen
        ),
    )


@dataclass(frozen=True, slots=True)
class _Draws:
    level: float
    n: int
    rng: Rng


def _coefficient(
    fit: LmmFit,
    values: GroupValues,
    split: OwnPart,
    place: int,
    at: int,
    j: int,
    made: _Draws,
) -> ExplainedCoefficient:
    predicted, tau = values.predicted[:, at], float(covariance_of(fit, place)[at, at])
    acting = np.asarray((np.abs(split.own[:, at]) > 0).any(axis=0))
    term = values.effects[at]
    named = tuple(
        name for name, on in zip(fit.names, acting.tolist(), strict=True) if on and name != term
    )
    return ExplainedCoefficient(
        term=term,
        tau=tau,
        own=float(values.ols[j, at]),
        own_se=float(np.sqrt(values.V[j, at])),
        predicted=float(predicted[j]),
        shared=bool(np.allclose(predicted, predicted[0], rtol=1e-9, atol=1e-12)),
        predictors=named,
        reliability=float(values.reliability[j, at]),
        estimate=float(values.eb[j, at]),
        std_error=float(values.posterior_se[j, at]),
        conf_low=float(values.conf_low[j, at]),
        conf_high=float(values.conf_high[j, at]),
        rank=_rank(fit, place, at, j, made) if tau > 0 and probes_used(fit) is None else None,
    )


def _rank(fit: LmmFit, place: int, at: int, j: int, made: _Draws) -> GroupRank:
    given = group_coefficients(fit, place, at, "effect")
    drawn = draws(given, made.n, generator(made.rng))
    ranks = np.sort(np.concatenate([1 + (d > d[:, [j]]).sum(axis=1) for d in drawn]))
    shares = np.array([(1 - made.level) / 2, 0.5, (1 + made.level) / 2])
    low, median, high = ranks[np.ceil(shares * made.n).astype(int) - 1]
    rank = ranks_of(given.estimate, lowest=False)[j]
    return GroupRank(float(rank), int(median), int(low), int(high))


def explanation_frame(found: Explanation) -> object:
    """The quantities as a table in the caller's dataframe library, one row a coefficient.

    Returns
    -------
    the factor's label, term, n, own, own_se, predicted, reliability, EB, EB_se, conf_low,
    conf_high, kept (share of the distance from the prediction), rank, rank_low, rank_high
    """
    parts = found.coefficients
    numbers = {
        "own": "own",
        "own_se": "own_se",
        "predicted": "predicted",
        "reliability": "reliability",
        "EB": "estimate",
        "EB_se": "std_error",
        "conf_low": "conf_low",
        "conf_high": "conf_high",
        "kept": "kept",
    }
    columns: dict[str, Values] = {
        found.factor: [found.label] * len(parts),
        "term": [part.term for part in parts],
        "n": [found.n[0]] * len(parts),
    }
    for name, attribute in numbers.items():
        columns[name] = np.array([getattr(part, attribute) for part in parts])
    for name, attribute in (("rank", "rank"), ("rank_low", "low"), ("rank_high", "high")):
        values = [getattr(part.rank, attribute) if part.rank else np.nan for part in parts]
        columns[name] = np.array(values, dtype=np.float64)
    return to_native(columns, found.fit.source.backend)
