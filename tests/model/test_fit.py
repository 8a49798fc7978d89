"""Fits are frozen values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import echelon as ec


@pytest.fixture(scope="module")
def fits() -> list[ec.LMM | ec.OLS]:
    sleep = ec.datasets.load("sleepstudy")
    return [ec.lmer("Reaction ~ Days + (Days | Subject)", sleep), ec.lm("Reaction ~ Days", sleep)]


def test_fits_are_frozen(fits: list[ec.LMM | ec.OLS]) -> None:
    for fit in fits:
        for name in ("spec", "moments", "new_attribute"):
            with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
                setattr(fit, name, None)


def test_looking_changes_nothing(fits: list[ec.LMM | ec.OLS]) -> None:
    for fit in fits:
        before = fit.coefficients()
        first = repr(fit)
        fit.summary(), fit.criteria(), fit.resid
        assert repr(fit) == first and fit.coefficients().equals(before)


def test_parts_of_a_fit(fits: list[ec.LMM | ec.OLS]) -> None:
    fit = fits[0]
    assert (fit.n, fit.J, fit.factor, fit.response) == (180, 18, "Subject", "Reaction")
    assert fit.effects == fit.names == ("(Intercept)", "Days") and fit.dropped == ()
    assert fit.source.kind == "rows" and fit.source.backend == "pandas"
    assert {stage for stage, _ in fit.source.seconds} == {
        "design",
        "compress",
        "prepare",
        "search",
        "finish",
    }
    assert fits[1].df_resid == 178


def test_the_same_call_gives_the_same_fit() -> None:
    sleep = ec.datasets.load("sleepstudy")
    a, b = (ec.lmer("Reaction ~ Days + (Days | Subject)", sleep) for _ in range(2))
    assert (a.theta == b.theta).all() and a.deviance == b.deviance
    assert np.array_equal(a.vcov(), b.vcov())
