"""Golden numbers: R 4.2.2, lme4 1.1-31, performance 0.10.2, insight 0.19.0 (tests/reference)."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.multilevel import icc, r2, variance_shares
from tolerances import CLOSED, OPTIMUM

GOLDEN = {  # data, formula, adjusted, unadjusted, marginal, conditional
    "dyestuff": ("dyestuff", "Yield ~ 1 + (1 | Batch)",
                 0.418487414892966, 0.418487414892966, 0.0, 0.418487414892966),
    "sleep_ri": ("sleep", "Reaction ~ Days + (1 | Subject)",
                 0.589308916074706, 0.424369814602464, 0.279885637181387, 0.704255451783851),
    "sleep_rs": ("sleep", "Reaction ~ Days + (Days | Subject)",
                 0.721658475855312, 0.520566873983765, 0.278652033613562, 0.799218907597327),
    "sleep_slopeonly": ("sleep", "Reaction ~ Days + (0 + Days | Subject)",
                        0.640804226619326, 0.461759577347353, 0.279406161561315,
                        0.741165738908668),
    "sleep_log": ("sleep", "log(Reaction) ~ Days + (Days | Subject)",
                  0.746479596846642, 0.548107737123503, 0.265743177122486, 0.813850914245988),
    "hsb_full": ("hsb", "mathach ~ meanses * cses + sector * cses + (cses | school)",
                 0.0619171687023862, 0.0507986202442423, 0.179571332009492, 0.230369952253734),
    "lect_eclsk_ses": ("eclsk", "g1rscore ~ sector + schmeansesc + (1 | schid)",
                       0.106735742690968, 0.0989439760494406, 0.0730005380117788,
                       0.171944514061219),
}  # fmt: skip
ROUNDED = {"hsb_full": 3e-5}  # nlme's copy of the data gives meanses and cses to three decimals


@pytest.mark.parametrize("name", GOLDEN)
def test_against_performance(name, request):
    data, formula, *expected = GOLDEN[name]
    fit = ec.lmer(formula, request.getfixturevalue(data))
    found = [fit.icc(), fit.icc(adjusted=False), fit.r2().marginal, fit.r2().conditional]
    np.testing.assert_allclose(found, expected, rtol=ROUNDED.get(name, OPTIMUM["estimate"]))


def test_random_intercept_is_the_plain_ratio(timss):
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    tau00, sigma2 = fit.optimum.covariance[0, 0], fit.sigma**2
    np.testing.assert_allclose(icc(fit), tau00 / (tau00 + sigma2), **CLOSED)


@pytest.mark.parametrize("bar", ["|", "||"])
def test_random_variance_from_the_rows(sleep, bar):
    """tr(T mean z z') and the variance of X beta, over the rows."""
    fit = ec.lmer(f"Reaction ~ Days + (Days {bar} Subject)", sleep)
    days = sleep["Days"].to_numpy(float)
    z = np.column_stack([np.ones(len(days)), days])
    share = variance_shares(fit)
    expected = np.mean(np.einsum("ia,ab,ib->i", z, fit.optimum.covariance, z))
    np.testing.assert_allclose(share.random, expected, **CLOSED)
    np.testing.assert_allclose(share.fixed, np.var(z @ fit.optimum.beta, ddof=1), **CLOSED)


def test_shares_do_not_depend_on_the_coding(sleep):
    """poly() and shifted predictors describe the same model; R's performance misses poly slopes."""
    raw = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    shifted = sleep.assign(D=1000 - 3 * sleep["Days"])
    for other in (
        ec.lmer("Reaction ~ poly(Days, 1) + (poly(Days, 1) | Subject)", sleep),
        ec.lmer("Reaction ~ D + (D | Subject)", shifted),
    ):
        assert icc(other) == pytest.approx(icc(raw), rel=1e-6)
        assert r2(other).marginal == pytest.approx(r2(raw).marginal, rel=1e-6)


def test_rows_count_once_whatever_their_precision(sleep):
    w = np.linspace(0.5, 2.0, len(sleep))
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep, precision=w)
    days = sleep["Days"].to_numpy(float)
    z = np.column_stack([np.ones(len(days)), days])
    share = variance_shares(fit)
    np.testing.assert_allclose(share.fixed, np.var(z @ fit.optimum.beta, ddof=1), **CLOSED)
    expected = np.mean(np.einsum("ia,ab,ib->i", z, fit.optimum.covariance, z))
    np.testing.assert_allclose(share.random, expected, **CLOSED)
    assert share.residual == fit.optimum.sigma2


def test_unequal_residual_variances(hsb):
    """The residual variance is the mean over the rows of each row's."""
    fit = ec.lmer("mathach ~ ses + (1 | school)", hsb, residual="by(sex)")
    sd = fit.residual.sd[fit.residual.stratum]
    tau, residual = fit.optimum.covariance[0, 0], np.mean(sd**2)
    fixed = fit.optimum.beta[1] ** 2 * hsb["ses"].var()
    np.testing.assert_allclose(fit.icc(), tau / (tau + residual), **CLOSED)
    np.testing.assert_allclose(fit.r2().marginal, fixed / (fixed + tau + residual), **CLOSED)
    shares = fit.icc_by_group()["share"].tolist()
    np.testing.assert_allclose(shares, [fit.icc(), 1 - fit.icc()], **CLOSED)


def test_correlated_residuals(sleep):
    """Their correlation leaves the mean variance of a row as it is."""
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    assert variance_shares(fit).residual == pytest.approx(fit.sigma**2, rel=1e-12)
    tau = fit.optimum.covariance[0, 0]
    assert fit.icc() == pytest.approx(tau / (tau + fit.sigma**2), rel=1e-12)


def test_zero_variance():
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    fit = ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)})
    assert (icc(fit), r2(fit).marginal, r2(fit).conditional) == (0, 0, 0)


def test_rows_and_summaries_agree(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries)
    assert given.icc() == pytest.approx(rows.icc(), rel=1e-9)
    assert given.r2().conditional == pytest.approx(rows.r2().conditional, rel=1e-9)
