"""Do the estimates hang on single rows or groups?"""

from __future__ import annotations

import numpy as np

from echelon import tolerances
from echelon.diagnose.checks.code import quoted
from echelon.diagnose.finding import Finding, above, number
from echelon.diagnose.influence import group_influence_values, row_influence_values
from echelon.diagnose.influence.batch import batchable
from echelon.model.fit import LmmFit, OlsFit


def influence_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """The row and the group that move a coefficient most, in standard errors.

    Raises
    ------
    NeedsRows, NotYetSupported : as the measures
    """
    if not fit.names:
        return []
    found = [_rows(fit)]
    if isinstance(fit, LmmFit):
        found += [_groups(fit, factor) for factor in fit.factors]
    return found


def _rows(fit: LmmFit | OlsFit) -> Finding:
    check = "Influence of single rows"
    if fit.n * len(fit.names) ** 2 > tolerances.CHECK_INFLUENCE_WORK:
        return Finding(check, "model", "not checked", "Too many rows; ask by itself.", "", _ROWS)
    values = row_influence_values(fit)
    moved = np.where(np.isfinite(values.dfbetas), np.abs(values.dfbetas), 0.0)
    i, k = (int(x) for x in np.unravel_index(np.argmax(moved), moved.shape))
    size = float(moved[i, k])
    evidence = (
        f"Without row {values.row[i]} (counted from 0) {fit.names[k]} moves by {number(size, 2)} "
        "standard errors, and no other more."
    )
    return _finding(check, size, values.n, evidence, "row", _ROWS)


_ROWS = 'fit.influence("row")'


def _groups(fit: LmmFit, factor: str) -> Finding:
    check, J = f"Influence of single groups of {factor}", len(fit.group(factor).levels)
    code, together = f"fit.influence({quoted(factor)})", batchable(fit)
    work = float(J) * J * len(fit.names) ** 2
    if work > tolerances.CHECK_INFLUENCE_WORK or (
        not together and J * fit.n > tolerances.CHECK_CROSSED_WORK
    ):
        return Finding(check, "model", "not checked", "Too many groups; ask by itself.", "", code)
    refit = None if together and work <= tolerances.CHECK_REFIT_WORK else False
    values = group_influence_values(fit, factor, refit=refit)
    moved = np.where(np.isfinite(values.dfbetas), np.abs(values.dfbetas), 0.0)
    r, k = (int(x) for x in np.unravel_index(np.argmax(moved), moved.shape))
    size, label = float(moved[r, k]), values.units.labels[r]
    evidence = (
        f"Without {label} {fit.names[k]} moves by {number(size, 2)} standard errors, and no other "
        "more."
    )
    lost = [fit.names[i] for i in np.flatnonzero(np.isnan(values.beta[r]))]
    if lost:
        evidence += " Without some groups coefficients cannot be estimated."
    flips = np.asarray(values.flips.any(axis=0))
    if flips.any() and size >= _limits(J)[0]:
        names = [name for name, flip in zip(fit.names, flips, strict=True) if flip]
        evidence += f" Significance at 5% hangs on single groups for {', '.join(names)}."
    return _finding(check, size, J, evidence, "group", code)


def _limits(N: int) -> tuple[float, float]:
    """Moves, in standard errors, that one of N rows or groups makes in a clean sample seldom."""
    root = float(np.sqrt(N))
    return (
        max(tolerances.DFBETAS_LOOK, tolerances.DFBETAS_LOOK_ROOT / root),
        max(tolerances.DFBETAS_PROBLEM, tolerances.DFBETAS_PROBLEM_ROOT / root),
    )


def _finding(check: str, size: float, N: int, evidence: str, what: str, code: str) -> Finding:
    verdict = above(size, *_limits(N))
    if verdict == "fine":
        return Finding(check, "model", verdict, evidence)
    remedy = f"Is this {what} right, and of the population meant? Report the estimates with and "
    remedy += "without it."
    return Finding(check, "model", verdict, evidence, remedy, code)
