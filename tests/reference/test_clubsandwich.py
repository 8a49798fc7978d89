"""Cluster-robust covariances, degrees of freedom and joint tests against clubSandwich's."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from reference_cases import fitted_model, model, ours_of, plain, table

import echelon as ec
from echelon.infer import joint_test, uncertainty
from tolerances import CLOSED, OPTIMUM

GOLDEN = json.loads((Path(__file__).parent / "clubsandwich" / "clubsandwich.json").read_text())
CASES = GOLDEN["cases"]
CORRECTIONS = ("CR0", "CR1", "CR1S", "CR2")


@cache
def fitted(name):
    """Our fit, its clusters, and the place of R's coefficients among ours."""
    case = CASES[name]
    if case["kind"] == "lmer":
        fit, golden = fitted_model(case["id"]), model(case["id"])
        theirs = ["(Intercept)" if n == "one" else n for n in listed(case["names"])]
        ours = [plain(n) for n in ours_of(theirs, golden)]
        return fit, case["cluster"], [list(map(plain, fit.names)).index(n) for n in ours]
    data = table(case["data"])
    if name == "lm_unbal_alone":
        data = data.assign(last=(data["g"] == data["g"].iloc[-1]).astype(float))
    fit = ec.lm(case["formula"], data, precision=case.get("weights"))
    return fit, data[case["cluster"]], list(range(len(fit.names)))


def listed(value):
    return value if isinstance(value, list) else [value]


def assert_p(ours, theirs):
    """Logarithms: a p of 1e-50 is t to the power of its degrees of freedom."""
    close = dict(rtol=OPTIMUM["df"], atol=OPTIMUM["df"])
    ours, theirs = np.maximum(ours, 1e-300), np.maximum(listed(theirs), 1e-300)
    np.testing.assert_allclose(np.log(ours), np.log(theirs), **close)


def contrasts(name, fit, place):
    L = np.zeros((len(listed(CASES[name]["tested"])), len(fit.names)))
    for row, tested in enumerate(listed(CASES[name]["tested"])):
        L[row, place[tested - 1]] = 1
    return L


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("name", CASES)
def test_covariance_and_freedom(name, correction):
    fit, cluster, place = fitted(name)
    golden = CASES[name][correction]
    known = uncertainty(fit, "satterthwaite", robust=correction, cluster=cluster)
    assert known.clusters == CASES[name]["clusters"]
    vcov = np.atleast_2d(golden["vcov"])
    scale = np.sqrt(np.outer(np.diag(vcov), np.diag(vcov)))
    at = np.ix_(place, place)
    assert np.abs(known.vcov[at] - vcov).max() <= 2 * OPTIMUM["se"] * scale.max()
    se = np.sqrt(np.diag(known.vcov))[place]
    np.testing.assert_allclose(se, listed(golden["se"]), rtol=OPTIMUM["se"])
    df = known.df(np.eye(len(fit.names)))[place]
    np.testing.assert_allclose(df, listed(golden["df"]), rtol=OPTIMUM["df"])


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("name", CASES)
def test_p_values(name, correction):
    fit, cluster, place = fitted(name)
    golden = CASES[name][correction]
    satterthwaite = fit.coefficients(df="satterthwaite", robust=correction, cluster=cluster)
    assert_p(satterthwaite["p_value"].to_numpy()[place], golden["p"])
    if correction != "CR2":
        naive = fit.coefficients(robust=correction, cluster=cluster)
        assert_p(naive["p_value"].to_numpy()[place], golden["p_naive"])


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("name", CASES)
def test_joint(name, correction):
    fit, cluster, place = fitted(name)
    L = contrasts(name, fit, place)
    beta = fit.optimum.beta if isinstance(fit, ec.LMM) else fit.beta
    known = uncertainty(fit, "satterthwaite", robust=correction, cluster=cluster)
    found, golden = joint_test(known, L, L @ beta), CASES[name][correction]["htz"]
    assert found.df1 == golden["df1"]
    assert found.statistic == pytest.approx(golden["F"], rel=2 * OPTIMUM["se"])
    assert found.scale == pytest.approx(golden["delta"], rel=OPTIMUM["df"])
    assert found.df2 == pytest.approx(golden["df2"], rel=OPTIMUM["df"])
    assert_p(found.p_value, golden["p"])
    if correction != "CR2":
        naive = joint_test(uncertainty(fit, robust=correction, cluster=cluster), L, L @ beta)
        golden = CASES[name][correction]["naive"]
        assert naive.statistic == pytest.approx(golden["F"], rel=2 * OPTIMUM["se"])
        assert naive.df2 == golden["df2"]


def wide_groups():
    """The data of exact/cr2_60_digits.py."""
    high = (-2600, 1900, 4100, -700, -3500, 800)
    for j in range(6):
        for i in range(5):
            k = 7 * i * i + 3 * i * j + 5 * j + i
            yield j, k % 11 / 4 + j / 2, high[j] + k % 11 / 4 + (k * k + 3 * i) % 13 / 8


def test_groups_that_differ_thousands_of_times_more_than_rows():
    """Against 60 digits (exact/cr2_60_digits.py): 0.0699746517786; clubSandwich gives 0.0957574."""
    group, x, y = zip(*wide_groups(), strict=True)
    fit = ec.lmer("y ~ x + (1 | g)", {"g": group, "x": x, "y": y})
    assert fit.theta[0] == pytest.approx(5595.91655266, rel=OPTIMUM["estimate"])
    se = fit.coefficients(robust="CR2")["std_error"]
    np.testing.assert_allclose(se, [1162.73071918, 0.0699746517786], **CLOSED)


def test_weighted_linear_model_against_the_default_of_clubsandwich():
    """CR0 and CR1 are the same; CR2 there has equal variances for its working model."""
    fit, cluster, _ = fitted("lm_weights")
    golden = CASES["lm_weights"]["identity_target"]
    for correction in ("CR0", "CR1"):
        known = uncertainty(fit, robust=correction, cluster=cluster)
        np.testing.assert_allclose(known.vcov, golden[correction], **CLOSED)
    known = uncertainty(fit, robust="CR2", cluster=cluster)
    share = np.sqrt(np.diag(known.vcov) / np.diag(golden["CR2"])) - 1
    assert 0 < np.abs(share).max() < 0.02
