"""Johnson-Neyman regions: the closed form, exact boundaries with moving df, refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import echelon as ec
from echelon.errors import DataError, UnknownColumn
from echelon.infer.marginal.crossings import crossings, excess, line_crossings
from echelon.infer.uncertainty import FixedFreedom
from tolerances import CLOSED, OPTIMUM


@pytest.fixture(scope="module")
def hsb() -> pd.DataFrame:
    return ec.datasets.load("hsb", quiet=True)


@pytest.fixture(scope="module")
def fit(hsb: pd.DataFrame) -> ec.LMM:
    return ec.lmer("mathach ~ ses * meanses + ses * sector + (ses | school)", hsb)


@pytest.fixture(scope="module")
def small() -> ec.LMM:
    """Few groups, so that degrees of freedom move much along the moderator."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(12), 8)
    w, x = rng.normal(size=12)[g], rng.normal(size=96)
    u = rng.normal(size=(12, 2))[g] * [1.0, 0.7]
    y = 0.4 * x + 2.0 * x * w + u[:, 0] + u[:, 1] * x + rng.normal(size=96)
    return ec.lmer("y ~ x * w + (x | g)", pd.DataFrame({"y": y, "x": x, "w": w, "g": g}))


def closed_form(fit: ec.LMM | ec.OLS, focal: str, inter: str, t: float) -> np.ndarray:
    """Bauer and Curran (2005), equations for the boundaries of an interaction."""
    names = list(fit.names)
    beta = np.asarray(fit.params)
    V = fit.cov_params()
    i, j = names.index(focal), names.index(inter)
    a = beta[j] ** 2 - t**2 * V[j, j]
    b = 2 * (beta[i] * beta[j] - t**2 * V[i, j])
    c = beta[i] ** 2 - t**2 * V[i, i]
    if b**2 < 4 * a * c:
        return np.empty(0)
    return np.sort((-b + np.array([1, -1]) * np.sqrt(b**2 - 4 * a * c)) / (2 * a))


def test_closed_form_with_one_df(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    for level in (0.9, 0.95, 0.999):
        z = stats.norm.ppf((1 + level) / 2)
        found = fit.johnson_neyman(
            "ses", "meanses", at={"sector": "Public"}, df="none", level=level
        )
        expected = closed_form(fit, "ses", "ses:meanses", z)
        assert_allclose(found.boundaries, expected, rtol=CLOSED["rtol"])
    line = ec.lm("mathach ~ ses * meanses", hsb)
    t = stats.t.ppf(0.975, line.df_resid)
    expected = closed_form(line, "ses", "ses:meanses", t)
    assert_allclose(line.johnson_neyman("ses", "meanses").boundaries, expected, rtol=1e-9)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "between-within", "none"])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_at_a_boundary_p_is_alpha_and_the_interval_touches_zero(
    small: ec.LMM, df: str, level: float
) -> None:
    found = small.johnson_neyman("x", "w", df=df, level=level)
    assert len(found.boundaries) == 2
    there = found.at(found.boundaries)
    assert_allclose(there.p_value, 1 - level, rtol=1e-10)
    nearer = np.minimum(np.abs(there.conf_low), np.abs(there.conf_high))
    assert (nearer <= 1e-12 * there.std_error).all()


def test_degrees_of_freedom_that_move_are_followed(small: ec.LMM) -> None:
    """The closed form with any one df misses; the regions agree with a fine scan."""
    found = small.johnson_neyman("x", "w")
    df = found.at(found.boundaries).df
    assert df[0] / df[1] > 1.05 or df[1] / df[0] > 1.05
    fixed = closed_form(small, "x", "x:w", stats.t.ppf(0.975, small.coefficients()["df"].mean()))
    assert np.abs(fixed - found.boundaries).max() > 1e-3
    m = np.linspace(-40, 40, 20001)
    significant = found.at(m).p_value < 0.05
    place = np.searchsorted(found.boundaries, m)
    signs = np.array([region.sign for region in found.regions])
    assert (significant == (signs[place] != 0)).all()
    estimate = found.at(m).estimate
    assert (np.sign(estimate)[significant] == signs[place][significant]).all()


def test_regions_cover_the_line_and_the_data(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    found = fit.johnson_neyman("ses", "meanses", at={"sector": "Catholic"})
    ends = [region.low for region in found.regions] + [found.regions[-1].high]
    assert ends == [-np.inf, *found.boundaries, np.inf]
    assert sum(region.rows for region in found.regions) == len(hsb)
    assert found.factor == "school" and sum(r.groups for r in found.regions) == 160
    above = found.regions[-1]
    assert above.sign == 1 and above.rows == (hsb["meanses"] > above.low).sum()
    frame = found.frame()
    assert list(frame.columns) == ["low", "high", "significant", "sign", "rows", "share", "groups"]
    assert_allclose(frame["share"].sum(), 1)


def test_a_moderator_of_the_rows_counts_no_groups(fit: ec.LMM) -> None:
    found = fit.johnson_neyman("meanses", "ses")
    assert found.factor == "" and all(region.groups is None for region in found.regions)
    assert "groups" not in found.frame().columns


def test_a_factor_with_two_levels_gives_its_difference(fit: ec.LMM) -> None:
    found = fit.johnson_neyman("sector", "ses", df="none")
    assert found.effect == "Catholic - Public"
    expected = closed_form(fit, "sector[T.Catholic]", "ses:sector[T.Catholic]", 1.959963984540054)
    assert_allclose(found.boundaries, expected, rtol=CLOSED["rtol"])


def test_units_do_not_matter(small: ec.LMM) -> None:
    """A moderator in other units has its boundaries there, and p-values as they were."""
    built = small.built
    data = {name: column.values for name, column in built.columns.items()}
    codes = built.design.factors[0].codes
    table = pd.DataFrame({"y": built.design.y, "x": data["x"], "w": 10 + 0.1 * data["w"]})
    other = ec.lmer("y ~ x * w + (x | g)", table.assign(g=codes))
    expected = 10 + 0.1 * small.johnson_neyman("x", "w").boundaries
    found = other.johnson_neyman("x", "w").boundaries
    assert_allclose(found - 10, expected - 10, rtol=OPTIMUM["se"])


def test_a_curved_moderator_is_looked_at_within_the_data(hsb: pd.DataFrame) -> None:
    curved = ec.lm("mathach ~ ses * I(meanses^2)", hsb)
    found = curved.johnson_neyman("ses", "meanses")
    assert found.regions[0].low == hsb["meanses"].min()
    assert found.regions[-1].high == hsb["meanses"].max()
    assert "no straight line" in " ".join(found.notes)
    own = ec.lm("mathach ~ ses + I(ses^2)", hsb).johnson_neyman("ses", "ses")
    assert_allclose(own.at(own.boundaries).p_value, 0.05, rtol=1e-9)


def test_all_and_nothing_significant(hsb: pd.DataFrame) -> None:
    """Without real roots there is one region: everything, or nothing."""
    known = FixedFreedom("none", np.diag([1.0, 1.0]), np.inf)
    none = line_crossings(
        np.array([1.0, 0]), np.array([0, 1.0]), np.array([0.1, 0.1]), known, 0.95, 0, 1
    )
    assert none.size == 0
    sure = ec.lm("mathach ~ ses * sector * meanses", hsb)
    found = sure.johnson_neyman("ses", "meanses", level=0.999999)
    assert {region.sign for region in found.regions} >= {0}
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    sleep["g2"] = np.where(sleep["Subject"].astype(str).astype(int) % 2 == 0, "u", "v")
    weak = ec.lmer("Reaction ~ Days * g2 + (Days | Subject)", sleep).johnson_neyman("g2", "Days")
    assert len(weak.regions) in (1, 3) and weak.boundaries.size in (0, 2)
    assert "differs from zero" in str(weak)


def test_two_boundaries_close_together_are_found() -> None:
    """A statistic that barely reaches its critical value, which moves with the moderator."""

    class Moving(FixedFreedom):
        def df(self, L: np.ndarray) -> np.ndarray:
            return 20 + 5 * np.tanh(L[:, 1])

    known = Moving("moving", np.diag([1.0, 0.04]), np.inf)
    L0, L1 = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    m = np.linspace(-50, 50, 200001)
    L = L0 + m[:, None] * L1
    for slope in np.linspace(0.2, 0.5, 40):
        beta = np.array([1.7, slope])
        found = line_crossings(L0, L1, beta, known, 0.95, 0.0, 1.0)
        signs = np.sign(excess(L, beta, known, 0.95))
        scanned = 0.5 * (m[:-1] + m[1:])[signs[:-1] != signs[1:]]
        inside = found[np.abs(found) < 50]
        assert len(inside) == len(scanned)
        assert_allclose(inside, scanned, atol=5e-4)


def test_crossings_finds_every_sign_change() -> None:
    found = crossings(np.sin, np.linspace(1, 20, 97))
    assert_allclose(found, np.pi * np.arange(1, 7), rtol=1e-15)


def test_excess_is_positive_where_it_differs(small: ec.LMM) -> None:
    found = small.johnson_neyman("x", "w")
    m = np.linspace(-5, 5, 101)
    values = excess(found.rows(m), found.beta, found.known, 0.95)
    assert ((values > 0) == (found.at(m).p_value < 0.05)).all()


def test_refusals(fit: ec.LMM, hsb: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"do not interact.*Add sector:meanses"):
        fit.johnson_neyman("sector", "meanses")
    with pytest.raises(DataError, match=r"slopes\(\"ses\", by=\"sector\"\)"):
        fit.johnson_neyman("ses", "sector")
    with pytest.raises(UnknownColumn, match="Did you mean 'meanses'"):
        fit.johnson_neyman("ses", "meansess")
    with pytest.raises(DataError, match="which is to vary"):
        fit.johnson_neyman("ses", "meanses", at={"meanses": 0})
    with pytest.raises(DataError, match="does not depend on 'ses' itself"):
        fit.johnson_neyman("ses", "ses")
    with pytest.raises(DataError, match="between 0 and 1"):
        fit.johnson_neyman("ses", "meanses", level=95)
    three = hsb.assign(size=np.arange(len(hsb)) % 3).astype({"size": str})
    many = ec.lm("mathach ~ size * ses", three)
    with pytest.raises(DataError, match="has 3 levels"):
        many.johnson_neyman("size", "ses")


def test_results_are_saved_whole(hsb: pd.DataFrame) -> None:
    for formula in (
        "mathach ~ ses * meanses + (1 | school)",
        "mathach ~ poly(meanses, 2) * ses + (1 | school)",
    ):
        found = ec.lmer(formula, hsb).johnson_neyman("ses", "meanses")
        again = pickle.loads(pickle.dumps(found))
        assert again.to_text() == found.to_text()
        assert (again.at([0.1, 0.4]).estimate == found.at([0.1, 0.4]).estimate).all()


def test_the_effect_at_one_value_is_that_at_a_list(fit: ec.LMM) -> None:
    found = fit.johnson_neyman("ses", "meanses")
    assert found.at(0.5).estimate.tolist() == found.at([0.5]).estimate.tolist()
    for wrong in ("a", [np.nan], [[1.0]]):
        with pytest.raises(DataError, match="finite values of 'meanses'"):
            found.at(wrong)
