"""Tables of fit measures: decompositions of variance, conditional AIC, design effects."""

from __future__ import annotations

import math

import numpy as np

from echelon.multilevel.conditional_aic import ConditionalAIC
from echelon.multilevel.design_effect import DesignEffect
from echelon.multilevel.performance import Performance
from echelon.multilevel.r2_decomposition import R2Decomposition, share
from echelon.multilevel.r2_levels import R2Levels
from echelon.show.cells import Row, amount, places
from echelon.show.table import Cell, Entry, Heading, Section, Table

_COUNTED = {
    "greven-kneib": "Effective parameters count the estimation of the variances "
    "(Greven and Kneib).",
    "vaida-blanchard": "Effective parameters take the variances of the random effects as known "
    "(Vaida and Blanchard).",
    "finite-sample": "Effective parameters of Vaida and Blanchard for finite samples; the "
    "variances of the random effects are known up to sigma^2.",
}


def r2_decomposition_table(found: R2Decomposition, *, digits: int = 3) -> Table:
    """Rights and Sterba's decomposition: components, then R squared.

    Parameters
    ----------
    digits : decimals of the shares

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ cses + (cses | school)", hsb)
    >>> fit.r2_decomposition().table().to_text().splitlines()[7].split()[-3:]
    ['2.099', '0.044', '0.054']
    """
    totals = dict(zip(found.levels, found.by_level.tolist(), strict=True))
    heads = (
        Heading("", "text"),
        Heading("Source", "text"),
        Heading("Variance", digits=digits),
        Heading("Total", digits=digits, group="Share of"),
        *(Heading(_level(name), digits=digits, group="Share of") for name in found.levels),
    )
    rows = []
    for symbol, source, level, value in found.components():
        shares = [share(value, totals[level]) if name == level else None for name in found.levels]
        where = f"{source}, {level}" if symbol else source
        shown = amount(value, places(value, digits))
        rows.append((symbol, _capital(where), shown, value / found.total, *shares))
    all_shares = [share(each, each) for each in found.by_level.tolist()]
    rows.append(("", "All", amount(found.total, digits), 1.0, *all_shares))
    measured = [
        (symbol, _capital(text), None, *_measure(found, symbol))
        for symbol, text in (
            ("f", "fixed effects (marginal)"),
            ("fv", "fixed effects and slopes"),
            ("fvm", "all but the residual (conditional)"),
        )
    ]
    sections = (Section(tuple(rows), "Components"), Section(tuple(measured), "R squared"))
    return Table(
        heads, sections, f"Variance of {found.response} by source and level", _notes(found)
    )


def _measure(found: R2Decomposition, symbol: str) -> list[float | None]:
    known = found.measures()
    return [known.get((symbol, name)) for name in ("total", *found.levels)]


def _notes(found: R2Decomposition) -> tuple[str, ...]:
    made = ["Each component's share is an R squared: of the whole variance, or of its level's."]
    if any(symbol == "v2" for symbol, *_ in found.components()):
        made.append(
            "Predictors with random slopes differ between groups, so slopes vary the outcome "
            "between groups too (v2). Centre them within groups to tell v and m apart clearly."
        )
    return tuple(made)


def r2_levels_table(found: R2Levels, *, digits: int = 3) -> Table:
    """Snijders and Bosker's R squared with the variances that it compares."""
    heads = (
        Heading("", "text"),
        Heading("Without predictors", digits=digits),
        Heading("Model", digits=digits),
        Heading("R squared", digits=digits),
    )
    error0, error = found.tau_null + found.sigma2_null, found.tau + found.sigma2
    mean0 = found.tau_null + found.sigma2_null / found.size
    mean = found.tau + found.sigma2 / found.size
    rows: tuple[Row, ...] = (
        (f"Variance between {found.factor}", found.tau_null, found.tau, None),
        ("Variance within", found.sigma2_null, found.sigma2, None),
        ("Error of predicting a row (level 1)", error0, error, found.level1),
        ("Error of predicting a group's mean (level 2)", mean0, mean, found.level2),
    )
    notes = [f"Of the mean of a group of {found.size:.4g} rows."]
    if found.slopes:
        left = ", ".join(found.slopes)
        notes.append(f"Compared without random slopes ({left}), fitted again so.")
    return Table(heads, (Section(rows),), "R squared of Snijders and Bosker", tuple(notes))


def conditional_aic_table(found: ConditionalAIC, *, digits: int = 2) -> Table:
    """Conditional AIC and what it is made of."""
    rows: list[Row] = [
        ("Conditional log-likelihood", found.loglik),
        ("Effective parameters", found.df),
        ("  of fixed and random effects", found.rho),
    ]
    if found.method == "greven-kneib":
        rows.append(("  for estimating the variances", found.correction))
    rows += [
        ("Conditional AIC", found.value),
        ("Parameters in AIC, for comparison", Entry(found.marginal_df, "integer")),
    ]
    kind = "REML" if found.restricted else "maximum likelihood"
    notes = (
        _COUNTED[found.method],
        "Compare models of the same rows, for predictions in the same groups. Variances are "
        f"{kind} estimates.",
    )
    heads = (Heading("", "text"), Heading("Value", digits=digits))
    return Table(heads, (Section(tuple(rows)),), f"Conditional AIC of {found.formula}", notes)


def design_effect_table(found: DesignEffect, *, digits: int = 2) -> Table:
    """Design effects: of the mean, and of every fixed effect."""
    heads = (
        Heading("", "text"),
        Heading("SE", digits=3),
        Heading("SE if independent", digits=3),
        Heading("Design effect", digits=digits),
        Heading("Effective n", digits=0),
        Heading("of OLS", digits=digits, group="Design effect"),
    )
    rows = []
    for i, term in enumerate(found.terms):
        scale = places(float(found.std_error[i]), 3)
        rows.append(
            (
                term,
                Entry(float(found.std_error[i]), digits=scale),
                Entry(float(found.std_error_srs[i]), digits=scale),
                float(found.deff[i]),
                float(found.effective_rows[i]),
                _number(float(found.deff_ols[i])),
            )
        )
    mean = ("Mean of all rows", None, None, found.kish, found.effective_n, None)
    sections = (Section((mean,), "Kish"), Section(tuple(rows), "Fixed effects"))
    clusters = "; ".join(
        f"{J:,} groups of {name}, {size:.4g} rows on average ({paired:.4g} seen from a row), "
        f"ICC {icc:.3f}"
        for name, J, size, paired, icc in zip(
            found.factors, found.groups, found.mean_size, found.paired_size, found.icc, strict=True
        )
    )
    notes = (
        f"{found.n:,} rows: {clusters}.",
        "Design effect: variance of an estimate over its variance if the same rows were "
        "independent with the same total variance. Effective n: so many independent rows would "
        "tell as much.",
        "Of OLS: the same for least squares on the rows, whose printed errors are too small by its "
        "square root.",
    )
    return Table(heads, sections, "Design effects", notes)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def performance_table(found: Performance, *, digits: int = 3) -> Table:
    """Fit measures, one a row; those that do not apply are left out."""
    kind = "REML" if found.restricted else "ML"
    rows: list[Row] = [("Rows", Entry(found.n, "integer"))]
    shown: tuple[tuple[str, float, int], ...] = (
        (f"Log-likelihood ({kind})", found.loglik, 2),
        (f"AIC ({found.parameters} parameters)", found.aic, 2),
        ("AICc", found.aicc, 2),
        ("BIC", found.bic, 2),
        (f"Conditional AIC ({found.conditional_df:.1f} parameters)", found.conditional_aic, 2),
        ("R squared, marginal" if _lmm(found) else "R squared", found.r2_marginal, digits),
        ("R squared, conditional", found.r2_conditional, digits),
        ("R squared, adjusted", found.r2_adjusted, digits),
        ("ICC, adjusted", found.icc, digits),
        ("ICC, unadjusted", found.icc_unadjusted, digits),
        ("Design effect of the mean", found.design_effect, 2),
        ("Effective n of the mean", found.effective_n, 0),
        ("RMSE", found.rmse, places(found.rmse, digits)),
        ("Residual SD", found.sigma, places(found.sigma, digits)),
    )
    rows += [(name, Entry(value, digits=d)) for name, value, d in shown if np.isfinite(value)]
    heads: tuple[Heading, ...] = (Heading("", "text"), Heading("Value", digits=digits))
    cells: tuple[tuple[Cell | Entry, ...], ...] = tuple(rows)
    return Table(heads, (Section(cells),), f"Fit of {found.formula}")


def _lmm(found: Performance) -> bool:
    return bool(np.isfinite(found.r2_conditional))


def _level(name: str) -> str:
    """The heading of a level; names of factors stay as they are."""
    return _capital(name) if name in ("within", "between") else name


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
