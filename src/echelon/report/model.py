"""The model: equations, fixed effects, variances, and whether the optimum was reached."""

from __future__ import annotations

import numpy as np

from echelon.errors import NotIdentified
from echelon.estimate.verdict import Verdict
from echelon.infer import coefficient_values, component_values, criteria
from echelon.model.fit import LmmFit
from echelon.multilevel import explained_values, icc, r2, reliability_values, variance_test_values
from echelon.report.equations import equations_block
from echelon.report.markup import facts, paragraph, safe, section, share, table_box
from echelon.show import Entry, Heading, Section, Table
from echelon.show.cells import amount, places
from echelon.show.format import integer, number, typeset

_WORDS = {
    "converged": "Converged.",
    "boundary": "At the boundary.",
    "failed": "Not converged: do not report these estimates.",
}
_CORRELATION = "Covariances of the random effects"


def model_section(fit: LmmFit) -> str:
    """Return the section on the model and its estimates."""
    pairs = _covariances(fit)
    return section(
        "model",
        "The model",
        [
            "<h3>Did the fit reach its optimum?</h3>",
            verdict_box(fit.verdict),
            *equations_block(fit),
            "<h3>Fixed effects</h3>",
            table_box(fixed_table(fit), "fixed"),
            "<h3>Random effects</h3>",
            table_box(random_table(fit), "random"),
            *([table_box(pairs, "covariances")] if pairs else []),
            "<h3>Shares of variance and fit</h3>",
            facts(_shares(fit) + _criteria(fit)),
            paragraph(_explained_note(fit), "soft"),
        ],
    )


def verdict_box(verdict: Verdict) -> str:
    """Return the verdict with its evidence in words."""
    evidence = f"Evidence: {verdict.evidence[0].lower()}{verdict.evidence[1:]}"
    return (
        f'<div class="verdict {safe(verdict.status)}">\n<p><span class="word">'
        f"{_WORDS[verdict.status]}</span> {safe(verdict.message)}</p>\n"
        f"{paragraph(safe(evidence), 'soft')}\n</div>"
    )


def fixed_table(fit: LmmFit) -> Table:
    """Return the fixed effects with standard errors, tests and intervals."""
    values = coefficient_values(fit)
    z = values.method == "none"
    rows = tuple(
        (
            name,
            *(amount(x, places(se, 3)) for x in (b, se)),
            *(() if z else (df,)),
            t,
            p,
            *(amount(x, places(se, 3)) for x in (low, high)),
        )
        for name, b, se, df, t, p, low, high in zip(
            values.names,
            values.estimate.tolist(),
            values.std_error.tolist(),
            values.df.tolist(),
            values.statistic.tolist(),
            values.p_value.tolist(),
            values.conf_low.tolist(),
            values.conf_high.tolist(),
            strict=True,
        )
    )
    heads = (
        Heading("Coefficient", "text"),
        Heading("Estimate"),
        Heading("SE"),
        *(() if z else (Heading("df", digits=1),)),
        Heading("z" if z else "t", digits=2),
        Heading("p", "p"),
        *(Heading(name, group=_interval_name(values.level)) for name in ("Lower", "Upper")),
    )
    how = "normal approximation" if z else "degrees of freedom by Satterthwaite’s method"
    left = f" Left out as combinations of others: {', '.join(fit.dropped)}." if fit.dropped else ""
    note = f"Estimates by {'REML' if fit.reml else 'ML'}; {how}; two-sided tests.{left}"
    return Table(heads, (Section(rows),), "Fixed effects", (note,))


def _interval_name(level: float) -> str:
    return f"{100 * level:.0f}% interval"


def random_table(fit: LmmFit) -> Table:
    """Return the variances with standard errors and reliabilities; with one factor also tests."""
    several = len(fit.factors) > 1
    cells = _several_cells(fit) if several else _tested_cells(fit)
    width = len(next(iter(cells.values())))
    rows = []
    for row in component_values(fit).rows:
        if row.with_term:
            continue
        sizes = (row.variance, row.variance_se, row.sd)
        numbers = [Entry("—") if np.isnan(x) else amount(x, places(x, 3)) for x in sizes]
        own = cells.get((row.group, row.term), (None,) * width)
        rows.append((row.group, row.term, *numbers, *own))
    test = "Chi-square test"
    heads = (
        Heading("Group", "text"),
        Heading("Effect", "text"),
        *(Heading(name) for name in ("Variance", "SE", "SD", "Reliability")),
        *((Heading("EB reliability"),) if several else ()),
        *(
            ()
            if several
            else (
                Heading("χ²", digits=1, group=test),
                Heading("df", "integer", group=test),
                Heading("p", "p", group=test),
            )
        ),
    )
    notes = _several_notes() if several else _tested_notes(fit)
    if any(row.variance == 0 for row in component_values(fit).rows if not row.with_term):
        notes.append("A variance of exactly zero has no standard error.")
    return Table(heads, (Section(tuple(rows)),), "Random effects", tuple(notes))


_Cells = dict[tuple[str, str], tuple[Entry | float | int | None, ...]]


def _tested_cells(fit: LmmFit) -> _Cells:
    """Reliability and chi-square test of each random effect of the only factor."""
    tests, lam = variance_test_values(fit), reliability_values(fit)
    return {
        (fit.factor, term): (
            float(lam.reliability[i]),
            float(tests.chi_square[i]),
            max(int(tests.df[i]), 0),
            float(tests.p_value[i]),
        )
        for i, term in enumerate(fit.effects)
    }


def _tested_notes(fit: LmmFit) -> list[str]:
    used = variance_test_values(fit).groups_used
    notes = ["SE of the variance; reliability: mean over the groups; χ²: test of no variance."]
    if 0 < used < fit.J:
        notes.append(
            f"Reliability and χ² rest on the {integer(used)} of {integer(fit.J)} "
            "groups whose own rows suffice to estimate their coefficients."
        )
    return notes


def _several_cells(fit: LmmFit) -> _Cells:
    """The two reliabilities of each random effect of several factors."""
    made: _Cells = {}
    for factor in fit.factors:
        found = reliability_values(fit, factor)
        pairs = zip(found.reliability.tolist(), found.determined.tolist(), strict=True)
        for term, (own, eb) in zip(found.terms, pairs, strict=True):
            made[factor, term] = (Entry("—") if np.isnan(own) else own, eb)
    return made


def _several_notes() -> list[str]:
    return [
        "SE of the variance. Reliability: of the groups’ own estimates, mean over the groups, for "
        "nested factors only. EB reliability: 1 - conditional variance / variance, mean over the "
        "groups. The χ² test of a variance is defined for one grouping factor only."
    ]


def _covariances(fit: LmmFit) -> Table | None:
    found = [row for row in component_values(fit).rows if row.with_term]
    if not found:
        return None
    heads = (
        *(Heading(name, "text") for name in ("Group", "Effect", "with")),
        *(Heading(name) for name in ("Covariance", "SE", "Correlation")),
    )
    rows = tuple(
        (row.group, row.term, row.with_term, row.variance, row.variance_se, row.sd) for row in found
    )
    return Table(heads, (Section(rows),), _CORRELATION)


def _shares(fit: LmmFit) -> list[tuple[str, str]]:
    left = "" if len(fit.names) == 1 else ", residual"
    pairs = [(f"Intraclass correlation (ICC{left})", f"{icc(fit):.3f} ({share(icc(fit))})")]
    if len(fit.factors) > 1:
        shares = ((factor, icc(fit, factor)) for factor in fit.factors)
        pairs += [(f"of this, between groups of {f}", f"{x:.3f} ({share(x)})") for f, x in shares]
    if len(fit.names) == 1:
        return pairs
    found = r2(fit)
    pairs.append(("R², fixed effects (marginal)", f"{found.marginal:.3f}"))
    pairs.append(("R², with random effects (conditional)", f"{found.conditional:.3f}"))
    try:
        gain = explained_values(fit)
    except NotIdentified:
        return pairs
    for level, term, x in zip(gain.levels, gain.terms, gain.explained.tolist(), strict=True):
        if term not in ("", "(Intercept)"):
            continue
        what = "within groups" if level == "Residual" else "between groups"
        if len(fit.factors) > 1 and level != "Residual":
            what += f" of {level}"
        if np.isfinite(x):
            pairs.append((f"Explained variance {what}", share(x)))
    return pairs


def _explained_note(fit: LmmFit) -> str:
    if len(fit.names) == 1:
        return ""
    return (
        "Explained variance is the proportion by which a variance is smaller than in the model "
        "without predictors, fitted to the same rows; a negative value means that it is larger."
    )


def _criteria(fit: LmmFit) -> list[tuple[str, str]]:
    values = criteria(fit)
    kind = " (REML)" if values.restricted else ""
    text = [typeset(number(x, 1), "unicode") for x in (values.loglik, values.aic, values.bic)]
    return [
        (f"Log-likelihood{kind}", text[0]),
        ("AIC, BIC", f"{text[1]}, {text[2]} ({values.parameters} parameters)"),
    ]
