"""Profile likelihood: laws, bounds, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import ndtri

import echelon as ec
from echelon.errors import DataError, NotYetSupported, UnknownOption
from echelon.estimate.constrained.point import Point
from echelon.estimate.deviance import evaluate
from echelon.infer.profile import profile_intervals
from echelon.infer.profile.parameters import Parameter, parameters_of, value_at
from echelon.infer.profile.profile import Ground, all_ends, ground_of
from tolerances import CLOSED, PROFILE

Z = float(ndtri(0.975))


def _table(seed: int, J: int = 14, n: int = 6) -> pd.DataFrame:
    """Two groupings, two predictors that vary within the first, times."""
    rng = np.random.default_rng(seed)
    g, t = np.repeat(np.arange(J), n), np.tile(np.arange(n), J)
    x, w, h = rng.normal(size=J * n) + 2, rng.normal(size=J * n), rng.integers(0, 6, J * n)
    b = rng.normal(size=(J, 3)) * [1.0, 0.7, 0.5]
    y = 1 + x + b[g, 0] + b[g, 1] * x + b[g, 2] * w + rng.normal(size=6)[h] + rng.normal(size=J * n)
    names = {"g": g.astype(str), "h": h.astype(str), "k": pd.Categorical((t // 2).astype(str))}
    return pd.DataFrame({"y": y, "x": x, "w": w, "t": t, **names})


@pytest.fixture(scope="module")
def sleep() -> pd.DataFrame:
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def slopes(sleep: pd.DataFrame) -> ec.LMM:
    return ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)


# --- derivatives ----------------------------------------------------------------------------

FORMULAS = (
    "y ~ x + (1 | g)",
    "y ~ x + (x + w | g)",
    "y ~ x + (x || g) + (1 | h)",
    "y ~ x + (1 | g / h)",
    "y ~ 1 + cs(0 + k | g)",
    "y ~ 1 + ar1(0 + k | g)",
)


def _moved(point: Point, y: np.ndarray) -> Point:
    """The point a step in all coordinates away, the target's included."""
    there = point.moved(point.t + y[point.place], y[point.free])
    assert there is not None
    return there


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_derivatives_are_those_of_the_deviance(formula: str, restricted: bool) -> None:
    """Gradient and Hessian in local coordinates are difference quotients, away from the optimum."""
    fit = ec.lmer(formula, _table(3))
    ground = ground_of(fit, restricted)
    rng = np.random.default_rng(1)
    for each in parameters_of(fit):
        centre = None if restricted and each.fixed else ground.centre(each)
        if centre is None:
            continue
        start = centre.point
        y = np.zeros(len(start.gradient))
        y[[start.place, *start.free]] = 0.05 * rng.normal(size=1 + len(start.free))
        y[start.place] = abs(y[start.place])  # an SD at zero has one side, and so has a bound
        if start.t + 0.1 > start.line.target.bounds[1]:
            y[start.place] -= 0.2
        point = _moved(start, y)
        free = [point.place, *point.free]
        if each.name != "sigma" and not point.line.target.is_scale:
            free.remove(len(y) - 1)  # sigma is at its best there, not a coordinate
        gradient, hessian = _profiled(point)
        size = np.maximum(np.abs(np.diagonal(hessian)), 1e-3) ** -0.5
        for along in (*np.eye(len(free)), *rng.normal(size=(3, len(free)))):
            h = np.zeros(len(y))
            h[free] = along * size[free]
            f = [_moved(point, k * STEP * h).value for k in (-2, -1, 1, 2)]
            slope = np.dot(f, [1, -8, 8, -1]) / (12 * STEP)
            bend = (np.dot(f, [-1, 16, 16, -1]) - 30 * point.value) / (12 * STEP**2)
            assert_allclose(slope, gradient @ h, atol=PROFILE["slope"])
            assert_allclose(bend, h @ hessian @ h, atol=PROFILE["bend"])


STEP = 2e-3


def _profiled(point: Point) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian with sigma at its best where the line leaves it free."""
    g, H, target = point.gradient, point.hessian, point.line.target
    if target.is_scale or target.kind == "sigma":
        return g, H
    return g, H - np.outer(H[-1], H[-1]) / H[-1, -1]


# --- limits are where the deviance says they are ---------------------------------------------


def _least(fit: ec.LMM, each: Parameter, value: float, reml: bool) -> float:
    """The least deviance with a variance parameter held, found without derivatives or our charts."""
    task, held = fit.problem, each.name
    df = task.n - (task.p if reml else 0)
    # standard deviations and correlations of one block of two effects, then log sigma
    names = [p.name for p in parameters_of(fit) if not p.fixed]
    start = [value_at(p, evaluate(task, fit.lam_working, reml), task) for p in parameters_of(fit)
             if not p.fixed]  # fmt: skip
    place = names.index(held)

    def deviance(free: np.ndarray) -> float:
        point = np.insert(free, place, _open(held, value))
        s1, r, s2, sigma = (_close(name, v) for name, v in zip(names, point, strict=True))
        lam = np.array([[s1, 0.0], [r * s2, s2 * np.sqrt(1 - r * r)]]) / sigma
        at = evaluate(task, task.pairs.rotated(np.linalg.solve(task.whiten, lam)), reml)
        if at is None:
            return np.inf
        rest = at.value - df * (1 + np.log(2 * np.pi * at.rho2 / df))
        return float(rest + df * np.log(2 * np.pi * sigma**2) + at.rho2 / sigma**2)

    first = np.delete([_open(n, v) for n, v in zip(names, start, strict=True)], place)
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}
    return min(
        float(minimize(deviance, first + shift, method="Nelder-Mead", options=options).fun)
        for shift in (0.0, 0.3)
    )


def _open(name: str, value: float) -> float:
    return float(np.arctanh(value) if name.startswith("cor") else np.log(value))


def _close(name: str, value: float) -> float:
    return float(np.tanh(value) if name.startswith("cor") else np.exp(value))


@pytest.mark.parametrize("restricted", [False, True])
def test_at_a_limit_the_deviance_is_the_quantile_above_its_minimum(
    slopes: ec.LMM, restricted: bool
) -> None:
    ground = ground_of(slopes, restricted)
    every = [each for each in parameters_of(slopes) if not each.fixed]
    for ends in all_ends(ground, every, Z)[1]:
        for value in (ends.low, ends.high):
            rise = _least(slopes, ends.parameter, value, restricted) - ground.at.value
            assert_allclose(np.sqrt(rise), Z, atol=PROFILE["root"])


def test_a_fixed_effect_held_is_an_offset(slopes: ec.LMM, sleep: pd.DataFrame) -> None:
    """At a limit of a slope, the model without it and with it as an offset has that deviance."""
    found = profile_intervals(slopes, parameters="Days")
    least = ground_of(slopes, False).at.value
    for value in (found.low[0], found.high[0]):
        held = ec.lmer(
            "Reaction ~ 1 + (Days | Subject)", sleep, offset=value * sleep["Days"], reml=False
        )
        assert_allclose(np.sqrt(held.deviance - least), Z, atol=PROFILE["root"] * 10)


@pytest.mark.parametrize(("J", "n", "seed"), [(12, 5, 0), (6, 5, 1), (40, 3, 2)])
def test_balanced_one_way_has_a_closed_form(J: int, n: int, seed: int) -> None:
    """The mean's profile is J log(SSB(mu) / SSB): its limits are at sqrt of an exponential."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    y = 2 * rng.normal(size=J)[g] + rng.normal(size=J * n)
    fit = ec.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g.astype(str)}))
    means = y.reshape(J, n).mean(axis=1)
    reach = np.sqrt(((means - means.mean()) ** 2).mean() * np.expm1(Z**2 / J))
    found = profile_intervals(fit, parameters="fixed")
    assert_allclose(found.low, means.mean() - reach, **CLOSED)
    assert_allclose(found.high, means.mean() + reach, **CLOSED)


def test_balanced_one_way_standard_deviation() -> None:
    """With lambda = sigma^2 + n tau^2: d = J log lambda + J (n - 1) log sigma^2 + SSB / lambda + ..."""
    rng = np.random.default_rng(5)
    J, n = 15, 4
    g = np.repeat(np.arange(J), n)
    y = 1.5 * rng.normal(size=J)[g] + rng.normal(size=J * n)
    fit = ec.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g.astype(str)}))
    table = y.reshape(J, n)
    between = n * ((table.mean(axis=1) - y.mean()) ** 2).sum()
    within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum()

    def deviance(sd: float, log_s2: float) -> float:
        s2 = np.exp(log_s2)
        lam = s2 + n * sd**2
        return J * np.log(lam) + J * (n - 1) * log_s2 + between / lam + within / s2

    least = J * np.log(between / J) + J * (n - 1) * np.log(within / (J * (n - 1))) + J * n
    found = profile_intervals(fit, parameters="sd_(Intercept)|g")
    for sd in (found.low[0], found.high[0]):
        start = np.log(within / (J * (n - 1)))
        options = {"xatol": 1e-11, "fatol": 1e-13}
        lowest = minimize(
            lambda x, sd=sd: deviance(sd, x[0]), [start], method="Nelder-Mead", options=options
        ).fun
        assert_allclose(np.sqrt(lowest - least), Z, atol=PROFILE["root"])


# --- invariance -----------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "origin"), [(1e-3, 0.0), (1.0, 2015.0), (86_400.0, 1.7e9)])
def test_units_and_origin_of_the_predictor(
    slopes: ec.LMM, sleep: pd.DataFrame, unit: float, origin: float
) -> None:
    moved = ec.lmer(
        "Reaction ~ Days + (Days | Subject)", sleep.assign(Days=unit * sleep["Days"] + origin)
    )
    names = ["Days", "sd_Days|Subject", "sigma"]
    here = profile_intervals(slopes, parameters=names)
    there = profile_intervals(moved, parameters=names)
    scale = np.array([unit, unit, 1.0])
    assert_allclose(there.low * scale, here.low, **CLOSED)
    assert_allclose(there.high * scale, here.high, **CLOSED)


def test_order_of_rows_names_of_groups_and_unit_of_the_response(
    slopes: ec.LMM, sleep: pd.DataFrame
) -> None:
    other = sleep.sample(frac=1, random_state=1)
    other = other.assign(Subject="s" + other["Subject"].astype(str), Reaction=other["Reaction"] / 7)
    here, there = profile_intervals(slopes), profile_intervals(
        ec.lmer("Reaction ~ Days + (Days | Subject)", other)
    )  # fmt: skip
    scale = np.where([name.startswith("cor") for name in here.names], 1.0, 7.0)
    assert_allclose(there.low * scale, here.low, **CLOSED)
    assert_allclose(there.high * scale, here.high, **CLOSED)


def test_nested_is_the_crossed_engine_with_codes(sleep: pd.DataFrame) -> None:
    """Two engines, one model."""
    data = _table(8).assign(c=lambda d: d["g"] + "." + d["h"])
    one = profile_intervals(ec.lmer("y ~ x + (1 | g / h)", data))
    two = profile_intervals(ec.lmer("y ~ x + (1 | c) + (1 | g)", data))
    order = [0, 1, *(two.names.index(f"sd_(Intercept)|{f}") for f in _nested_names(one, two)), 4]
    assert_allclose(two.low[order], one.low, rtol=1e-7, atol=1e-12)
    assert_allclose(two.high[order], one.high, **CLOSED)


def _nested_names(one, two) -> list[str]:
    return ["g" if name.endswith("|g") else "c" for name in one.names[2:4]]


def _same(one: str, two: str, places: list[int], data: pd.DataFrame) -> None:
    """Limits of one model are those of another, with its parameters in the order `places`."""
    here, there = (profile_intervals(ec.lmer(formula, data)) for formula in (one, two))
    assert_allclose(there.low[places], here.low, rtol=1e-6, atol=1e-9)
    assert_allclose(there.high[places], here.high, rtol=1e-6)


def test_structures_that_are_none() -> None:
    """Compound symmetry of two effects is any covariance; equal variances alone are one factor."""
    data = _table(21, J=30)
    data["b"] = pd.Categorical(np.where(data["t"] % 2 == 0, "even", "odd"))
    _same("y ~ x + cs(0 + b | g)", "y ~ x + (0 + b | g)", [0, 1, 2, 4, 3, 5], data)
    _same("y ~ x + homcs(0 + b | g)", "y ~ x + ar1(0 + b | g)", [0, 1, 2, 3, 4], data)
    _same("y ~ x + homdiag(0 + k | g)", "y ~ x + (1 | g:k)", [0, 1, 2, 3], data)


def test_variance_scale_squares_the_limits(slopes: ec.LMM) -> None:
    sd, variance = profile_intervals(slopes), profile_intervals(slopes, scale="variance")
    power = np.array([1.0, 1.0, 2.0, 1.0, 2.0, 2.0])
    assert_allclose(variance.low, np.where(power == 2, sd.low**2, sd.low), rtol=0)
    assert_allclose(variance.high, np.where(power == 2, sd.high**2, sd.high), rtol=0)
    assert_allclose(variance.estimate, sd.estimate**power, rtol=1e-15)
    assert variance.names[2:] == (
        "var_(Intercept)|Subject", "cor_Days.(Intercept)|Subject", "var_Days|Subject", "sigma2",
    )  # fmt: skip


def test_with_many_groups_profile_and_wald_agree() -> None:
    """Their distance, in standard errors, falls with the root of the number of groups."""
    gaps = []
    for J in (100, 2500):
        rng = np.random.default_rng(7)
        g = np.repeat(np.arange(J), 4)
        y = rng.normal(size=J)[g] + rng.normal(size=4 * J)
        fit = ec.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g}), reml=False)
        found = profile_intervals(fit, parameters="sd_(Intercept)|g")
        row = fit.variance_components().iloc[0]
        wald = row["sd"] + Z * row["sd_se"] * np.array([-1.0, 1.0])
        gaps.append(np.abs([found.low[0] - wald[0], found.high[0] - wald[1]]).max() / row["sd_se"])
    assert gaps[1] < 0.25 * gaps[0] < 0.1


# --- bounds ---------------------------------------------------------------------------------


def test_an_estimate_of_zero_has_a_lower_limit_of_zero() -> None:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(6), 5)
    y = rng.normal(size=30)
    y -= pd.Series(y).groupby(g).transform("mean").to_numpy()
    found = ec.lmer("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g})).profile()
    limits = found.intervals()
    at = limits.names.index("sd_(Intercept)|g")
    assert limits.estimate[at] == limits.low[at] == 0 < limits.high[at]
    assert any("do not exclude zero" in note for note in found.notes)
    assert found.curves()[at].value[0] == found.curves()[at].zeta[0] == 0


def test_a_correlation_is_open_where_a_standard_deviation_may_be_zero() -> None:
    hsb = ec.datasets.load("hsb", quiet=True)
    fit = ec.lmer("mathach ~ cses * (sector + meanses) + (cses | school)", hsb)
    found = profile_intervals(fit)
    sd, cor = (found.names.index(f"{n}|school") for n in ("sd_cses", "cor_cses.(Intercept)"))
    assert found.low[sd] == 0
    assert (found.low[cor], found.high[cor]) == (-1, 1)
    assert any("No value of cor_cses.(Intercept)|school is excluded" in n for n in found.notes)
    narrow = profile_intervals(fit, level=0.3)
    assert narrow.low[sd] > 0
    assert -1 < narrow.low[cor] < narrow.estimate[cor]


@pytest.mark.parametrize("formula", FORMULAS)
def test_levels_are_nested_and_curves_pass_through_the_limits(formula: str) -> None:
    found = ec.lmer(formula, _table(11)).profile()
    inner, outer = found.intervals(0.8), found.intervals(0.99)
    low, high = found.limits.low, found.limits.high
    assert (outer.low <= low).all() and (low <= inner.low).all()
    assert (inner.high <= high).all() and (high <= outer.high).all()
    for curve, below, above in zip(found.curves(), low, high, strict=True):
        assert (np.diff(curve.value) > 0).all()
        for limit, goal in ((below, -Z), (above, Z)):
            if limit not in curve.bounds:
                at = np.interp(limit, curve.value, curve.zeta)
                assert_allclose(at, goal, atol=0.03)  # straight pieces of a bent curve


def test_a_better_optimum_on_the_way_is_taken(slopes: ec.LMM) -> None:
    right = ground_of(slopes, False)
    away = evaluate(slopes.problem, 3 * slopes.lam_working, False)
    assert away is not None
    every = parameters_of(slopes)
    ground, ends = all_ends(Ground(slopes, False, away), every, Z)
    assert_allclose(ground.gain, away.value - right.at.value, **CLOSED)
    for one, two in zip(ends, all_ends(right, every, Z)[1], strict=True):
        assert_allclose([one.low, one.high], [two.low, two.high], rtol=1e-6)


# --- choices and refusals -------------------------------------------------------------------


def test_choice_of_parameters(slopes: ec.LMM) -> None:
    assert profile_intervals(slopes, parameters="fixed").names == ("(Intercept)", "Days")
    assert len(profile_intervals(slopes, parameters="variance").names) == 4
    two = profile_intervals(slopes, parameters=["sigma", "Days"])
    assert two.names == ("sigma", "Days")
    with pytest.raises(UnknownOption, match="parameters=5"):
        profile_intervals(slopes, parameters=5)
    with pytest.raises(UnknownOption, match="Did you mean 'sd_Days"):
        profile_intervals(slopes, parameters="sd_Dais|Subject")
    with pytest.raises(UnknownOption, match="scale"):
        profile_intervals(slopes, scale="sds")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="between 0 and 1"):
        profile_intervals(slopes, level=95)
    with pytest.raises(DataError, match="asks for nothing"):
        profile_intervals(slopes, parameters=[])


def test_restricted_is_for_variance_parameters(slopes: ec.LMM) -> None:
    found = profile_intervals(slopes, restricted=True)
    assert found.names[0] == "sd_(Intercept)|Subject"
    assert "REML" in found.notes[0]
    with pytest.raises(DataError, match="no fixed effects"):
        profile_intervals(slopes, parameters=["Days"], restricted=True)


def test_refusals(sleep: pd.DataFrame) -> None:
    with pytest.raises(NotYetSupported, match="exact already"):
        profile_intervals(ec.lm("Reaction ~ Days", sleep))
    residual = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    with pytest.raises(NotYetSupported, match="residual"):
        residual.profile()
    data = _table(4)
    crossed = ec.lmer("y ~ x + (1 | g) + (1 | h)", data, method="iterative", rng=1)
    with pytest.raises(NotYetSupported, match="iterative"):
        crossed.profile()


def test_of_summaries_and_other_libraries() -> None:
    timss = ec.datasets.load("timss_summaries", quiet=True, backend="polars")
    found = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss).profile(scale="variance")
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", ec.datasets.load("timss", quiet=True))
    assert found.frame().columns == ["term", "estimate", "conf_low", "conf_high"]
    assert found.zeta().columns == ["term", "value", "zeta"]
    assert_allclose(found.limits.low, rows.profile(scale="variance").limits.low, rtol=1e-6)


def test_the_fit_is_not_changed(slopes: ec.LMM) -> None:
    before = slopes.lam_working.copy(), slopes.problem.cross.copy()
    slopes.profile().curves()
    assert (slopes.lam_working == before[0]).all() and (slopes.problem.cross == before[1]).all()
    assert replace(slopes.profile().limits, level=0.5).level == 0.5


def test_table_says_what_was_profiled(slopes: ec.LMM) -> None:
    text = slopes.profile().to_text()
    assert "95% profile interval" in text and "refitted by maximum likelihood" in " ".join(
        text.split()
    )
