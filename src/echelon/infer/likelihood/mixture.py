"""The law of a likelihood ratio when variances are tested: a mixture of chi-squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.deviance import evaluate
from echelon.infer.likelihood.fitted import Fitted
from echelon.linalg.cones import psd_weights, quadrant_weights
from echelon.linalg.distributions import chi_bar_upper
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]
Effect = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mixture:
    """A chi-bar-square law: chi-square(df) with probabilities `weights`."""

    df: tuple[int, ...]
    weights: tuple[float, ...]

    def upper(self, x: float) -> float:
        """Upper tail area."""
        return chi_bar_upper(x, self.df, self.weights)

    def __str__(self) -> str:
        parts = zip(self.weights, self.df, strict=True)
        return " + ".join(f"{weight:.3g} chi-square({df})" for weight, df in parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    """What a smaller model sets to zero in the covariance of a larger one.

    Attributes
    ----------
    cones : for each block that loses effects, the places of those effects
    linear : places among the free entries of covariances that may have either sign
    free : places of the entries that both models have
    place : (q_small,) place in the larger model of each effect of the smaller
    plain : whether every covariance is unstructured
    """

    cones: tuple[tuple[int, ...], ...]
    linear: tuple[int, ...]
    free: tuple[int, ...]
    place: tuple[int, ...]
    plain: bool


def mixture(large: Fitted, small: Fitted) -> Mixture | None:
    """The asymptotic law of the likelihood ratio of a model and one without some of its variances.

    Returns
    -------
    None where no variance is tested (the law is chi-square), where the smaller model is at a
    boundary itself, and where the weights are not known: more than two effects at once, structured
    covariances other than one variance, effects that the larger model does not have

    Notes
    -----
    One variance with c covariances (and fixed effects): half chi-square(c), half chi-square(c + 1)
    (`mixture-one`; selfliang1987, stramlee1994). Two effects: weights from the expected information
    at the smaller model (`mixture-psd`, `mixture-quadrant`).
    """
    if large.fit is None or (small.fit is not None and small.fit.verdict.status != "converged"):
        return None
    tested = _tested(large.fit, small.fit)
    if tested is None or not tested.cones or not set(small.fixed) <= set(large.fixed):
        return None
    c = len(tested.linear) + len(large.fixed) - len(small.fixed)
    sizes = [len(cone) for cone in tested.cones]
    if sizes == [1]:
        weights = np.array([0.5, 0.5])
    elif sizes in ([2], [1, 1]) and tested.plain and _exact(large.fit):
        try:
            metric = _metric(large.fit, small.fit, tested)
            weights = psd_weights(metric) if sizes == [2] else quadrant_weights(metric)
        except np.linalg.LinAlgError:  # the data do not determine the variances
            return None
    else:
        return None
    return Mixture(tuple(range(c, c + len(weights))), tuple(float(w) for w in weights))


def _exact(fit: LmmFit) -> bool:
    """Whether the expected information is that of a plain model, without random probes."""
    return fit.residual is None and probes_used(fit) is None


def _effects(fit: LmmFit) -> list[Effect]:
    return [(group.factor, name) for group in fit.moments.groups for name in group.effects]


def _tested(large: LmmFit, small: LmmFit | None) -> _Tested | None:
    """What is tested; None when the smaller model is no part of the larger, by its names."""
    mine = _effects(large)
    theirs = [] if small is None else _effects(small)
    if not set(theirs) <= set(mine) or not _same_residuals(large, small):
        return None
    place = tuple(mine.index(effect) for effect in theirs)
    block_of = {} if small is None else _blocks_of(small, place)
    shape, plain = large.optimum.pairs, True
    cones: list[tuple[int, ...]] = []
    for kind, block in shape.blocks:
        here = range(block.start, block.stop)
        gone = tuple(i for i in here if i not in place)
        if kind != "us":
            plain = False
            if gone and (len(gone) < len(here) or kind != "homdiag"):
                return None
            gone = gone[:1]
        if gone:
            cones.append(gone)
    if small is not None and not _same_structures(large, small, place):
        return None
    linear: list[int] = []
    free: list[int] = []
    for i, (r, s) in enumerate(zip(shape.row.tolist(), shape.col.tolist(), strict=True)):
        if (r in place) != (s in place):
            linear.append(i)
        elif r in place:
            (free if block_of[r] == block_of[s] else linear).append(i)
    return _Tested(tuple(cones), tuple(linear), tuple(free), place, plain)


def _same_residuals(large: LmmFit, small: LmmFit | None) -> bool:
    """Whether the residuals have the same structure."""
    mine, theirs = (
        fit.residual.structure if fit is not None and fit.residual is not None else ""
        for fit in (large, small)
    )
    return mine == theirs


def _blocks_of(small: LmmFit, place: tuple[int, ...]) -> dict[int, int]:
    """The smaller model's block of each effect, by its place in the larger."""
    return {
        place[i]: number
        for number, (_, block) in enumerate(small.optimum.pairs.blocks)
        for i in range(block.start, block.stop)
    }


def _same_structures(large: LmmFit, small: LmmFit, place: tuple[int, ...]) -> bool:
    """Whether every block of the smaller model lies in one of the larger, of the same structure."""
    for kind, block in small.optimum.pairs.blocks:
        mine = {place[i] for i in range(block.start, block.stop)}
        into = [
            (other, set(range(b.start, b.stop)))
            for other, b in large.optimum.pairs.blocks
            if mine <= set(range(b.start, b.stop))
        ]
        if not into:
            return False
        other, whole = into[0]
        if kind != other or (kind != "us" and mine != whole):
            return False
    return True


def _metric(large: LmmFit, small: LmmFit | None, tested: _Tested) -> Array:
    """Expected information on the variances under test, all else profiled out.

    Parameters of the larger model at the smaller one's estimates: free entries of the relative
    covariance, and log sigma^2 (`mixture-information`).

    Raises
    ------
    LinAlgError : it is singular
    """
    task, shape = large.problem, large.optimum.pairs
    factor = np.zeros((shape.q, shape.q))
    if small is not None:
        at = np.array(tested.place, dtype=np.intp)
        factor[np.ix_(at, at)] = small.optimum.lam
    lam = shape.rotated(np.linalg.solve(task.whiten, factor).astype(np.float64))
    found = evaluate(task, lam, large.reml)
    if found is None:
        raise np.linalg.LinAlgError
    t = len(shape.row)
    information = np.empty((t + 1, t + 1))
    information[:t, :t] = found.curvature.trace
    information[:t, t] = information[t, :t] = found.curvature.slope
    information[t, t] = large.optimum.df
    back = np.eye(t + 1)  # from the user's entries to working ones
    back[:t, :t] = np.linalg.inv(shape.congruence(task.whiten))
    information = back.T @ information @ back
    gone = {i for cone in tested.cones for i in cone}
    cone = [
        i
        for i, (r, s) in enumerate(zip(shape.row.tolist(), shape.col.tolist(), strict=True))
        if r in gone and s in gone
    ]
    rest = [*tested.linear, *tested.free, t]
    unit = np.sqrt(np.diagonal(information))
    information = information / np.outer(unit, unit)
    across = information[np.ix_(cone, rest)]
    left = np.linalg.solve(information[np.ix_(rest, rest)], across.T)
    metric: Array = information[np.ix_(cone, cone)] - across @ left
    scaled: Array = metric * np.outer(unit[cone], unit[cone])
    return scaled
