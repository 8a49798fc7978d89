from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError, NotIdentified, UnknownColumn
from echelon.multilevel import OneWay, oneway_frame, oneway_values
from tolerances import CLOSED, OPTIMUM, SAME, printed

NUMBERS = [
    f.name for f in fields(OneWay) if f.name not in ("response", "factor", "backend", "about")
]


def test_balanced_closed_form(balanced):
    found = oneway_values("y", "g", balanced)
    y = balanced["y"].reshape(12, 6)
    msb, msw = 6 * y.mean(axis=1).var(ddof=1), y.var(axis=1, ddof=1).mean()
    assert found.balanced
    np.testing.assert_allclose(
        [found.between, found.within, found.n0, found.F], [msb, msw, 6, msb / msw], **SAME
    )
    # all roads meet: mean squares, the lecture's Delta = tau00 + V, and REML
    np.testing.assert_allclose(found.tau00_anova, (msb - msw) / 6, **SAME)
    np.testing.assert_allclose(found.tau00_balanced, found.tau00_anova, **SAME)
    np.testing.assert_allclose([found.tau00, found.sigma2], [(msb - msw) / 6, msw], **CLOSED)
    np.testing.assert_allclose(found.icc, found.icc_anova, **CLOSED)
    np.testing.assert_allclose(
        [found.mean_rows, found.mean_groups, found.weighted_mean], found.gamma00, **SAME
    )


def test_weighted_mean_is_the_fitted_intercept(timss):
    found = oneway_values("bsmmatxx", "idschool", timss)
    np.testing.assert_allclose(found.weighted_mean, found.gamma00, **SAME)
    assert not found.balanced
    assert found.mean_rows != pytest.approx(found.mean_groups)


def test_as_on_the_slides(timss):
    found = ec.oneway("bsmmatxx", "idschool", timss)
    shown = ("482.64", "482.78", "3,697.67", "482.757", "13.673", "3,558", "5,440")
    values = (
        found.mean_rows,
        found.mean_groups,
        found.var_groups,
        found.gamma00,
        found.gamma00_se,
        found.tau00,
        found.sigma2,
    )
    assert all(printed(v, s) for v, s in zip(values, shown, strict=True))
    assert (found.n, found.J, found.n_min, found.n_max) == (661, 20, 16, 51)


def test_rows_and_summaries_agree(timss, timss_summaries):
    rows = oneway_values("bsmmatxx", "idschool", timss)
    given = oneway_values("mean", "idschool", summaries=timss_summaries)
    for name in NUMBERS:
        expected = getattr(rows, name)
        assert getattr(given, name) == pytest.approx(expected, rel=1e-9), name


def test_unbalanced_moment_estimator_solves_the_expected_mean_square():
    """E(MSB) = sigma^2 + n0 tau00 (`oneway-anova`)."""
    sizes = np.array([2, 3, 5, 9])
    g = np.repeat(np.arange(4), sizes)
    y = np.array([1.0, -2.0, 4.0, 0.5])[g] + np.tile([0.01, -0.01], 10)[: sizes.sum()]
    found = oneway_values("y", "g", {"y": y, "g": g})
    n = sizes.sum()
    np.testing.assert_allclose(found.n0, (n - (sizes**2).sum() / n) / 3, **SAME)
    np.testing.assert_allclose(found.within + found.n0 * found.tau00_anova, found.between, **SAME)


def test_a_negative_estimate_is_reported_and_can_be_truncated():
    y = np.array([1.0, 9, 2, 8, 3, 7, 4, 6])
    found = oneway_values("y", "g", {"y": y, "g": np.repeat([0, 1, 2, 3], 2)})
    assert found.tau00_anova < 0
    assert (found.truncated, found.tau00, found.icc) == (0, 0, 0)
    assert found.icc_anova < 0


def test_dyestuff_against_lme4(dyestuff):
    """lme4 1.1-31 (tests/reference/models/dyestuff.json)."""
    found = oneway_values("Yield", "Batch", dyestuff)
    np.testing.assert_allclose(
        [found.tau00_anova, found.tau00, found.icc],
        [1764.05, 1764.05, 0.418487414892966],
        rtol=OPTIMUM["estimate"],
    )


def test_names_that_are_no_identifiers_and_expressions(timss):
    odd = timss.rename(columns={"bsmmatxx": "my score (0-1000)", "idschool": "school id"})
    plain = oneway_values("bsmmatxx", "idschool", timss)
    assert oneway_values("my score (0-1000)", "school id", odd).tau00 == plain.tau00
    logs = timss.assign(logged=np.log(timss["bsmmatxx"]))
    assert oneway_values("log(bsmmatxx)", "idschool", timss).tau00 == pytest.approx(
        oneway_values("logged", "idschool", logs).tau00
    )


def test_errors_flow_from_fitting(timss):
    with pytest.raises(UnknownColumn, match="Did you mean 'idschool'"):
        ec.oneway("bsmmatxx", "idschol", timss)
    with pytest.raises(DataError, match="either data"):
        ec.oneway("bsmmatxx", "idschool")
    with pytest.raises(NotIdentified, match="one group"):
        ec.oneway("y", "g", {"y": [1.0, 2.0, 4.0], "g": ["a", "a", "a"]})


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frame_in_the_callers_library(backend):
    table = ec.datasets.load("timss", backend=backend, quiet=True)
    frame = oneway_frame(oneway_values("bsmmatxx", "idschool", table))
    assert type(frame).__module__.startswith(backend)
