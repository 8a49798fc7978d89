"""How well an estimator did, each number with its Monte Carlo standard error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.linalg.distributions import t_quantile

Array = NDArray[np.float64]
Measured = dict[str, float]

TESTED = ("std_error", "se_ratio", "coverage", "length", "type_1_error", "power", "detectable")
"""Measures of an estimator that has standard errors."""


def of_estimates(error: Array, truth: float) -> Measured:
    """Bias and spread of R estimates, given their errors (estimate less truth).

    Notes
    -----
    Monte Carlo standard errors by morris2019, table 6 (`study-bias`, `study-rmse`).

    Examples
    --------
    >>> found = of_estimates(np.array([-1.0, 1.0, 3.0, 1.0]), 2.0)
    >>> found["bias"], found["relative_bias"], round(found["bias_mcse"], 3)
    (1.0, 0.5, 0.816)
    """
    e = error[np.isfinite(error)]
    R = len(e)
    if R < 2:
        return {"replicates": R, "failed": len(error) - R}
    sd, mse = float(e.std(ddof=1)), float((e**2).mean())
    found = {
        "replicates": R,
        "failed": len(error) - R,
        "bias": float(e.mean()),
        "bias_mcse": float(sd / np.sqrt(R)),
        "rmse": float(np.sqrt(mse)),
        "rmse_mcse": float((e**2).std(ddof=1)) / np.sqrt(R) / (2 * np.sqrt(mse)) if mse else 0.0,
        "sd": sd,
        "sd_mcse": float(sd / np.sqrt(2 * (R - 1))),
    }
    if truth:
        found["relative_bias"] = found["bias"] / truth
        found["relative_bias_mcse"] = found["bias_mcse"] / abs(truth)
    return found


def of_variances(error: Array, truth: float) -> Measured:
    """The same of variance estimates, with the share that is zero or below."""
    found = of_estimates(error, truth)
    e = error[np.isfinite(error)]
    if len(e) > 1:
        # zeros of a search are exact; moment estimators are not cut off
        found |= _share("at_zero", e + truth <= 1e-12 * max(truth, float(np.abs(e).max())))
    return found


def of_tests(
    error: Array, std_error: Array, df: Array, *, truth: float, alpha: float, power: float
) -> Measured:
    """What the standard errors are worth: coverage, length, size and power.

    Parameters
    ----------
    error, std_error, df : (R,)
    alpha : level of the two-sided tests; intervals are at 1 - alpha
    power : of the smallest detectable effect

    Notes
    -----
    `study-coverage`, `study-se-ratio`, `study-detectable`; morris2019. The test of the true value
    is that of no effect where there is none: its share of rejections is the type I error.
    """
    known = np.isfinite(error) & np.isfinite(std_error) & ~np.isnan(df)
    if np.count_nonzero(known) < 2:
        return {}
    e, s, t = error[known], std_error[known], t_quantile(1 - alpha / 2, df[known])
    margin = t * s
    covered = np.abs(e) <= margin
    found = {**_mean("std_error", s), **_se_ratio(e, s), **_share("coverage", covered)}
    found |= {**_mean("length", 2 * margin), **_share("type_1_error", ~covered)}
    found |= _share("power", np.abs(truth + e) > margin)
    return found | _quantile("detectable", margin - e, power)


def of_efficiency(error: Array, best: Array) -> Measured:
    """Mean squared error of the best weights over that of the estimator, on the same responses.

    Parameters
    ----------
    best : (R,) errors of the estimator that knows the variances

    Notes
    -----
    `study-efficiency`; the Monte Carlo standard error is that of a ratio of paired means.
    """
    known = np.isfinite(error) & np.isfinite(best)
    if np.count_nonzero(known) < 2 or not error[known].any():
        return {}
    a, b = best[known] ** 2, error[known] ** 2
    ratio = float(a.mean() / b.mean())
    spread = float((a - ratio * b).std(ddof=1)) / np.sqrt(len(a))
    return {"efficiency": ratio, "efficiency_mcse": spread / float(b.mean())}


def _mean(name: str, values: Array) -> Measured:
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return {name: float(values.mean()), f"{name}_mcse": error}


def _share(name: str, hits: NDArray[np.bool_]) -> Measured:
    p = float(hits.mean())
    return {name: p, f"{name}_mcse": float(np.sqrt(p * (1 - p) / len(hits)))}


def _se_ratio(error: Array, std_error: Array) -> Measured:
    """Root mean square of the standard errors over the standard deviation of the estimates."""
    R, squares = len(error), std_error**2
    sd, mean = float(error.std(ddof=1)), float(squares.mean())
    if not sd or not mean:
        return {}
    ratio = np.sqrt(mean) / sd
    spread = float(squares.var(ddof=1)) / (4 * R * mean**2) + 1 / (2 * (R - 1))
    return {"se_ratio": float(ratio), "se_ratio_mcse": float(ratio * np.sqrt(spread))}


def _quantile(name: str, values: Array, share: float) -> Measured:
    """A quantile, its error from the quantiles one standard error of the share away."""
    step = np.sqrt(share * (1 - share) / len(values))
    low, high = (float(np.clip(share + sign * step, 0.0, 1.0)) for sign in (-1, 1))
    found = np.quantile(values, [low, share, high])
    return {name: float(found[1]), f"{name}_mcse": float(found[2] - found[0]) / 2}
