"""Level 1: is the spread of the residuals the same everywhere?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.data import Column
from echelon.diagnose.checks.code import call, quoted
from echelon.diagnose.finding import Finding, judged, number, p_words, remark, share, worst
from echelon.diagnose.homogeneity import group_homogeneity
from echelon.diagnose.level1 import RowResiduals, design_of
from echelon.diagnose.scale import trend
from echelon.diagnose.spread import brown_forsythe, categories
from echelon.errors import DataError, NotYetSupported
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]

_LEAST = 20
"""Rows of a category whose residual SD is shown."""


def spread_findings(fit: LmmFit | OlsFit, rows: RowResiduals) -> list[Finding]:
    """The spread along fitted values, by category and by group."""
    by_category = _by_category(fit, rows)
    found = [_along(fit, rows), *([] if by_category is None else [by_category])]
    if isinstance(fit, LmmFit):
        found += [_by_group(fit, factor, rows) for factor in fit.factors]
    return found


def _along(fit: LmmFit | OlsFit, rows: RowResiduals) -> Finding:
    check = "Residuals: same spread along the fitted values"
    found = trend(rows.standard, rows.fitted)
    if not np.isfinite(found.p_value):
        return Finding(check, "level 1", "not checked", "The fitted values are all the same.")
    verdict = judged(
        found.p_value, found.ratio, tolerances.SD_RATIO_LOOK, tolerances.SD_RATIO_PROBLEM
    )
    part = {5: "fifth", 3: "third"}[found.parts]
    evidence = (
        f"The SD of standardised residuals is {number(found.low)} in the lowest {part} of the "
        f"fitted values and {number(found.high)} in the highest (Koenker's chi-square "
        f"{number(found.chi_square)} on 1 df, {p_words(found.p_value)})."
    )
    if verdict == "fine":
        return Finding(check, "level 1", verdict, evidence + remark(found.p_value))
    grows = found.high > found.low
    remedy = "Robust standard errors hold whatever the variances"
    remedy += "; a logarithm or root of the response often evens them out." if grows else "."
    return Finding(check, "level 1", verdict, evidence, remedy, 'fit.coefficients(robust="CR2")')


def _by_category(fit: LmmFit | OlsFit, rows: RowResiduals) -> Finding | None:
    """The category whose spread differs most, of all categorical predictors."""
    check, named = "Residuals: same spread in all categories", categories(fit)
    tests = {
        name: brown_forsythe(rows.standard, c.values.astype(np.intp)) for name, c in named.items()
    }
    tests = {name: test for name, test in tests.items() if np.isfinite(test.p_value)}
    if not tests:
        return None
    sds = {name: _sds(rows.standard, named[name]) for name in tests}
    verdicts = {
        name: judged(
            min(1.0, len(tests) * test.p_value),
            max(sds[name].values()) / max(min(sds[name].values()), 1e-300),
            tolerances.SD_RATIO_LOOK,
            tolerances.SD_RATIO_PROBLEM,
        )
        for name, test in tests.items()
    }
    verdict = worst(list(verdicts.values()))
    name = min(
        (n for n in tests if verdicts[n] == verdict),
        key=lambda n: tests[n].p_value,
    )
    ends = sorted(sds[name].items(), key=lambda item: item[1])
    (low, small), (high, large) = ends[0], ends[-1]
    test = tests[name]
    evidence = (
        f"By {name}: SD {number(small)} ({low}) to {number(large)} ({high}) of standardised "
        f"residuals (Brown-Forsythe F({test.df1}, {test.df2:,.0f}) = {number(test.statistic)}, "
        f"{p_words(test.p_value)})."
    )
    if verdict == "fine":
        evidence += f" Of {len(tests)} predictors." if len(tests) > 1 else ""
        evidence += remark(len(tests) * test.p_value)
        return Finding(check, "level 1", verdict, evidence)
    remedy = "Give each category a residual variance of its own, and compare the fits."
    return Finding(check, "level 1", verdict, evidence, remedy, _by_code(fit, name))


def _by_code(fit: LmmFit | OlsFit, name: str) -> str:
    column = name if name.isidentifier() else f"`{name}`"
    if isinstance(fit, OlsFit):
        return 'fit.coefficients(robust="CR1", cluster=...)'
    if fit.residual is None:
        return call(fit, residual=f"by({column})")
    return f"fit.variance_homogeneity({quoted(name)})"


def _sds(standard: Array, column: Column) -> dict[object, float]:
    """Residual SDs of the categories with enough rows; of all where none has."""
    levels = column.levels or ()
    good = np.isfinite(standard)
    codes = column.values[good].astype(np.intp)
    count = np.bincount(codes, minlength=len(levels))
    squares = np.bincount(codes, standard[good] ** 2, len(levels))
    enough = count >= min(_LEAST, max(int(count.max()), 1))
    sd = np.sqrt(squares / np.maximum(count, 1))
    return {level: float(s) for level, s, e in zip(levels, sd, enough, strict=True) if e}


def _by_group(fit: LmmFit, factor: str, rows: RowResiduals) -> Finding:
    check = f"Residuals: same spread in all groups of {factor}"
    try:
        found = group_homogeneity(fit, factor, rows=rows)
    except NotYetSupported as error:
        return Finding(check, "level 1", "not checked", str(error))
    except DataError:
        return _small_groups(fit, factor, check, rows)
    exact, robust = found.tests[1], found.tests[2]
    verdict = judged(
        max(exact.p_value, robust.p_value),
        found.spread,
        tolerances.EFFECT_SPREAD_LOOK,
        tolerances.EFFECT_SPREAD_PROBLEM,
    )
    evidence = (
        f"Residual SDs of groups vary by {share(found.spread)} beyond chance (H = "
        f"{number(exact.statistic)} on {exact.df1} df, {p_words(exact.p_value)}; Brown-Forsythe "
        f"{p_words(robust.p_value)}; {exact.groups} groups)."
    )
    if verdict == "fine":
        chance = max(exact.p_value, robust.p_value)
        return Finding(check, "level 1", verdict, evidence + remark(chance))
    return Finding(check, "level 1", verdict, evidence, *_group_remedy(fit, rows))


def _group_remedy(fit: LmmFit, rows: RowResiduals) -> tuple[str, str]:
    name = _between(fit, rows)
    if name is not None and fit.residual is None:
        return (
            f"A predictor or slope may be missing; {name} goes with part of it. Try a residual "
            "variance for each of its categories.",
            _by_code(fit, name),
        )
    return (
        "A level-1 predictor or a random slope may be missing. Robust standard errors hold "
        "whatever the variances.",
        'fit.coefficients(robust="CR2")',
    )


def _between(fit: LmmFit, rows: RowResiduals) -> str | None:
    """The categorical predictor that explains most of the groups' variances, if it is no chance."""
    best = (1.0, "")
    for name, column in categories(fit).items():
        best = min(
            best, (brown_forsythe(rows.standard, column.values.astype(np.intp)).p_value, name)
        )
    return best[1] if best[0] < tolerances.CHECK_LOOK else None


def _small_groups(fit: LmmFit, factor: str, check: str, rows: RowResiduals) -> Finding:
    """Brown and Forsythe's test alone, where groups are too small for variances of their own."""
    place = fit.place(factor)
    codes = design_of(fit, "Residual variances").factors[place].codes.astype(np.intp)
    test = brown_forsythe(rows.standard, codes)
    if not np.isfinite(test.p_value):
        return Finding(check, "level 1", "not checked", "The groups have too few rows each.")
    evidence = (
        f"Brown-Forsythe F({test.df1}, {test.df2:,.0f}) = {number(test.statistic)}, "
        f"{p_words(test.p_value)}; the groups are too small for residual variances of their own."
    )
    verdict = judged(test.p_value, 1.0, 0.0, np.inf)
    if verdict == "fine":
        return Finding(check, "level 1", verdict, evidence)
    remedy = "A level-1 predictor or a random slope may be missing. Robust standard errors hold."
    return Finding(check, "level 1", verdict, evidence, remedy, 'fit.coefficients(robust="CR2")')
