"""The result in one paragraph of plain language, with its numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from echelon.infer import Estimates, coefficient_values, component_values
from echelon.model.fit import LmmFit
from echelon.multilevel import GroupValues, explained_values, icc
from echelon.multilevel.icc import residual_variance
from echelon.report.markup import code, counted, said, share

_SPOKEN = 4  # coefficients told in words; a table reads better than a longer list


def summary_paragraph(fit: LmmFit, *groups: GroupValues, values: Estimates | None = None) -> str:
    """Return the summary as HTML: what was fitted, what came out, how sure it is.

    Parameters
    ----------
    groups : the groups of every factor, unpacked
    values : the fixed effects with the intervals shown; None for the fit's own
    """
    sentences = [
        *_warning(fit),
        _fitted(fit),
        *_fixed(fit, coefficient_values(fit) if values is None else values),
        *(_random(fit) if len(fit.factors) == 1 else _several(fit)),
        *_residual(fit),
        *_explained(fit),
        *(_reliability(fit, groups[0]) if len(fit.factors) == 1 else ()),
    ]
    return " ".join(sentences)


def _warning(fit: LmmFit) -> Iterator[str]:
    if fit.verdict.status == "failed":
        yield "<strong>The model did not converge: do not report the numbers below.</strong>"


def _fitted(fit: LmmFit) -> str:
    method = "restricted maximum likelihood (REML)" if fit.reml else "maximum likelihood (ML)"
    source = " known by their n, mean and SD" if fit.source.kind == "summaries" else ""
    where = " and ".join(
        f"{counted(len(group.levels), 'group', 'groups')} of {code(group.factor)}"
        for group in fit.moments.groups
    )
    return (
        f"A multilevel model of {code(fit.response)} was fitted by {method} to "
        f"{counted(fit.n, 'row', 'rows')} in {where}{source}."
    )


def _fixed(fit: LmmFit, values: Estimates) -> Iterator[str]:
    if values.names == ("(Intercept)",):
        yield (
            "The grand mean, the average of the groups’ true means, is estimated at "
            f"{said(values.estimate[0], values.std_error[0])} {_interval(values, 0)}."
        )
        return
    told = [i for i, name in enumerate(values.names) if name != "(Intercept)"]
    for i in told[:_SPOKEN]:
        yield _coefficient(fit, values, i)
    if len(told) > _SPOKEN:
        more = counted(len(told) - _SPOKEN, "coefficient is", "coefficients are")
        yield f"{more} in the table of fixed effects only."


def _coefficient(fit: LmmFit, values: Estimates, i: int) -> str:
    """One coefficient in a sentence."""
    name, b = values.names[i], values.estimate[i]
    zero = "includes" if values.conf_low[i] <= 0 <= values.conf_high[i] else "excludes"
    size = ("+" if b > 0 else "") + said(b, values.std_error[i])
    if ":" in name:
        return (
            f"The interaction {code(name)} is estimated at "
            f"{size} {_interval(values, i)}; the interval {zero} zero."
        )
    crossed = any(name in other.split(":") for other in values.names if other != name)
    where = ", where the variables it interacts with are zero" if crossed else ""
    others = ", the other predictors held equal" if len(values.names) > 2 else ""
    return (
        f"One unit more of {code(name)} goes with a difference of {size} in {code(fit.response)}"
        f"{others}{where} {_interval(values, i)}; the interval {zero} zero."
    )


def _interval(values: Estimates, i: int) -> str:
    se = values.std_error[i]
    low, high = said(values.conf_low[i], se), said(values.conf_high[i], se)
    return f"({100 * values.level:.0f}% interval {low} to {high})"


def _random(fit: LmmFit) -> Iterator[str]:
    rows = [row for row in component_values(fit).rows if not row.with_term]
    left = "" if len(fit.names) == 1 else " that the predictors leave"
    within = _within(fit)
    for row in (row for row in rows if row.group in fit.factors):
        sd = said(row.sd, row.sd, 3)
        if row.sd == 0:
            effect = f"the effect of {code(row.term)}"
            what = "their levels" if row.term == "(Intercept)" else effect
            yield f"The data show no sign that the groups differ in {what}: that variance is zero."
        elif row.term == "(Intercept)" and len(fit.effects) == 1:
            yield (
                f"The groups’ true means vary{' about their prediction' if left else ''} with a "
                f"standard deviation of {sd}, rows within a group with one of "
                f"{said(within, within, 3)}: {share(icc(fit))} of the variance{left} lies between "
                "groups (the intraclass correlation)."
            )
        elif row.term == "(Intercept)":
            yield f"The groups’ intercepts vary with a standard deviation of {sd}."
        else:
            yield (
                f"The effect of {code(row.term)} differs between groups, with a standard "
                f"deviation of {sd}."
            )


def _within(fit: LmmFit) -> float:
    """The residual SD; of unequal ones the root of their mean square over the rows."""
    return float(np.sqrt(residual_variance(fit)))


def _several(fit: LmmFit) -> Iterator[str]:
    """The variances of several grouping factors, and how they divide the variance."""
    rows = [row for row in component_values(fit).rows if not row.with_term]
    told, within = [row for row in rows if row.group in fit.factors], _within(fit)
    spreads = [f"{code(r.group)} with {said(r.sd, r.sd, 3)}" for r in told if r.sd > 0]
    names = {row.term for row in told}
    what = "intercepts" if names == {"(Intercept)"} else "intercepts and slopes"
    if spreads and what == "intercepts":
        yield (
            f"The standard deviations of the true {what} between groups: {', '.join(spreads)}; "
            f"within all groups, rows vary with {said(within, within, 3)}."
        )
    elif spreads:
        each = (
            f"{code(r.term)} between groups of {code(r.group)} {said(r.sd, r.sd, 3)}"
            for r in told
            if r.sd > 0
        )
        yield f"The standard deviations of the random effects: {'; '.join(each)}."
    for row in (row for row in told if row.sd == 0):
        yield (
            f"The data show no sign that groups of {code(row.group)} differ in {code(row.term)}: "
            "that variance is zero."
        )
    left = "" if len(fit.names) == 1 else " that the predictors leave"
    parts = (f"{code(factor)} {share(icc(fit, factor))}" for factor in fit.factors)
    yield (
        f"Of the variance{left}, {share(icc(fit))} lies between groups ({', '.join(parts)})"
        + ("." if what == "intercepts" else ", on average over the rows.")
    )


def _residual(fit: LmmFit) -> Iterator[str]:
    """The residual structure, where there is one."""
    known = fit.residual
    if known is None:
        return
    if len(known.strata) > 1:
        spreads = (
            f"{said(sd, sd, 3)} in {code(str(label))}"
            for label, sd in zip(known.strata, known.sd.tolist(), strict=True)
        )
        yield f"By {code(known.by)}, residuals have standard deviations of {', '.join(spreads)}."
    if known.correlation is not None:
        spec = known.layout.spec
        apart = f" one unit of {code(spec.time)} apart" if spec.time else " next to each other"
        which = "Any two" if known.correlation == "cs" else "Two"
        yield (
            f"{which} residuals of one group of {code(':'.join(spec.group))}"
            f"{'' if known.correlation == 'cs' else apart} correlate with {known.phi:.2f}."
        )


def _explained(fit: LmmFit) -> Iterator[str]:
    plain = all(group.effects == ("(Intercept)",) for group in fit.moments.groups)
    if not plain or len(fit.names) == 1:
        return
    found = explained_values(fit)
    several = len(fit.factors) > 1
    gains = [
        f"the variance between groups{f' of {code(factor)}' if several else ''} is "
        f"{share(abs(gain))} {'smaller' if gain >= 0 else 'larger'}"
        for factor, gain in zip(found.levels[:-1], found.explained.tolist(), strict=False)
        if np.isfinite(gain)
    ]
    if gains:
        yield f"Compared with the model without predictors, {' and '.join(gains)}."


def _reliability(fit: LmmFit, groups: GroupValues) -> Iterator[str]:
    lam = groups.reliability[:, 0]
    lam = lam[np.isfinite(lam)]
    if groups.effects != ("(Intercept)",) or not lam.size or not lam.any():
        return
    spread = "" if np.ptp(lam) < 5e-4 else f" on average ({lam.min():.2f} to {lam.max():.2f})"
    goal = "the grand mean" if len(fit.names) == 1 else "their prediction"
    yield (
        f"A group’s own mean measures its true mean with a reliability of {lam.mean():.2f}"
        f"{spread}; the less reliable means are pulled more strongly towards {goal}."
    )
