"""The fixed part: linearity, slopes within and between groups, collinearity."""

from __future__ import annotations

import numpy as np

from echelon import tolerances
from echelon.diagnose.checks.code import call, formula_with, quoted
from echelon.diagnose.collinearity import Collinearity, collinearity_values
from echelon.diagnose.contextual import Context, contextual_values
from echelon.diagnose.finding import (
    Finding,
    Verdict,
    above,
    judged,
    listed,
    number,
    p_words,
    remark,
    worst,
)
from echelon.diagnose.linearity import WHOLE, Curvature, linearity_values
from echelon.errors import DataError
from echelon.model.fit import LmmFit, OlsFit


def linearity_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """Curvature of the numeric predictors. Raises NeedsRows without rows."""
    check, found = "Linearity", linearity_values(fit).tests
    if not found:
        return []
    verdicts = [_bend_verdict(test, len(found)) for test in found]
    verdict = worst(verdicts)
    bent = [t for t, v in zip(found, verdicts, strict=True) if v == verdict]
    test = min(bent, key=lambda t: t.p_value)
    what = "the fixed part as a whole" if test.predictor == WHOLE else test.predictor
    evidence = (
        f"{'Most curved: ' if len(found) > 1 else ''}{what}, whose square adds "
        f"{number(test.bend)} per SD squared ({number(test.relative, 2)} residual SDs; "
        f"F(1, {test.df:,.0f}) = {number(test.F)}, {p_words(test.p_value)})."
    )
    if verdict == "fine":
        chance = len(found) * test.p_value
        return [Finding(check, "fixed part", verdict, evidence + remark(chance))]
    return [Finding(check, "fixed part", verdict, evidence, *_bend_remedy(fit, test))]


def _bend_verdict(test: Curvature, tests: int) -> Verdict:
    return judged(
        min(1.0, tests * test.p_value),
        test.relative,
        tolerances.BEND_LOOK,
        tolerances.BEND_PROBLEM,
    )


def _bend_remedy(fit: LmmFit | OlsFit, test: Curvature) -> tuple[str, str]:
    if test.predictor == WHOLE:
        return (
            "A square, a product of predictors or another scale of the response is missing. Look "
            "at residuals against fitted values.",
            "fit.plot.residuals()",
        )
    term = f"I({test.predictor}**2)"
    return (
        f"Add a square, or a spline such as ns({test.predictor}, df=4), and look at the curve.",
        call(fit, formula_with(fit, term)),
    )


def contextual_findings(fit: LmmFit) -> list[Finding]:
    """Within against between slopes, one finding a factor. Raises NeedsRows without rows."""
    contextual, found = contextual_values(fit), list[Finding]()
    for factor in fit.factors:
        terms = [c for c in contextual.terms if c.factor == factor]
        if terms:
            found.append(_contextual(fit, factor, terms))
    return found


def _contextual(fit: LmmFit, factor: str, terms: list[Context]) -> Finding:
    check = f"Same slope within and between groups of {factor}"
    verdicts = [
        judged(
            min(1.0, len(terms) * c.p_value),
            c.size,
            tolerances.CONTEXT_LOOK,
            tolerances.CONTEXT_PROBLEM,
        )
        for c in terms
    ]
    verdict = worst(verdicts)
    some = [c for c, v in zip(terms, verdicts, strict=True) if v == verdict]
    term = min(some, key=lambda c: c.p_value)
    i = int(np.argmax(np.abs(term.difference / term.difference_se)))
    evidence = (
        f"{term.columns[i]}: {number(term.within[i])} within groups, "
        f"{number(term.between[i])} between; difference "
        f"{number(term.difference[i])} (SE {number(term.difference_se[i], 2)}; "
        f"{p_words(term.p_value)})."
    )
    if verdict == "fine":
        return Finding(check, "fixed part", verdict, evidence + remark(len(terms) * term.p_value))
    others = [c.term for c in some if c is not term]
    if others:
        evidence += f" Also {listed(others)}."
    remedy = (
        "The random effects go with the predictor, so its slope mixes the two. Add its group mean: "
        "the slope is then that within groups, and the mean's coefficient the contextual effect."
    )
    return Finding(check, "fixed part", verdict, evidence, remedy, _mean_code(fit, term))


def _mean_code(fit: LmmFit, term: Context) -> str:
    """Code that adds a group mean, where the predictor and the groups are columns of the table."""
    if not (term.numeric and term.term.isidentifier() and ":" not in term.factor):
        return ""
    mean = f'data = ec.group_mean(data, "{term.term}", by={quoted(term.factor)})'
    return f"{mean}\n{call(fit, formula_with(fit, f'{term.term}_m'))}"


def collinearity_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """Variance inflation; nothing for a model with one predictor."""
    try:
        found = collinearity_values(fit)
    except DataError:
        return []
    check, i = "Collinearity", int(np.argmax(found.vif))
    largest = float(found.vif[i])
    verdict = worst(
        [
            above(largest, tolerances.VIF_LOOK, tolerances.VIF_PROBLEM),
            above(found.condition, tolerances.CONDITION_LOOK),
        ]
    )
    evidence = (
        f"Largest VIF {number(largest)} ({found.terms[i]}): standard errors "
        f"{number(largest**0.5, 2)} times those of uncorrelated predictors. Condition number "
        f"{number(found.condition)}, {number(found.centred)} about the means."
    )
    if verdict == "fine":
        return [Finding(check, "fixed part", verdict, evidence)]
    remedy, code = _collinearity_remedy(fit, found, i)
    return [Finding(check, "fixed part", verdict, evidence, remedy, code)]


def _collinearity_remedy(fit: LmmFit | OlsFit, found: Collinearity, i: int) -> tuple[str, str]:
    if found.products:
        name = next(
            (v for v in found.terms if v.isidentifier() and v in " ".join(found.products)), ""
        )
        code = f'data = ec.center(data, "{name}")' if name else "fit.collinearity()"
        return (
            f"{listed(found.products)} stand{'s' if len(found.products) == 1 else ''} beside the "
            "predictors in them. Centre these first: the model stays the same, lower-order "
            "coefficients then are slopes at the mean, and their VIF falls.",
            code,
        )
    if found.condition >= tolerances.CONDITION_LOOK and found.vif[i] < tolerances.VIF_LOOK:
        return ("A predictor is far from zero or on a scale of its own. Centre it.", "")
    return (
        "These coefficients cannot be told apart: interpret them together (joint tests), or leave "
        "one of the predictors out.",
        "fit.collinearity()",
    )
