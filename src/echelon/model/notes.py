"""Guard rails: one plain sentence each about what a reader of the results should know."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import EchelonWarning
from echelon.model.fit import LmmFit, OlsFit


def notes(fit: LmmFit | OlsFit) -> tuple[str, ...]:
    """What is worth knowing about a fit, most important first; empty when nothing is."""
    found = []
    if isinstance(fit, LmmFit):
        verdict = fit.verdict
        if verdict.status != "converged" or verdict.flat or verdict.monte_carlo is not None:
            found.append(fit.verdict.message)
        found += [
            _few_groups(fit, group.factor, len(group.levels))
            for group in fit.moments.groups
            if len(group.levels) < tolerances.FEW_GROUPS
        ]
        if own_weights(fit):
            found.append(OWN_WEIGHTS)
        if fit.built is not None and fit.built.fixed_only:
            found.append(
                f"contrasts= codes the fixed part only: the random effects of "
                f"{', '.join(fit.built.fixed_only)} keep the default coding, as in lme4."
            )
    elif fit.rss == 0:
        found.append(PERFECT)
    if fit.dropped:
        found.append(
            f"Left out because they are combinations of other columns: {', '.join(fit.dropped)}."
        )
    if fit.source.missing.n_used < fit.source.missing.n_total:
        found.append(str(fit.source.missing))
    if fit.source.about:
        found.append(fit.source.about)
    return tuple(found)


def _few_groups(fit: LmmFit, factor: str, J: int) -> str:
    if fit.df_method == "none":
        return f'With {J} groups, z tests and intervals are too narrow: use df="satterthwaite".'
    where = "groups" if len(fit.factors) == 1 else f"groups of {factor}"
    text = f"The variance between {where} rests on {J} groups only: it is estimated poorly"
    counted = fit.df_method == "between-within"
    return text + ("." if counted else ", and so are the degrees of freedom.")


PERFECT = (
    "The model fits the response exactly: no residual variance is left, so there are no standard "
    "errors to test against, and the likelihood has no bound. Is the response computed from the "
    "predictors, or has the model as many coefficients as rows?"
)


OWN_WEIGHTS = (
    "precision= follows 1 / (a + b / n_j): these look like the model's own precision weights "
    "1 / Delta_j. The estimator applies them already; passing them again weights twice. Leave "
    "precision= out."
)


def own_weights(fit: LmmFit) -> bool:
    """Whether the precision weights given are, up to a factor, 1 / (a + b / n_j) with a, b > 0.

    That is the form of a random-intercept model's own weights 1 / Delta_j (or the weights in
    percent); no measurement error has it by chance.
    """
    if fit.built is None or fit.built.design.precision is None or len(fit.factors) > 1:
        return False
    w, codes = fit.built.design.precision, fit.built.design.factors[0].codes
    n = fit.group_moments.count.astype(float)
    mean = np.bincount(codes, weights=w, minlength=len(n)) / n
    if not np.allclose(w, mean[codes], rtol=1e-6):
        return False
    return _affine_in_inverse_size(n, 1 / mean)


def _affine_in_inverse_size(n: NDArray[np.float64], inverse: NDArray[np.float64]) -> bool:
    if len(np.unique(n)) < 3:
        return False
    if np.ptp(inverse) < 1e-3 * inverse.mean():  # equal weights are no weights
        return False
    X = np.column_stack([np.ones_like(n), 1 / n])
    (a, b), *_ = np.linalg.lstsq(X, inverse, rcond=None)
    return bool(a > 0 and b > 0 and np.allclose(X @ [a, b], inverse, rtol=1e-3))


def warn(fit: LmmFit) -> None:
    """Warn when a reported number may be wrong: weights used twice, a search that failed."""
    if own_weights(fit):
        warnings.warn(OWN_WEIGHTS, EchelonWarning, stacklevel=4)
    if fit.verdict.status == "failed":
        warnings.warn(fit.verdict.message, EchelonWarning, stacklevel=4)
