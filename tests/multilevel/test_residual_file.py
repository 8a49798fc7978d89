"""`fit.residual_file()`: every column by its definition, HLM's names, files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon.errors import DataError, UnknownColumn, UnknownOption
from echelon.multilevel.residual_values import expected_distance, level_two, mahalanobis
from tolerances import CLOSED, SAME

FULL = "mathach ~ meanses * cses + sector * cses + (cses | school)"


def by_school(hsb, columns):
    """Least squares of each school by itself: coefficients, (X'X)^-1, residual SD."""
    found = {}
    for school, rows in hsb.groupby("school", observed=True):
        X = np.column_stack([np.ones(len(rows)), *(rows[c] for c in columns)])
        inverse = np.linalg.inv(X.T @ X)
        b = inverse @ X.T @ rows["mathach"].to_numpy()
        left = rows["mathach"].to_numpy() - X @ b
        found[school] = (b, inverse, np.sqrt(left @ left / (len(rows) - X.shape[1])))
    return found


def test_every_column_of_the_full_model(hsb, hsb_full):
    """From one regression a school and R&B's formulas, free of our engine."""
    file, T, s2 = hsb_full.residual_file(), hsb_full.optimum.covariance, hsb_full.sigma**2
    own = by_school(hsb, ["cses"])
    first = hsb.groupby("school", observed=True).first()
    beta = dict(zip(hsb_full.names, hsb_full.optimum.beta, strict=True))
    assert file["school"].tolist() == list(own)
    for row, (school, (b, inverse, sd)) in zip(file.itertuples(), own.items(), strict=True):
        catholic, mean = (
            float(first.loc[school, "sector"] == "Catholic"),
            first.loc[school, "meanses"],
        )
        W = np.array(
            [
                beta["(Intercept)"]
                + beta["meanses"] * mean
                + beta["sector[T.Catholic]"] * catholic,
                beta["cses"]
                + beta["meanses:cses"] * mean
                + beta.get("cses:sector[T.Catholic]", beta.get("sector[T.Catholic]:cses"))
                * catholic,
            ]
        )
        V = s2 * inverse
        u = T @ np.linalg.solve(T + V, b - W)
        rows = hsb.loc[hsb["school"] == school]
        fixed = W[0] + W[1] * rows["cses"]
        expected = {
            "n": len(rows),
            "mahalanobis": (b - W) @ np.linalg.solve(T + V, b - W),
            "log_sd_total": np.log(rows["mathach"].std()),
            "log_sd_ols": np.log(sd),
            "log_sd_model": np.log((rows["mathach"] - fixed).std()),
            "eb_intercept": u[0],
            "eb_cses": u[1],
            "ols_intercept": b[0] - W[0],
            "ols_cses": b[1] - W[1],
            "fitted_intercept": W[0],
            "fitted_cses": W[1],
            "coef_intercept": W[0] + u[0],
            "coef_cses": W[1] + u[1],
        }
        C = np.linalg.inv(np.linalg.inv(T) + np.linalg.inv(V))
        expected |= {"pv_intercept": C[0, 0], "pv_cses_intercept": C[1, 0], "pv_cses": C[1, 1]}
        for name, value in expected.items():
            assert getattr(row, name) == pytest.approx(value, rel=1e-7, abs=1e-9), name
        assert row.meanses == mean and row.sector == first.loc[school, "sector"]
    known = {*expected, "school", "mahalanobis_expected", "meanses", "sector"}
    assert set(file.columns) == known | {"pvc_intercept", "pvc_cses_intercept", "pvc_cses"}


def test_closed_form_of_a_random_intercept(hsb):
    """(ols - predicted)^2 / Delta, and R&B's variance of the coefficient (3.66)."""
    fit = ec.lmer("mathach ~ 1 + (1 | school)", hsb)
    file, groups = fit.residual_file(), fit.groups()
    assert_allclose(
        file["mahalanobis"], (groups["mean"] - groups["predicted"]) ** 2 / groups["Delta"], **CLOSED
    )
    assert_allclose(file["pv_intercept"], groups["cond_sd"] ** 2, **CLOSED)
    assert_allclose(file["pvc_intercept"], groups["EB_se"] ** 2, **CLOSED)
    assert_allclose(file["ols_intercept"], groups["mean"] - groups["predicted"], **CLOSED)
    assert_allclose(file["eb_intercept"], groups["reliability"] * file["ols_intercept"], **CLOSED)


@pytest.mark.parametrize("formula", ["y ~ x + (1 | g)", "y ~ x + (x | g)"])
def test_distances_are_chi_square_under_the_model(formula):
    """Mean q, variance 2 q, and close to the expected quantiles, whatever the sizes of groups."""
    rng, J = np.random.default_rng(2), 800
    m = rng.integers(3, 12, J)
    g, x = np.repeat(np.arange(J), m), rng.normal(size=m.sum())
    y = 2 * rng.normal(size=J)[g] + rng.normal(size=m.sum())
    y = y + (rng.normal(size=J)[g] * x if "x |" in formula else 0)
    fit = ec.lmer(formula, {"y": y, "x": x, "g": g})
    distance, q = mahalanobis(fit), len(fit.effects)
    assert abs(distance.mean() - q) < 5 * np.sqrt(2 * q / J)
    assert abs(distance.var() / (2 * q) - 1) < 5 * np.sqrt((2 + 12 / q) / J)
    expected = expected_distance(distance, q)
    bulk = expected < 4 * q
    assert np.corrcoef(distance[bulk], expected[bulk])[0, 1] > 0.99


def test_expected_distances_of_two_degrees_of_freedom():
    """Within 1 / J of the exact expectations of order statistics, 2 sum 1/k, but for the last few."""
    J = 60
    exact = 2 * np.cumsum(1 / np.arange(J, 0, -1))
    distance = np.random.default_rng(1).permutation(exact)
    found = np.sort(expected_distance(distance, 2))
    assert np.abs(found - exact)[: J // 2].max() < 1.1 / J
    assert np.abs(found / exact - 1)[J // 2 : -3].max() < 0.03
    assert (np.argsort(expected_distance(distance, 2)) == np.argsort(distance)).all()


def test_groups_too_small_have_no_distance_and_no_least_squares():
    rng = np.random.default_rng(3)
    g = np.concatenate([[0], np.repeat(np.arange(1, 15), 5)])
    x = rng.normal(size=71)
    y = x + rng.normal(size=15)[g] * (1 + x) + rng.normal(size=71)
    file = ec.lmer("y ~ x + (x | g)", {"y": y, "x": x, "g": g}).residual_file()
    gone = ["mahalanobis", "mahalanobis_expected", "ols_x", "log_sd_ols", "log_sd_total"]
    assert file.loc[0, gone].isna().all() and file.loc[1:, gone].notna().all().all()
    assert file.drop(columns=gone).notna().loc[0, ["eb_x", "coef_x", "pv_x", "pvc_x"]].all()


def test_boundary():
    """A variance of zero leaves distances of least squares; those on q degrees of freedom."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 6)
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": rng.normal(size=72), "g": g}, reml=False)
    if fit.verdict.status != "boundary":
        pytest.fail("the example is meant to have no variance between groups")
    file, groups = fit.residual_file(), fit.groups()
    assert (file["eb_intercept"] == 0).all()
    assert_allclose(file["mahalanobis"], file["ols_intercept"] ** 2 / groups["V"], **CLOSED)


def three_levels():
    rng = np.random.default_rng(6)
    school = np.repeat(np.arange(20), 30)
    room = np.repeat(np.arange(120), 5)
    x, z = rng.normal(size=600), rng.normal(size=120)[room]
    y = x + z + rng.normal(size=20)[school] + rng.normal(size=120)[room] + rng.normal(size=600)
    return pd.DataFrame({"y": y, "x": x, "z": z, "school": school, "room": room})


def test_levels_of_nested_factors():
    fit = ec.lmer("y ~ x + z + (1 | school) + (1 | room)", three_levels())
    rooms, schools = fit.residual_file("room"), fit.residual_file(level=3)
    assert fit.residual_file(level=2).equals(rooms) and len(rooms) == 120 and len(schools) == 20
    assert rooms["school"].tolist() == [r // 6 for r in rooms["room"]]
    assert "z" in rooms.columns and "z" not in schools.columns and "x" not in rooms.columns
    assert rooms["ols_intercept"].isna().all() and rooms["eb_intercept"].notna().all()
    assert list(fit.residual_file("room", names="hlm").columns[:4]) == [
        "L2ID",
        "L3ID",
        "NJ",
        "CHIPCT",
    ]
    assert fit.residual_file("school", names="hlm").columns[0] == "L3ID"
    T = fit.optimum.covariance[1, 1]
    u, C = rooms["eb_intercept"], rooms["pv_intercept"]
    assert_allclose(rooms["mahalanobis"], u**2 / (T - C), rtol=1e-7)
    assert abs(rooms["mahalanobis"].mean() - 1) < 5 * np.sqrt(2 / 120)


def test_one_factor_and_several_agree(hsb):
    """u'(T - C)^-1 u is the form for several factors; with one it is that of least squares."""
    from echelon.effects.empirical_bayes import empirical_bayes
    from echelon.multilevel.residual_values import _unlike

    fit = ec.lmer("mathach ~ cses + (cses | school)", hsb)
    assert_allclose(
        _unlike(empirical_bayes(fit), fit.optimum.covariance), mahalanobis(fit), rtol=1e-7
    )


@pytest.mark.parametrize("residual", ["by(sector)", "cs(1 | half)"])
def test_residual_structures(hsb, residual):
    data = hsb.assign(
        half=hsb["school"].astype(str) + (hsb["cses"] > 0).map({True: "a", False: "b"})
    )
    fit = ec.lmer("mathach ~ cses + (cses | school)", data, residual=residual)
    file = fit.residual_file()
    assert file.notna().all().all()
    assert abs(file["mahalanobis"].mean() - 2) < 0.5
    assert_allclose(file["eb_cses"] + file["fitted_cses"], file["coef_cses"], **SAME)


def test_hlm_names(hsb_full):
    plain, hlm = hsb_full.residual_file(), hsb_full.residual_file(names="hlm")
    assert " ".join(hlm.columns) == (
        "L2ID NJ CHIPCT MDIST LNTOTVAR OLSRSVAR MDRSVAR EBINTRCP EBCSES OLINTRCP OLCSES FVINTRCP FVCSES "
        "ECINTRCP ECCSES PV00 PV10 PV11 PVC00 PVC10 PVC11 MEANSES SECTOR"
    )
    assert_allclose(hlm["MDIST"], plain["mahalanobis"], **SAME)
    assert_allclose(hlm["CHIPCT"], plain["mahalanobis_expected"], **SAME)
    assert_allclose(hlm["PV10"], plain["pv_cses_intercept"], **SAME)


@pytest.mark.parametrize("ending", [".sav", ".dta", ".csv", ".parquet"])
@pytest.mark.parametrize("names", ["plain", "hlm"])
def test_files(tmp_path, hsb_full, names, ending):
    file = hsb_full.residual_file(names=names, path=tmp_path / f"hsb{ending}")
    back = ec.read(tmp_path / f"hsb{ending}")
    assert list(back.columns) == list(file.columns)
    numbers = file.select_dtypes("number").columns
    assert_allclose(back[numbers].to_numpy(float), file[numbers].to_numpy(float), rtol=1e-15)
    if ending in (".sav", ".dta"):
        labels = back.attrs["echelon"]["labels"]
        assert set(labels) == set(file.columns)
        shown = "eb_cses" if names == "plain" else "EBCSES"
        assert labels[shown] == "empirical Bayes residual: cses"


def test_names_that_meet_are_told_apart():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(10), 6)
    n = rng.normal(size=10)[g]
    y = rng.normal(size=10)[g] + rng.normal(size=60)
    file = ec.lmer("y ~ n + (1 | g)", {"y": y, "n": n, "g": g}).residual_file()
    assert file["n"].tolist() == [6] * 10
    assert_allclose(file["n_2"], n[::6])


def test_the_table_is_of_the_callers_library(hsb):
    file = ec.lmer("mathach ~ 1 + (1 | school)", pl.from_pandas(hsb)).residual_file()
    assert isinstance(file, pl.DataFrame) and file.columns[0] == "school"


def test_summaries(timss_summaries, monkeypatch):
    monkeypatch.setattr("echelon.api.fitting.warn", lambda fit: None)
    timss = ec.datasets.load("timss", quiet=True)
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).residual_file()
    table = timss.groupby("idschool", as_index=False)["bsmmatxx"].agg(["size", "mean", "std"])
    table.columns = ["idschool", "n", "bsmmatxx", "sd"]
    file = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", summaries=table).residual_file()
    for name in (
        "n",
        "mahalanobis",
        "eb_intercept",
        "ols_intercept",
        "pv_intercept",
        "pvc_intercept",
    ):
        assert_allclose(file[name], rows[name], rtol=1e-7)
    assert file["log_sd_total"].isna().all()


def test_what_is_refused(hsb):
    fit = ec.lmer("mathach ~ 1 + (1 | school)", hsb)
    with pytest.raises(UnknownColumn, match="Did you mean 'school'"):
        fit.residual_file("schol")
    with pytest.raises(UnknownOption, match="names"):
        fit.residual_file(names="spss")
    with pytest.raises(DataError, match=r"fit.augment\(data\)"):
        fit.residual_file(level=1)
    with pytest.raises(DataError, match="levels 2 to 2"):
        fit.residual_file(level=3)
    crossed = ec.lmer("y ~ 1 + (1 | school) + (1 | x)", three_levels().assign(x=np.arange(600) % 7))
    with pytest.raises(DataError, match="2 grouping factors"):
        crossed.residual_file()
    with pytest.raises(DataError, match="crossed"):
        crossed.residual_file(level=2)
    assert len(crossed.residual_file("x")) == 7


def test_iterative_method_has_what_it_knows():
    data = three_levels().assign(x=np.arange(600) % 7)
    fit = ec.lmer("y ~ 1 + (1 | school) + (1 | x)", data, method="iterative", rng=1)
    exact = ec.lmer("y ~ 1 + (1 | school) + (1 | x)", data)
    file = fit.residual_file("school")
    assert np.abs(file["eb_intercept"] - exact.residual_file("school")["eb_intercept"]).max() < 0.05
    assert level_two(fit, "school").groups.n.tolist() == [30] * 20
