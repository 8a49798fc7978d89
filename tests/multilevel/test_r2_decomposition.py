"""Rights and Sterba's decomposition by brute force over rows and group means, and its laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, NeedsRows
from tolerances import CLOSED, SAME

FORMULAS = {
    "null": "mathach ~ 1 + (1 | school)",
    "centred": "mathach ~ cses + meanses + (cses | school)",
    "raw": "mathach ~ ses + sector + (ses | school)",
    "cross-level": "mathach ~ (meanses + sector) * cses + (cses | school)",
    "categories": "mathach ~ minority * sex + (1 | school)",
    "double bar": "mathach ~ ses + (ses || school)",
    "no intercept": "mathach ~ ses + (0 + ses | school)",
    "cell means": "mathach ~ sex + (0 + sex | school)",
}


def _matrices(fit):
    """X without the constant, and Z of the only factor, over the rows."""
    design = fit.built.design
    (factor,) = design.factors
    columns = [
        column
        for term in factor.terms
        for column in (*([np.ones(fit.n)] if term.intercept else []), *term.arrays)
    ]
    X = np.column_stack(design.arrays) if design.arrays else np.zeros((fit.n, 0))
    return X, np.column_stack(columns)


def _split(columns, groups):
    """Group means of columns, row by row, and what is left."""
    between = pd.DataFrame(columns).groupby(np.asarray(groups)).transform("mean").to_numpy()
    return columns - between, between


def _by_rows(fit, groups):
    """f1, f2, v1, v2 and m by brute force."""
    X, Z = _matrices(fit)
    n, T = fit.n, fit.optimum.covariance
    names = [name for name in fit.names if name != "(Intercept)"]
    beta = np.array(
        [b for b, name in zip(fit.optimum.beta, fit.names, strict=True) if name != "(Intercept)"]
    )
    assert len(names) == X.shape[1]
    Xw, Xb = _split(X, groups)
    Zw, Zb = _split(Z, groups)
    mean = Z.mean(axis=0)
    Zb = Zb - mean
    return (
        np.var(Xw @ beta, ddof=1) if len(beta) else 0.0,
        np.var(Xb @ beta, ddof=1) if len(beta) else 0.0,
        float(np.einsum("ia,ab,ib->", Zw, T, Zw)) / n,
        float(np.einsum("ia,ab,ib->", Zb, T, Zb)) / n,
        float(mean @ T @ mean),
    )


@pytest.mark.parametrize("name", FORMULAS)
def test_by_brute_force(hsb, name):
    fit = ec.lmer(FORMULAS[name], hsb)
    found = fit.r2_decomposition()
    expected = _by_rows(fit, hsb["school"])
    got = [*found.fixed, *found.slopes, found.intercepts[1]]
    np.testing.assert_allclose(got, expected, rtol=CLOSED["rtol"], atol=1e-9 * found.total)
    assert found.residual == fit.optimum.sigma2
    assert found.intercepts[0] == 0


@pytest.mark.parametrize("name", FORMULAS)
def test_sums(hsb, name):
    """Shares add up to one, over all and level by level; sums are those of Nakagawa."""
    fit = ec.lmer(FORMULAS[name], hsb)
    found, r2 = fit.r2_decomposition(), fit.r2()
    frame = found.frame()
    np.testing.assert_allclose(frame["share_total"].sum(), 1, **SAME)
    by_level = frame.groupby("level")["share_level"].sum()
    np.testing.assert_allclose(by_level.to_numpy(), 1, **SAME)
    known = found.measures()
    np.testing.assert_allclose(known["f", "total"], r2.marginal, **SAME)
    np.testing.assert_allclose(known["fvm", "total"], r2.conditional, **SAME)


def test_centred_predictors_are_the_plain_case(hsb):
    """As r2mlm: slopes vary the outcome within groups only, m is tau_00."""
    exact = hsb.assign(c=hsb["ses"] - hsb.groupby("school")["ses"].transform("mean"))
    fit = ec.lmer("mathach ~ c + meanses + (c | school)", exact)
    found = fit.r2_decomposition()
    assert [symbol for symbol, *_ in found.components()] == ["f1", "f2", "v", "m", ""]
    np.testing.assert_allclose(found.intercepts[1], fit.optimum.covariance[0, 0], **CLOSED)
    b = dict(zip(fit.names, fit.optimum.beta, strict=True))
    np.testing.assert_allclose(found.fixed[0], b["c"] ** 2 * exact["c"].var(), **CLOSED)
    np.testing.assert_allclose(found.fixed[1], b["meanses"] ** 2 * exact["meanses"].var(), **CLOSED)
    tau11 = fit.optimum.covariance[1, 1]
    np.testing.assert_allclose(found.slopes[0], tau11 * exact["c"].var(ddof=0), **CLOSED)


def test_shifting_a_predictor_changes_nothing(hsb):
    raw = ec.lmer("mathach ~ ses + (ses | school)", hsb).r2_decomposition()
    moved = ec.lmer("mathach ~ s + (s | school)", hsb.assign(s=100 - 7 * hsb["ses"]))
    found = moved.r2_decomposition()
    for name in ("fixed", "slopes", "intercepts"):
        np.testing.assert_allclose(getattr(found, name), getattr(raw, name), rtol=1e-5, atol=1e-9)


def _three() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    school, klass = np.repeat(np.arange(15), 12), np.repeat(np.arange(45), 4)
    x = rng.normal(size=180) + rng.normal(size=45)[klass] + rng.normal(size=15)[school]
    y = 2 * x + rng.normal(size=15)[school] * (2 + x) + 1.5 * rng.normal(size=45)[klass]
    table = pd.DataFrame({"y": y + rng.normal(size=180), "x": x, "s": school, "k": klass})
    return table.iloc[rng.permutation(180)[:170]]


def test_nested_factors():
    """Three levels: a column's means of classes about those of schools are a level of their own."""
    table = _three()
    fit = ec.lmer("y ~ x + (x | s) + (1 | k)", table)
    found = fit.r2_decomposition()
    assert found.levels == ("within", "k", "s")
    x = table["x"]
    within = x - x.groupby(table["k"]).transform("mean")
    school = x.groupby(table["s"]).transform("mean")
    klass = x.groupby(table["k"]).transform("mean") - school
    b = fit.optimum.beta[1]
    expected = [b**2 * part.var() for part in (within, klass, school)]
    np.testing.assert_allclose(found.fixed, expected, **CLOSED)
    T = fit.optimum.covariance
    slopes = [T[1, 1] * np.mean(part**2) for part in (within, klass)]
    slopes.append(T[1, 1] * school.var(ddof=0))
    np.testing.assert_allclose(found.slopes, slopes, **CLOSED)
    mean = np.array([1, x.mean()])
    np.testing.assert_allclose(
        found.intercepts, [0, T[2, 2], mean @ T[:2, :2] @ mean], rtol=1e-7, atol=1e-12
    )
    known, r2 = found.measures(), fit.r2()
    np.testing.assert_allclose(known["fvm", "total"], r2.conditional, **SAME)


def test_residual_structures(hsb):
    fit = ec.lmer("mathach ~ ses + (ses | school)", hsb, residual="by(sex)")
    found = fit.r2_decomposition()
    sd = fit.residual.sd[fit.residual.stratum]
    np.testing.assert_allclose(found.residual, np.mean(sd**2), **CLOSED)
    expected = _by_rows(fit, hsb["school"])
    got = [*found.fixed, *found.slopes, found.intercepts[1]]
    np.testing.assert_allclose(got, expected, **CLOSED)


def test_weights_and_missing_rows(hsb):
    table = hsb.assign(w=np.linspace(0.5, 2, len(hsb)))
    table.loc[::7, "ses"] = np.nan
    fit = ec.lmer("mathach ~ ses + (ses | school)", table, precision="w")
    found = fit.r2_decomposition()
    expected = _by_rows(fit, table.loc[table["ses"].notna(), "school"])
    got = [*found.fixed, *found.slopes, found.intercepts[1]]
    np.testing.assert_allclose(got, expected, **CLOSED)


def test_summaries_and_refusals(timss, timss_summaries, sleep):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).r2_decomposition()
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).r2_decomposition()
    np.testing.assert_allclose(given.by_level, rows.by_level, rtol=1e-7)
    crossed = ec.lmer("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleep)
    with pytest.raises(DataError, match="cross"):
        crossed.r2_decomposition()


def test_a_slope_alone_needs_rows(sleep):
    from dataclasses import replace

    fit = ec.lmer("Reaction ~ Days + (0 + Days | Subject)", sleep)
    with pytest.raises(NeedsRows):
        ec.LMM.of(replace(fit, built=None)).r2_decomposition()


def test_shown(hsb):
    found = ec.lmer(FORMULAS["raw"], hsb).r2_decomposition()
    text = repr(found)
    assert "Variance of mathach by source and level" in text
    assert "Centre them within groups" in text
    assert "<table" in found._repr_html_()
    known = found.measures()
    assert known["v2", "between"] == pytest.approx(found.slopes[1] / found.by_level[1])


def test_a_level_without_variance():
    """Nothing lies between groups: shares of it are missing, not errors."""
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)})
    found = fit.r2_decomposition()
    assert found.by_level[1] == 0
    assert np.isnan(found.measures()["m", "between"])
    assert "Random intercepts" in repr(found)
    assert found.plot(ax=_axes()).get_ylabel() == "Share of variance"


def _axes():
    from echelon.plot.theme import new_figure

    return new_figure().subplots()
