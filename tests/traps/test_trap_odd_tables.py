"""Odd small tables end in a fit with finite estimates or in an error of ours, never in between."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import echelon as ec

FORMULAS = (
    "y ~ 1 + (1 | g)",
    "y ~ x + (1 | g)",
    "y ~ x + (x | g)",
    "y ~ x + f + (x || g)",
    "y ~ x * f + (1 | g)",
    "y ~ 0 + f + x:f + (0 + x | g)",
    "y ~ x + z + I(x^2) + (x + z | g)",
    "y ~ z + (1 + z | g)",
)
KINDS = ("normal", "constant", "zeros", "two values", "duplicate", "huge", "tiny", "mixed", "gaps")


def column(rng: np.random.Generator, kind: str, n: int, other: np.ndarray) -> np.ndarray:
    made = {
        "normal": lambda: rng.normal(size=n),
        "constant": lambda: np.full(n, 3.7),
        "zeros": lambda: np.zeros(n),
        "two values": lambda: rng.integers(0, 2, n).astype(float),
        "duplicate": lambda: other.copy(),
        "huge": lambda: 1e12 * (1 + rng.normal(size=n) * 1e-6),
        "tiny": lambda: 1e-12 * rng.normal(size=n),
        "mixed": lambda: rng.normal(size=n) * 10.0 ** rng.integers(-8, 8, n),
        "gaps": lambda: np.where(rng.random(n) < 0.6, np.nan, rng.normal(size=n)),
    }
    return made[kind]()


def odd_table(seed: int, n: int, groups: int, kinds: tuple[str, str, str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = column(rng, kinds[0], n, np.arange(n, dtype=float))
    z = column(rng, kinds[1], n, x)
    return pd.DataFrame(
        {
            "x": x,
            "z": z,
            "y": column(rng, kinds[2], n, x),
            "f": rng.choice(["a", "b", "c"], n),
            "g": rng.integers(0, groups, n),
        }
    )


def outcome(formula: str, data: pd.DataFrame, reml: bool) -> ec.LMM | ec.errors.EchelonError:
    """The fit with all its tables, or our error; warnings of NumPy and SciPy are errors here."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ec.errors.EchelonWarning)
        try:
            fit = ec.lmer(formula, data, reml=reml)
        except ec.errors.EchelonError as error:
            return error
        for method in (
            "coefficients",
            "variance_components",
            "groups",
            "ranef",
            "coef",
            "criteria",
        ):
            getattr(fit, method)()
        fit.resid.sum(), fit.notes
    return fit


def check(formula: str, data: pd.DataFrame, reml: bool) -> None:
    before = data.copy(deep=True)
    fit = outcome(formula, data, reml)
    pd.testing.assert_frame_equal(data, before)
    if isinstance(fit, ec.errors.EchelonError):
        assert len(str(fit)) > 20
        return
    finite = (fit.theta, [fit.sigma], fit.optimum.beta, np.diagonal(fit.vcov()), [fit.deviance])
    assert all(np.isfinite(values).all() for values in finite)
    assert fit.sigma > 0 and (np.diagonal(fit.vcov()) > 0).all()
    assert np.isfinite(fit.ranef()["estimate"]).all() and np.isfinite(fit.fittedvalues).all()
    table = fit.coefficients()
    assert (table["df"] > 0).all() and table["p_value"].between(0, 1).all()


kinds = st.tuples(*[st.sampled_from(KINDS)] * 3)


@settings(max_examples=100)
@given(
    st.integers(0, 10**6),
    st.sampled_from(FORMULAS),
    st.integers(3, 30),
    st.integers(2, 6),
    kinds,
    st.booleans(),
)
@example(0, "y ~ 1 + (1 | g)", 3, 2, ("normal", "normal", "normal"), True)
@example(0, "y ~ x + (1 | g)", 30, 2, ("huge", "normal", "huge"), True)
@example(1, "y ~ x + (x | g)", 30, 4, ("tiny", "normal", "normal"), False)
def test_odd_tables(
    seed: int, formula: str, n: int, groups: int, kinds: tuple[str, str, str], reml: bool
) -> None:
    check(formula, odd_table(seed, n, groups, kinds), reml)


FOUND = (
    # (what went wrong once), seed, formula, n, groups, kinds, reml
    ("as many coefficients as rows", 25, "y ~ x * f + (1 | g)", 5, 4, ("normal", "normal", "two values"), True),
    ("vcov not definite", 1985, "y ~ x * f + (1 | g)", 27, 5, ("gaps", "zeros", "mixed"), False),
    ("vcov not definite", 2191, "y ~ x + z + I(x^2) + (x + z | g)", 28, 6, ("huge", "normal", "normal"), True),
    ("singular system", 1369, "y ~ x + z + I(x^2) + (x + z | g)", 28, 6, ("huge", "duplicate", "tiny"), False),
    ("constant random slope", 22187, "y ~ x + z + I(x^2) + (x + z | g)", 14, 4, ("constant", "two values", "two values"), True),
    ("constant random slope", 23015, "y ~ x + z + I(x^2) + (x + z | g)", 30, 4, ("constant", "normal", "mixed"), True),
    ("as many coefficients as rows", 20898, "y ~ x * f + (1 | g)", 4, 2, ("mixed", "huge", "normal"), True),
    ("vcov not definite", 20538, "y ~ x + z + I(x^2) + (x + z | g)", 16, 5, ("huge", "mixed", "normal"), False),
    ("singular system", 4421, "y ~ x + z + I(x^2) + (x + z | g)", 24, 4, ("huge", "duplicate", "two values"), False),
)  # fmt: skip


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case[0].replace(' ', '_')}_{case[1]}")
def test_what_once_went_wrong(case: tuple) -> None:
    """Found by longer runs of the random tables."""
    _, seed, formula, n, groups, found, reml = case
    check(formula, odd_table(seed, n, groups, found), reml)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("n", range(3, 9))
@pytest.mark.parametrize("formula", FORMULAS)
def test_barely_more_rows_than_parameters(formula: str, n: int, reml: bool) -> None:
    for seed in range(2):
        check(formula, odd_table(seed, n, 3, ("normal", "normal", "normal")), reml)


@pytest.mark.parametrize("scale", [1e-150, 1e-60, 1e-30, 1e30, 1e60, 1e150])
def test_scales_near_the_ends_of_double_precision(scale: float) -> None:
    data = odd_table(5, 30, 5, ("normal", "normal", "normal"))
    check("y ~ x + (1 | g)", data.assign(y=data["y"] * scale), True)
    check("y ~ x + (x | g)", data.assign(x=data["x"] * scale), True)


def test_groups_that_explain_everything() -> None:
    """No variation within groups: the within variance is zero and the ratio infinite."""
    data = odd_table(5, 30, 5, ("normal", "normal", "normal"))
    check("y ~ 1 + (1 | g)", data.assign(y=data["g"] * 1.7), True)
    check("y ~ x + (x | g)", data.assign(y=data["g"] * 1.7 + data["x"] * data["g"]), True)


def test_variance_between_groups_of_any_size() -> None:
    """Ratios of the two variances from 1e-12 to 1e12."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(12), 6)
    u, e = rng.normal(size=12), rng.normal(size=72)
    for power in range(-6, 7):
        data = pd.DataFrame({"g": g, "y": 10.0**power * u[g] + e, "x": rng.normal(size=72)})
        for formula in ("y ~ x + (1 | g)", "y ~ x + (x | g)"):
            check(formula, data, True)
