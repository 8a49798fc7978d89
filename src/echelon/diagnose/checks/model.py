"""The search and the random part: convergence, boundary, correlations, slopes without a mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.checks.code import call, formula_with
from echelon.diagnose.finding import Finding, listed, number, share
from echelon.errors import NotYetSupported
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import PERFECT
from echelon.moments import GroupMoments
from echelon.multilevel.factors import covariance_of
from echelon.multilevel.icc import icc

Array = NDArray[np.float64]

_IN_SPAN = 1e-9
"""A random column is among the fixed ones when they leave less than this share of its squares."""


def search_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """Whether the estimates are the optimum."""
    check = "Estimates are the optimum"
    if isinstance(fit, OlsFit):
        if fit.rss == 0:
            return [Finding(check, "model", "problem", PERFECT, "Use fewer predictors.")]
        return [Finding(check, "model", "fine", "Least squares in closed form.")]
    verdict = fit.verdict
    if verdict.status == "failed":
        remedy = "Do not report these estimates: simplify the random part."
        return [Finding(check, "model", "problem", verdict.message, remedy, _simpler(fit))]
    if verdict.status == "boundary" or verdict.flat or verdict.rival is not None:
        remedy = "Consider a simpler random part; fixed effects stand."
        return [Finding(check, "model", "look", verdict.message, remedy, _simpler(fit))]
    off = "less than 1e-8" if abs(verdict.distance_se) < 1e-8 else f"{verdict.distance_se:.1e}"
    evidence = f"Converged: {off} standard errors from the optimum."
    if verdict.monte_carlo is not None:
        evidence += " By the iterative method: see fit.notes for the Monte Carlo error."
    return [Finding(check, "model", "fine", evidence)]


def _simpler(fit: LmmFit) -> str:
    return "fit.ranova()" if fit.residual is None else "fit.variance_components()"


def random_part_findings(fit: LmmFit) -> list[Finding]:
    """Correlations near one, slopes without a fixed effect, and the share of variance between."""
    found = [*_correlations(fit), *_slopes(fit)]
    share_between = _between(fit)
    return found if share_between is None else [*found, share_between]


def _correlations(fit: LmmFit) -> list[Finding]:
    check, worst = "Random effects told apart", (0.0, "", "", "")
    for place, group in enumerate(fit.moments.groups):
        T = covariance_of(fit, place)
        sd = np.sqrt(np.diagonal(T))
        if len(sd) < 2 or not (sd > 0).all():
            continue
        R = np.abs(T / np.outer(sd, sd) - np.eye(len(sd)))
        i, j = np.unravel_index(np.argmax(R), R.shape)
        worst = max(worst, (float(R[i, j]), group.effects[j], group.effects[i], group.factor))
    size, first, second, factor = worst
    if not factor:
        return []
    evidence = f"The largest correlation of random effects is {number(size, 2)} in absolute value"
    evidence += f" ({first} and {second} of {factor})."
    if size < tolerances.PAIR_OF_EFFECTS or fit.verdict.status == "boundary":
        return [Finding(check, "model", "fine", evidence)]
    remedy = "The data hardly tell the two apart. Test whether both are needed"
    remedy += "; a correlation far from zero may also mean that a predictor should be centred."
    return [Finding(check, "model", "look", evidence, remedy, _simpler(fit))]


def _slopes(fit: LmmFit) -> list[Finding]:
    """Random slopes whose mean is held at zero."""
    bare = {g.factor: _without_mean(fit, g) for g in fit.moments.groups}
    bare = {factor: names for factor, names in bare.items() if names}
    if not bare:
        return []
    names = tuple(dict.fromkeys(name for found in bare.values() for name in found))
    evidence = (
        f"Random effects without a fixed effect: {listed(names)}. Their mean is held at zero."
    )
    remedy = (
        "Unless theory says so, add the fixed effect; the variance otherwise takes up the mean."
    )
    code = "" if "(Intercept)" in names else call(fit, formula_with(fit, *names))
    return [Finding("Random slopes have a fixed effect", "model", "look", evidence, remedy, code)]


def _without_mean(fit: LmmFit, group: GroupMoments) -> tuple[str, ...]:
    """Effects whose column is no combination of the fixed columns."""
    moments = fit.moments
    at = [moments.columns.index(name) for name in fit.names]
    move = np.eye(len(moments.columns))
    move[0, 1:] = moments.centre[1:]  # back to raw columns
    V = (move.T @ moments.cross @ move)[np.ix_(at, at)]
    back = np.linalg.inv(group.user_from_centred())
    ZtZ = back.T @ group.ZtZ.sum(axis=0) @ back
    ZtV = (back.T @ group.ZtV.sum(axis=0) @ move)[:, at]
    if not at:
        return group.effects
    scale = np.sqrt(np.diagonal(V))
    taken = np.linalg.lstsq(V / np.outer(scale, scale), (ZtV / scale).T, rcond=1e-13)[0]
    total = np.diagonal(ZtZ)
    left = total - np.einsum("qp,pq->q", ZtV / scale, taken)
    return tuple(
        name
        for name, rest, all_ in zip(group.effects, left, total, strict=True)
        if rest > _IN_SPAN * all_ and name not in fit.names
    )


def _between(fit: LmmFit) -> Finding | None:
    check = "Groups differ"
    try:
        shares = {factor: icc(fit, factor) for factor in fit.factors}
    except NotYetSupported:
        return None
    text = "; ".join(f"{share(x)} between groups of {name}" for name, x in shares.items())
    evidence = f"Of the variance that the fixed part leaves, {text}."
    small = [name for name, x in shares.items() if x < tolerances.ICC_SMALL]
    if not small:
        return Finding(check, "model", "fine", evidence)
    remedy = (
        f"Grouping by {listed(small)} hardly matters here: least squares would give nearly the "
        "same numbers. Keep it if the design asks for it."
    )
    return Finding(check, "model", "look", evidence, remedy, "fit.ranova()")
