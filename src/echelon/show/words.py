"""What a fit says of itself in words: method, data, criteria, conventions, verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from echelon.infer.criteria import criteria
from echelon.infer.ols import adjusted_r_squared, f_test, r_squared
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import notes
from echelon.moments import GroupMoments
from echelon.multilevel.icc import icc, variance_shares
from echelon.show.cells import STAR_KEY, amount, places
from echelon.show.format import Script, integer, number, p_value, typeset, written

Fit: TypeAlias = LmmFit | OlsFit

_INTERCEPT = "(Intercept)"


def method(fit: Fit) -> str:
    """How the model was fitted, in words."""
    if isinstance(fit, OlsFit):
        weighted = fit.built.design.precision is not None
        return f"Linear model fit by {'weighted' if weighted else 'ordinary'} least squares"
    return f"Linear multilevel model fit by {'REML' if fit.reml else 'maximum likelihood'}"


def head(fit: Fit, script: Script) -> tuple[str, ...]:
    """Method, formula, data and criteria, one line each."""
    lines = [
        method(fit),
        f"Formula: {' '.join(fit.spec.formula.split())}",
        _data(fit),
        *_groups(fit),
    ]
    if isinstance(fit, LmmFit) and fit.residual is not None:
        lines.insert(2, f"Residuals: {fit.residual.structure}")
    if isinstance(fit, OlsFit):
        lines += _ols_lines(fit, script)
    return (*lines, _criteria_line(fit, script))


def foot(fit: Fit) -> tuple[str, ...]:
    """Conventions, star key, verdict and notes, one line each."""
    lines = [*conventions(fit), f"Stars: {STAR_KEY}."]
    said: tuple[str, ...] = (str(fit.source.missing),)
    if isinstance(fit, LmmFit):
        verdict = fit.verdict
        lines.append(f"Verdict: {verdict.status}. {verdict.message}")
        said = (*said, verdict.message)
    return (*lines, *(f"Note: {note}" for note in notes(fit) if note not in said))


def conventions(fit: Fit, tests: str = "") -> tuple[str, ...]:
    """What every number of a fit means: tests, parameters counted, reference levels.

    Parameters
    ----------
    tests : how fixed effects are tested, where not as the fit does
    """
    found = criteria(fit)
    p = len(fit.names)
    delta: tuple[str, ...] = ()
    said = tests or inference(fit)
    if isinstance(fit, OlsFit):
        counted = f"{_plural(p, 'coefficient')} and the residual variance"
    else:
        said = f"{'REML (restricted)' if fit.reml else 'Maximum'} likelihood; {said}"
        delta = ("SEs of variances, SDs and correlations: observed information, delta method.",)
        counted = f"{p} fixed, {found.parameters - p} of variance"
    count = f"AIC and BIC count {found.parameters} parameters ({counted})"
    return (f"{said}.", f"{count}; BIC uses log({found.n:,}).", *delta, *reference_levels(fit))


def inference(fit: Fit) -> str:
    """How the fixed effects are tested, in words."""
    if isinstance(fit, OlsFit):
        return "t tests on residual degrees of freedom"
    return {
        "satterthwaite": "t tests with Satterthwaite's degrees of freedom",
        "kenward-roger": "t tests with Kenward and Roger's standard errors and degrees of freedom",
        "between-within": "t tests with between-within degrees of freedom, counted as in HLM",
        "none": "z tests (normal approximation)",
    }[fit.df_method]


def comparability(fits: Sequence[Fit], names: Sequence[str]) -> str:
    """Which of several models may be compared by likelihood, AIC and BIC; "" when all may."""
    classes: list[list[int]] = []
    for i, fit in enumerate(fits):
        own = next((c for c in classes if _comparable(fits[c[0]], fit)), None)
        if own is None:
            classes.append([i])
        else:
            own.append(i)
    if len(classes) <= 1:
        return ""
    may = [" with ".join(names[i] for i in c) for c in classes if len(c) > 1]
    text = (
        "Log-likelihood, AIC and BIC are comparable only between models of the same response and "
        f"rows, fitted by the same likelihood: here {'; '.join(may) or 'none'}."
    )
    if any(_differ_in_fixed(a, b) for a in fits for b in fits):
        text += " REML likelihoods depend on the fixed effects; to compare, refit with reml=False."
    return text


def _comparable(a: Fit, b: Fit) -> bool:
    same = _restricted(a) == _restricted(b) and not _differ_in_fixed(a, b)
    return same and _same_data(a, b)


def _differ_in_fixed(a: Fit, b: Fit) -> bool:
    """Whether two REML fits of the same data have different fixed effects."""
    both = _restricted(a) and _restricted(b)
    return both and set(a.names) != set(b.names) and _same_data(a, b)


def _restricted(fit: Fit) -> bool:
    return isinstance(fit, LmmFit) and fit.reml


def _same_data(a: Fit, b: Fit) -> bool:
    """Whether response and rows agree, judged by name, count, mean and sum of squares."""
    mine, yours = (
        (m.weight, m.log_weight, m.centre[-1], m.cross[-1, -1])
        for m in (f.plain_moments if isinstance(f, LmmFit) else f.moments for f in (a, b))
    )
    return (a.response, a.n) == (b.response, b.n) and np.allclose(mine, yours, rtol=1e-9, atol=0)


def _data(fit: Fit) -> str:
    missing = fit.source.missing
    text = f"Data: {_plural(fit.n, 'row')}"
    if isinstance(fit, LmmFit):
        summaries = fit.source.kind == "summaries"
        text += " behind the summaries (n, mean, SD)" if summaries else ""
        if len(fit.factors) == 1:
            (group,) = fit.moments.groups
            inside = "of" if summaries else "in"
            text += f" {inside} {_plural(fit.J, 'group')} of {fit.factor} ({_sizes(group)})"
    if fit.built is not None and fit.built.design.precision is not None:
        text += ", with precision weights"
    if missing.n_used < missing.n_total:
        listed = ", ".join(f"{name} {count:,}" for name, count in missing.by_variable)
        dropped = missing.n_total - missing.n_used
        text += f"; {dropped:,} of {missing.n_total:,} left out (missing: {listed})"
    return text


def _groups(fit: Fit) -> tuple[str, ...]:
    """The line of the groups; one factor stands in the line of the data."""
    if isinstance(fit, OlsFit) or len(fit.factors) == 1:
        return ()
    said = (f"{g.factor} {integer(len(g.levels))} ({_sizes(g)})" for g in fit.moments.groups)
    return (f"Groups: {', '.join(said)}",)


def _sizes(group: GroupMoments) -> str:
    """How many rows a group has: "2 rows each", "16 to 51 rows each"."""
    low, high = integer(group.count.min()), integer(group.count.max())
    if low == high:
        return f"{low} {'row' if low == '1' else 'rows'} each"
    return f"{low} to {high} rows each"


def _criteria_line(fit: Fit, script: Script) -> str:
    found = criteria(fit)
    pairs = [("log-likelihood", found.loglik), ("AIC", found.aic), ("BIC", found.bic)]
    if isinstance(fit, LmmFit):
        pairs.insert(0, ("REML criterion" if fit.reml else "deviance", found.deviance))
    text = ", ".join(f"{name} {_said(value, script)}" for name, value in pairs)
    return text[0].upper() + text[1:]


def _said(value: float, script: Script) -> str:
    cell = amount(value, 1)
    return typeset(written(value, cell.kind or "number", 1), script)


def _ols_lines(fit: OlsFit, script: Script) -> Iterator[str]:
    sigma = typeset(number(float(np.sqrt(fit.sigma2)), 3), script)
    yield f"Residual SE {sigma} on {integer(fit.df_resid)} degrees of freedom"
    test = f_test(fit)
    shares = f"R² {_share(r_squared(fit))}, adjusted R² {_share(adjusted_r_squared(fit))}"
    if not test.df1:
        return
    p = p_value(test.p_value)
    sign = "" if p.startswith("<") else "= "
    yield (
        f"{shares}, F({test.df1}, {test.df2}) = {typeset(number(test.statistic, 2), script)}, "
        f"p {sign}{p.replace('<', '< ')}"
    )


def _share(x: float) -> str:
    """R squared with the four digits of R's summary."""
    return number(x, places(x, 4, 4))


def intraclass(fit: LmmFit) -> float | None:
    """The intraclass correlation of a model with random intercepts; None for others."""
    known = all(_INTERCEPT in group.effects for group in fit.moments.groups)
    return icc(fit) if known else None


def icc_label(fit: LmmFit) -> str:
    """What the intraclass correlation is called: a mean over rows of unequal variances or not."""
    means = all(group.effects == (_INTERCEPT,) for group in fit.moments.groups)
    means = means and (fit.residual is None or len(fit.residual.strata) == 1)
    return "ICC" if means else "ICC (mean over rows)"


def icc_parts(fit: LmmFit) -> tuple[tuple[str, float], ...]:
    """Each factor's part of the intraclass correlation; none where there is one factor only."""
    if len(fit.factors) == 1 or intraclass(fit) is None:
        return ()
    found = variance_shares(fit)
    total = found.total(adjusted=True)
    return tuple(
        (factor, part / total) for factor, part in zip(fit.factors, found.by_factor, strict=True)
    )


def reference_levels(fit: Fit) -> tuple[str, ...]:
    """Reference levels of the categorical predictors, and other contrasts, as far as known."""
    if fit.built is None:
        return ()
    references, others = [], []
    for name, coding in fit.built.recipe.codings.items():
        contrasted = (f"{name}{label}" for label in coding.labels)
        if not any(text in term for text in contrasted for term in (*fit.names, *fit.dropped)):
            continue
        base = np.flatnonzero(~coding.matrix.any(axis=1))
        if coding.contrast.kind == "treatment" and base.size == 1:
            references.append(f"{name} = {coding.full_labels[base[0]][1:-1]}")
        else:
            others.append(f"{name} ({coding.contrast.kind})")
    said = []
    if references:
        plural = "s" if len(references) > 1 else ""
        said.append(f"Reference level{plural}: {', '.join(references)}.")
    if others:
        said.append(f"Contrasts: {', '.join(others)}.")
    return tuple(said)


def _plural(count: int, noun: str) -> str:
    return f"{integer(count)} {noun}" + ("" if count == 1 else "s")
