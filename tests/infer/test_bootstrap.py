"""The bootstrap: what is drawn, what is counted, what is made of the replicates."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import echelon as ec
import several_factors
from echelon.effects.simulate import simulated_rows
from echelon.errors import (
    DataError,
    NeedsRows,
    NoConvergence,
    NotIdentified,
    NotYetSupported,
    UnknownArgument,
    UnknownOption,
)
from echelon.infer.bootstrap import bootstrap_values, jackknife, parameters
from echelon.infer.bootstrap.intervals import acceleration, basic, bca, needed, percentile
from echelon.infer.bootstrap.residual import pools
from echelon.infer.components import component_values
from tolerances import CLOSED, OPTIMUM

KINDS = ("parametric", "case", "residual")


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def fit(sleep: pd.DataFrame) -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)


# --- intervals ------------------------------------------------------------------------------


def test_percentile_and_basic_by_hand() -> None:
    """With 99 replicates the ends of a 90% interval are the 5th and the 95th in order."""
    replicates = np.random.default_rng(1).permutation(np.arange(99) ** 2 / 7)
    ordered = np.sort(replicates)
    assert_allclose(percentile(replicates, 0.9), (ordered[4], ordered[94]), **CLOSED)
    assert_allclose(basic(replicates, 3.0, 0.9), (6 - ordered[94], 6 - ordered[4]))
    between = percentile(replicates, 0.85)[0]  # place 7.5
    assert_allclose(between, (ordered[6] + ordered[7]) / 2)


def test_bca_without_bias_and_acceleration_is_percentile() -> None:
    replicates = np.random.default_rng(1).normal(size=999)
    for level in (0.5, 0.9, 0.95):
        assert_allclose(
            bca(replicates, float(np.median(replicates)), 0.0, level),
            percentile(replicates, level),
            rtol=1e-9,
        )


def test_bca_by_hand() -> None:
    """efron1987, equations for the ends, with the tables of the normal distribution."""
    replicates, estimate, a = np.random.default_rng(2).gamma(3, size=1999), 2.5, 0.05
    z0 = stats.norm.ppf(np.mean(replicates < estimate))
    for level in (0.9, 0.95):
        for end, share in zip(
            bca(replicates, estimate, a, level), ((1 - level) / 2, (1 + level) / 2), strict=True
        ):
            z = z0 + stats.norm.ppf(share)
            place = stats.norm.cdf(z0 + z / (1 - a * z)) * 2000
            low = np.sort(replicates)[int(place) - 1 : int(place) + 1]
            assert_allclose(end, low[0] + (place % 1) * (low[1] - low[0]), rtol=1e-7)


def test_bca_gives_the_exact_interval_of_a_normal_scale() -> None:
    """For s^2 of normal data z0 = a = the known constant; the percentile interval is off.

    The second-order accuracy efron1987 shows; 200,000 replicates leave 0.5% of Monte Carlo error.
    """
    df, rng = 30, np.random.default_rng(3)
    replicates = rng.chisquare(df, 200_000) / df
    exact = df / stats.chi2.ppf([0.975, 0.025], df)
    found = bca(replicates, 1.0, np.sqrt(8 / df) / 6, 0.95)
    assert_allclose(found, exact, rtol=0.02)
    assert abs(percentile(replicates, 0.95)[1] / exact[1] - 1) > 0.05


def test_bca_is_undefined_at_the_edge() -> None:
    assert np.isnan(bca(np.arange(5.0), -1.0, 0.0, 0.9)).all()
    assert np.isnan(bca(np.random.default_rng(1).normal(size=99), 0.0, 5.0, 0.9)).all()


def test_acceleration_by_hand() -> None:
    """A mean: one sixth of the skewness over the root of n; symmetric values have none."""
    x = np.random.default_rng(1).gamma(2, size=40)
    left = (x.sum() - x) / 39
    expected = ((x - x.mean()) ** 3).sum() / (6 * ((x - x.mean()) ** 2).sum() ** 1.5)
    assert_allclose(acceleration(left), expected, **CLOSED)
    assert acceleration(np.array([1.0, 2.0, 3.0])) == 0
    assert acceleration(np.ones(4)) == 0
    assert acceleration(np.full(3, np.nan)) == 0


def test_needed() -> None:
    assert [needed(level) for level in (0.9, 0.95, 0.99)] == [19, 39, 199]
    x = np.arange(39.0)
    assert_allclose(percentile(x, 0.95), (0.0, 38.0), atol=1e-12)


# --- replicates -----------------------------------------------------------------------------


def test_a_batch_is_its_rows_refitted(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    """Rows drawn, compressed and fitted together: what lmer() makes of them one by one."""
    Y = pools(fit).drawn(5, np.random.default_rng(4))
    found = fit.bootstrap(n=5, kind="residual", rng=4)
    for r in range(5):
        fresh = ec.lmer("y ~ Days + (Days | Subject)", sleep.assign(y=Y[:, r]))
        assert_allclose(found.replicates[r], parameters(fit).of(fresh), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_statistic_of_the_parameters_is_the_parameters(fit: ec.LMM, kind: str) -> None:
    """Where both take the same draws: residual and case. Parametric draws are other ones."""
    known = parameters(fit)
    both = [
        fit.bootstrap(n=8, kind=kind, rng=3),
        fit.bootstrap(known.of, n=8, kind=kind, rng=3),
    ]
    assert_allclose(both[0].estimate, both[1].estimate, rtol=1e-12)
    if kind != "parametric":
        assert_allclose(both[0].replicates, both[1].replicates, rtol=1e-5, atol=1e-6)


def test_a_parametric_statistic_sees_rows(fit: ec.LMM) -> None:
    rows = simulated_rows(fit, 3, np.random.default_rng(9))
    found = fit.bootstrap(lambda one: one.fittedvalues + one.resid, n=3, rng=9)
    assert_allclose(found.replicates, rows.T, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_replicates(fit: ec.LMM, kind: str) -> None:
    first, again, other = (fit.bootstrap(n=6, kind=kind, rng=seed) for seed in (1, 1, 2))
    from_generator = fit.bootstrap(n=6, kind=kind, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first.replicates, again.replicates)
    np.testing.assert_array_equal(first.replicates, from_generator.replicates)
    assert not np.array_equal(first.replicates, other.replicates)
    fresh = [fit.bootstrap(n=3, kind=kind) for _ in range(2)]
    assert not np.array_equal(fresh[0].replicates, fresh[1].replicates)


def balanced(J: int = 400, rows: int = 8, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), rows)
    x = np.tile(np.arange(rows) - (rows - 1) / 2, J)
    y = (
        3
        + 0.5 * x
        + rng.normal(size=J)[g]
        + rng.normal(size=J)[g] * 0.3 * x
        + rng.normal(size=J * rows)
    )
    return pd.DataFrame({"y": y, "x": x, "g": g})


@pytest.mark.parametrize(("kind", "n"), [("parametric", 2000), ("residual", 2000), ("case", 400)])
def test_standard_errors_are_those_of_theory_in_a_large_balanced_table(kind: str, n: int) -> None:
    """In Monte Carlo standard errors: SE(s) = s / sqrt(2 (n - 1)) for nearly normal replicates.

    Case and residual replicates follow the data's own law, which is normal up to sampling: their
    standard errors vary about those of the model by another 1 / sqrt(2 J).
    """
    fit = ec.lmer("y ~ x + (x | g)", balanced())
    found = fit.bootstrap(n=n, kind=kind, rng=5)
    se = np.sqrt(np.diagonal(fit.vcov()))
    spread = 1 / (2 * n) + (0 if kind == "parametric" else 1 / (2 * 400))
    assert np.abs(found.std_error[:2] / se - 1).max() < 4 * np.sqrt(spread)
    rows = {(r.term, r.with_term): r for r in component_values(fit).rows}
    theory = [
        rows["(Intercept)", ""].sd_se,
        rows["(Intercept)", "x"].sd_se,
        rows["x", ""].sd_se,
        rows["", ""].sd_se,
    ]
    assert np.abs(found.std_error[2:] / theory - 1).max() < 6 * np.sqrt(spread) + 0.02
    assert np.abs(found.bias / found.std_error).max() < 4 / np.sqrt(n) + 0.1


def test_replicates_of_nested_and_crossed_models() -> None:
    """Standard errors of fixed effects against the model's own, 4 Monte Carlo SE."""
    for formula, data in (
        (several_factors.THREE, several_factors.schools()),
        (several_factors.CROSSED, several_factors.answers()),
    ):
        fit = ec.lmer(formula, data)
        found = fit.bootstrap(n=100, rng=1)
        ratio = found.std_error[: found.fixed] / np.sqrt(np.diagonal(fit.vcov()))
        assert np.abs(ratio - 1).max() < 4 / np.sqrt(200)


def test_residual_pools_have_the_estimated_variances(fit: ec.LMM) -> None:
    pool = pools(fit)
    assert_allclose(np.cov(pool.effects[0].T, bias=True), fit.optimum.covariance, rtol=1e-9)
    assert_allclose(pool.effects[0].mean(axis=0), 0, atol=1e-12)
    assert_allclose([pool.noise.mean(), pool.noise.std()], [0, fit.sigma], atol=1e-9)
    three = ec.lmer(several_factors.THREE, several_factors.schools())
    T = three.optimum.covariance
    for effects, part in zip(pools(three).effects, three.problem.blocks.parts, strict=True):
        assert_allclose(np.cov(effects.T, bias=True), np.squeeze(T[part, part]), rtol=1e-9)


def test_residual_pools_at_the_boundary() -> None:
    data = balanced(J=12, rows=4, seed=2).assign(y=np.random.default_rng(9).normal(size=48))
    fit = ec.lmer("y ~ x + (x | g)", data)
    assert fit.verdict.status == "boundary"
    found = np.cov(pools(fit).effects[0].T, bias=True)
    assert_allclose(found, fit.optimum.covariance, atol=1e-9)
    assert fit.bootstrap(n=10, kind="residual", rng=1).counts["failed"] == 0


def test_the_jackknife_is_a_fit_without_each_group(fit: ec.LMM, sleep: pd.DataFrame) -> None:
    left, known = jackknife(fit), parameters(fit)
    rows = jackknife(fit, known.of)
    assert left.shape == (18, 6)
    for j in (0, 7, 17):
        label = fit.group_moments.levels[j]
        fresh = ec.lmer(fit.spec.formula, sleep[sleep["Subject"] != label])
        assert_allclose(left[j], known.of(fresh), rtol=OPTIMUM["se"])
    assert_allclose(left, rows, rtol=1e-5)


# --- results --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(fit: ec.LMM) -> object:
    return fit.bootstrap(n=400, rng=1)


def test_values(fit: ec.LMM, found) -> None:
    assert found.terms == (*fit.names, "sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject",
                           "sd_Days|Subject", "sigma")  # fmt: skip
    assert len(found) == 400
    assert found.kind == "parametric"
    assert sum(found.counts.values()) == 400
    x = found.replicates[:, 0]
    assert_allclose(
        [found.bias[0], found.std_error[0]], [x.mean() - found.estimate[0], x.std(ddof=1)]
    )
    frame = found.frame(level=0.9, interval="basic")
    assert list(frame.columns) == ["term", "estimate", "bias", "std_error", "conf_low", "conf_high"]
    assert_allclose(frame.iloc[0, 4:].astype(float), basic(x, found.estimate[0], 0.9))
    some = found.intervals(parameters=["sigma", "Days"])
    assert some.names == ("sigma", "Days")
    assert found.intervals(parameters="variance").names == found.terms[2:]
    assert found.intervals(parameters="fixed").names == fit.names
    assert found.intervals(parameters="sigma2", scale="variance").names == ("sigma2",)


def test_variances_are_squares(found) -> None:
    sd, var = found.intervals(), found.intervals(scale="variance")
    assert var.names[2:] == ("var_(Intercept)|Subject", "cor_Days.(Intercept)|Subject",
                             "var_Days|Subject", "sigma2")  # fmt: skip
    assert_allclose(var.low[[2, 4, 5]], sd.low[[2, 4, 5]] ** 2, rtol=0.02)
    assert_allclose(var.estimate[[2, 4, 5]], sd.estimate[[2, 4, 5]] ** 2)
    assert_allclose(var.low[[0, 1, 3]], sd.low[[0, 1, 3]])
    bca_var, bca_sd = (found.intervals(scale=s, interval="bca") for s in ("variance", "sd"))
    assert_allclose(bca_var.low[5] ** 0.5, bca_sd.low[5], rtol=0.01)


def test_a_fixed_effect_by_the_name_of_a_component_is_no_variance() -> None:
    data = balanced(J=30).rename(columns={"x": "sd_x"})
    found = ec.lmer("y ~ sd_x + (1 | g)", data).bootstrap(n=50, rng=1)
    assert found.intervals(scale="variance").names == (
        "(Intercept)",
        "sd_x",
        "var_(Intercept)|g",
        "sigma2",
    )


def test_tables(found) -> None:
    table = found.table()
    assert table.notes[1].startswith("400 replicates: ")
    assert "95% percentile interval" in found.to_text()
    assert "90% BCa interval" in found.table(level=0.9, interval="bca").to_text()
    assert "Random effects" in repr(found)
    assert "<table" in found._repr_html_()
    assert "tabular" in found.to_latex()


def test_tables_in_the_callers_library(sleep: pd.DataFrame) -> None:
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", pl.from_pandas(sleep))
    assert isinstance(fit.bootstrap(n=20, rng=1).frame(), pl.DataFrame)


def test_names_of_a_statistic(fit: ec.LMM) -> None:
    def terms(statistic: object) -> tuple[str, ...]:
        return fit.bootstrap(statistic, n=2, rng=1).terms

    assert terms(lambda f: f.sigma) == ("statistic",)
    assert terms(lambda f: [f.sigma, 1]) == ("statistic[0]", "statistic[1]")
    assert terms(lambda f: {"a": f.sigma, "b": np.float64(2)}) == ("a", "b")
    assert terms(lambda f: f.fixef()) == ("(Intercept)", "Days")
    assert terms(lambda f: f.icc()) == ("statistic",)
    assert "Random effects" not in fit.bootstrap(lambda f: f.sigma, n=40, rng=1).to_text()


def test_failures_are_counted_and_shown(fit: ec.LMM) -> None:
    calls = []

    def sometimes(one: ec.LMM) -> float:
        calls.append(one)
        if len(calls) % 4 == 0:
            raise RuntimeError("no luck")
        return np.nan if len(calls) % 5 == 0 else one.sigma

    found = fit.bootstrap(sometimes, n=60, rng=1)
    assert isinstance(calls[0], ec.LMM)
    assert len(calls) == 61
    assert dict(found.reasons) == {"RuntimeError: no luck": 15, "the statistic is not finite": 9}
    assert found.counts["failed"] == 24
    assert np.isnan(found.replicates[:, 0]).sum() == 24
    assert np.isfinite(found.std_error).all()
    assert "24 of 60 replicates failed: RuntimeError: no luck (15); " in " ".join(
        found.table().notes
    )
    assert found.intervals().notes[0].startswith("24 of 60")


def test_a_correlation_that_does_not_exist_is_said(sleep: pd.DataFrame) -> None:
    data = balanced(J=10, rows=3, seed=4).assign(y=np.random.default_rng(8).normal(size=30))
    found = ec.lmer("y ~ x + (x | g)", data).bootstrap(n=100, rng=1)
    whole = np.isfinite(found.replicates).all(axis=1)
    assert found.counts["failed"] == 0
    assert not whole.all()
    assert any("does not exist in" in note for note in found.intervals().notes)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, -5, 2.5, True, "100", None])
def test_bad_n(fit: ec.LMM, n: object) -> None:
    with pytest.raises(DataError, match="n="):
        fit.bootstrap(n=n)


@pytest.mark.parametrize("rng", [-1, 1.5, "1", True, np.random.RandomState(1)])
def test_bad_rng(fit: ec.LMM, rng: object) -> None:
    with pytest.raises(DataError, match="rng="):
        fit.bootstrap(n=5, rng=rng)


def test_bad_options(fit: ec.LMM, found) -> None:
    with pytest.raises(UnknownOption, match="'parametric'"):
        fit.bootstrap(n=5, kind="parametrik")
    with pytest.raises(UnknownArgument, match="nsim"):
        fit.bootstrap(nsim=5)
    with pytest.raises(UnknownOption, match="Did you mean 'bca'"):
        found.intervals(interval="bc")
    with pytest.raises(UnknownOption, match="Did you mean 'sigma'"):
        found.intervals(parameters="sigm")
    with pytest.raises(UnknownOption, match="scale"):
        found.intervals(scale="sds")
    with pytest.raises(DataError, match="level"):
        found.intervals(level=95)
    with pytest.raises(DataError, match="is no function"):
        fit.bootstrap(1000)
    with pytest.raises(DataError, match="of a statistic"):
        fit.bootstrap(lambda f: f.sigma, n=3, rng=1).intervals(scale="variance")


def test_bad_statistics(fit: ec.LMM) -> None:
    for value in ("text", None, [], {}, np.eye(2), {"a": "b"}, object(), pd.DataFrame({"a": [1]})):
        with pytest.raises(DataError, match="must return a number"):
            fit.bootstrap(lambda f, value=value: value, n=3, rng=1)
    with pytest.raises(DataError, match="of the fit itself is not finite: 'b'"):
        fit.bootstrap(lambda f: {"a": 1, "b": np.nan}, n=3, rng=1)
    with pytest.raises(ZeroDivisionError):
        fit.bootstrap(lambda f: 1 / 0, n=3, rng=1)
    calls = []

    def changing(one: ec.LMM) -> dict[str, float]:
        calls.append(one)
        return {"a": 1.0, "b" if len(calls) < 3 else "c": 2.0}

    with pytest.raises(DataError, match=r"2 values \(a, c\) for replicate 1"):
        fit.bootstrap(changing, n=3, rng=1)
    calls.clear()

    def only_once(one: ec.LMM) -> float:
        calls.append(one)
        return 1.0 if len(calls) == 1 else [][0]

    with pytest.raises(DataError, match="failed in all 3 replicates: IndexError"):
        fit.bootstrap(only_once, n=3, rng=1)


def test_all_refits_failing_is_an_error(fit: ec.LMM, monkeypatch: pytest.MonkeyPatch) -> None:
    from echelon.estimate.batch import optima as module

    monkeypatch.setattr(module, "strategy", lambda problem: "one by one")
    monkeypatch.setattr("echelon.tolerances.MAX_STEPS", 1)
    monkeypatch.setattr("echelon.tolerances.SCORING_STEPS", 0)
    with pytest.raises(NoConvergence, match="All 4 replicates"):
        fit.bootstrap(n=4, rng=1)


def test_models_that_have_no_bootstrap(sleep: pd.DataFrame) -> None:
    ar1 = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    with pytest.raises(NotYetSupported, match="residual="):
        ar1.bootstrap(n=5)
    data = several_factors.answers()
    crossed = ec.lmer(several_factors.CROSSED, data)
    with pytest.raises(NotYetSupported, match=r"crossed \(pupil, item\)"):
        crossed.bootstrap(n=5, kind="case")
    with pytest.raises(NotYetSupported, match='interval="bca" leaves out'):
        crossed.bootstrap(n=5, rng=1).intervals(interval="bca")
    iterative = ec.lmer(several_factors.CROSSED, data, method="iterative")
    with pytest.raises(NotYetSupported, match="iterative"):
        iterative.bootstrap(n=5)
    two = ec.lmer("y ~ x + (1 | g)", balanced(J=2, rows=20))
    with pytest.raises(NotIdentified, match="at least 3 groups"):
        two.bootstrap(n=5, rng=1).intervals(interval="bca")


def test_summaries_are_simulated_from_moments() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"g": np.arange(40), "y": rng.normal(size=40), "n": 5, "sd": 1.0})
    fit = ec.lmer("y ~ 1 + (1 | g)", summaries=table)
    found = fit.bootstrap(n=1000, rng=1)
    se = np.sqrt(np.diagonal(fit.vcov()))
    assert abs(found.std_error[0] / se[0] - 1) < 4 / np.sqrt(2000)
    assert fit.bootstrap(lambda f: f.icc(), n=5, rng=1).counts["failed"] == 0
    for kind in ("case", "residual"):
        with pytest.raises(NeedsRows, match=kind):
            fit.bootstrap(n=5, kind=kind)
    with pytest.raises(NeedsRows, match='interval="bca"'):
        found.intervals(interval="bca")


def test_structured_terms_have_their_own_parameters(sleep: pd.DataFrame) -> None:
    data = sleep.assign(D=(sleep["Days"] // 4).astype(str))
    fit = ec.lmer("Reaction ~ Days + homcs(0 + D | Subject)", data)
    found = fit.bootstrap(n=10, rng=1)
    assert found.terms == ("(Intercept)", "Days", "sd_D|Subject", "rho_D|Subject", "sigma")
    own = ec.lmer("Reaction ~ Days + cs(0 + D | Subject)", data)
    assert len(own.bootstrap(n=4, rng=1).terms) == 2 + 3 + 1 + 1


def test_the_callback_hears_of_every_replicate(fit: ec.LMM) -> None:
    for kind, statistic in (("parametric", None), ("case", None), ("residual", lambda f: 1.0)):
        heard: list[int] = []
        bootstrap_values(
            fit,
            statistic,
            n=300 if kind == "parametric" else 7,
            kind=kind,
            rng=1,
            tell=heard.append,
        )
        assert heard == sorted(heard)
        assert heard[-1] == (300 if kind == "parametric" else 7)
        assert len(heard) > 1


def _mean_of(fit: ec.LMM) -> float:
    return float(fit.optimum.beta[0])


def test_results_are_saved_with_the_statistic() -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    found = fit.bootstrap(_mean_of, n=5, rng=1)
    again = pickle.loads(pickle.dumps(found))
    assert again.to_text() == found.to_text()
    with pytest.raises(UnknownOption, match="parameters=5"):
        found.intervals(parameters=5)
