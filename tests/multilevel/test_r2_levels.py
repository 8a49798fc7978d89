"""Snijders and Bosker's R squared."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.errors import DataError, NotIdentified, NotYetSupported, UnknownArgument
from tolerances import CLOSED


def test_by_hand(hsb):
    fit, null = (ec.lmer(f"mathach ~ {x} + (1 | school)", hsb) for x in ("ses + sector", "1"))
    n = 1 / (1 / hsb.groupby("school").size()).mean()
    (tau, sigma2), (tau0, sigma20) = ((f.optimum.covariance[0, 0], f.sigma**2) for f in (fit, null))
    found = fit.r2_levels()
    np.testing.assert_allclose(found.level1, 1 - (tau + sigma2) / (tau0 + sigma20), **CLOSED)
    expected = 1 - (tau + sigma2 / n) / (tau0 + sigma20 / n)
    np.testing.assert_allclose(found.level2, expected, **CLOSED)
    assert found.size == pytest.approx(n, rel=1e-12)
    assert found.slopes == ()


def test_limits_of_the_group_size(hsb):
    """A group of one row is a row; of a large group only the variance between groups is left."""
    fit = ec.lmer("mathach ~ ses + (1 | school)", hsb)
    assert fit.r2_levels(size=1).level2 == pytest.approx(fit.r2_levels().level1, rel=1e-12)
    explained = fit.explained()["explained"][0]
    assert fit.r2_levels(size=1e12).level2 == pytest.approx(explained, rel=1e-9)


def test_slopes_are_left_out_of_the_comparison(hsb):
    slopes = ec.lmer("mathach ~ meanses + cses + (cses | school)", hsb)
    without = ec.lmer("mathach ~ meanses + cses + (1 | school)", hsb)
    found, expected = slopes.r2_levels(), without.r2_levels()
    np.testing.assert_allclose(
        [found.level1, found.level2], [expected.level1, expected.level2], **CLOSED
    )
    assert found.slopes == ("cses",)
    assert "without random slopes (cses)" in repr(found)


def test_unequal_residual_variances(hsb):
    fit = ec.lmer("mathach ~ ses + (ses | school)", hsb, residual="by(sex)")
    own = ec.lmer("mathach ~ ses + (1 | school)", hsb, residual="by(sex)")
    found, expected = fit.r2_levels(), own.r2_levels()
    np.testing.assert_allclose(found.level1, expected.level1, rtol=1e-6)
    rows = own.residual.rows
    assert found.sigma2 == pytest.approx(rows @ own.residual.sd**2 / rows.sum(), rel=1e-6)


def test_refusals(hsb, sleep):
    fit = ec.lmer("mathach ~ ses + (1 | school)", hsb)
    with pytest.raises(DataError, match="at least 1"):
        fit.r2_levels(size=0.5)
    with pytest.raises(UnknownArgument, match="size"):
        fit.r2_levels(siz=3)
    crossed = ec.lmer("Reaction ~ 1 + (1 | Subject) + (1 | Days)", sleep)
    with pytest.raises(DataError, match=r"explained\(\)"):
        crossed.r2_levels()
    serial = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    with pytest.raises(NotYetSupported, match="correlated"):
        serial.r2_levels()
    with pytest.raises(NotIdentified):
        ec.lmer("Reaction ~ Days + (0 + Days | Subject)", sleep).r2_levels()


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frame(backend):
    data = ec.datasets.load("hsb", backend=backend, quiet=True)
    frame = ec.lmer("mathach ~ ses + (1 | school)", data).r2_levels().frame()
    columns = frame.column_names if backend == "pyarrow" else list(frame.columns)
    assert columns == ["level", "predicted", "error_null", "error", "r2"]
