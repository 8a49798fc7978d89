"""Level 1: the shape of the residuals, their spread, single rows far out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.diagnose.checks.spread import spread_findings
from echelon.diagnose.finding import (
    Finding,
    Verdict,
    judged,
    listed,
    number,
    remark,
    share,
    worst,
)
from echelon.diagnose.level1 import RowResiduals, row_residuals
from echelon.diagnose.shape import Shape, shape
from echelon.linalg.distributions import normal_quantile
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


def level1_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """All that the residuals of the rows are asked. Raises NeedsRows without them."""
    rows = row_residuals(fit)
    return [
        _shape(fit, shape(rows.standard)),
        _rows(fit, rows),
        *spread_findings(fit, rows),
    ]


def _shape(fit: LmmFit | OlsFit, s: Shape) -> Finding:
    check = "Residuals: normal distribution"
    if not np.isfinite(s.skewness_p):
        return Finding(
            check, "level 1", "not checked", "Too few rows with a residual of their own."
        )
    verdict = shape_verdict(s)
    evidence = shape_words(s) + f" {share(s.beyond)} lie beyond 2 SD (5% if normal)."
    if verdict == "fine":
        chance = 2 * min(s.skewness_p, s.kurtosis_p)
        return Finding(check, "level 1", verdict, evidence + remark(chance))
    skewed = abs(s.skewness) >= tolerances.SKEW_LOOK
    remedy = (
        "Fixed effects and their tests suffer little; standard errors of variances and intervals "
        "for new rows do. Look at the Q-Q plot"
    )
    remedy += "; for a positive response, try its logarithm." if skewed else "."
    return Finding(check, "level 1", verdict, evidence, remedy, "fit.plot.qq()")


def shape_verdict(s: Shape, shapes: int = 1) -> Verdict:
    """The verdict on skewness and kurtosis of one of several shapes."""
    skew = judged(
        2 * shapes * s.skewness_p,
        abs(s.skewness),
        tolerances.SKEW_LOOK,
        tolerances.SKEW_PROBLEM,
    )
    tails = judged(
        2 * shapes * s.kurtosis_p,
        abs(s.kurtosis),
        tolerances.KURTOSIS_LOOK,
        tolerances.KURTOSIS_PROBLEM,
    )
    return worst([skew, tails])


def shape_words(s: Shape) -> str:
    """Skewness and kurtosis in a sentence."""
    return (
        f"Skewness {number(s.skewness, 2)} (SE {number(s.skewness_se, 2)}), excess kurtosis "
        f"{number(s.kurtosis, 2)} (SE {number(s.kurtosis_se, 2)})."
    )


def _rows(fit: LmmFit | OlsFit, rows: RowResiduals) -> Finding:
    """Single rows further out than chance among so many explains."""
    z = np.abs(rows.standard[np.isfinite(rows.standard)])
    check, found = "Residuals: single rows far out", shape(rows.standard)
    if not len(z) or not np.isfinite(found.largest_p):
        return Finding(check, "level 1", "not checked", "No row has a residual of its own.")
    evidence = f"The largest standardised residual is {number(found.largest, 3)}"
    if found.largest_p >= tolerances.CHECK_LOOK:
        return Finding(check, "level 1", "fine", f"{evidence}, no surprise among {found.n:,} rows.")
    reach = _reach(found.n)
    far = np.flatnonzero(np.abs(rows.standard) > reach)
    order = far[np.argsort(-np.abs(rows.standard[far]))]
    used = None if fit.built is None else fit.built.used
    place = order if used is None else np.flatnonzero(used)[order]
    evidence += (
        f": {len(far)} of {found.n:,} rows beyond {number(reach, 3)}, where a normal sample of "
        f"this size has one in 100 times (row{'s' if len(far) > 1 else ''} "
        f"{listed(place.tolist())}, counted from 0)."
    )
    remedy = "Are these values right? If so, see how much the estimates hang on them."
    code = f"data.iloc[{place[:10].tolist()}]" if fit.source.backend == "pandas" else ""
    return Finding(check, "level 1", "look", evidence, remedy, code or "fit.plot.residuals()")


def _reach(n: int) -> float:
    """The absolute value that the largest of n normal deviates passes once in 100 times."""
    return float(-normal_quantile(tolerances.CHECK_LOOK / (2 * n)))
