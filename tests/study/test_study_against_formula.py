"""In balanced designs the simulation finds what the analytic formulas of power say."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec

J, ICC, REPS = [10, 20, 40], 0.15, 4000
FAR = 4.0
"""Monte Carlo standard errors: of some fifty comparisons, none is further off by chance."""

CASES = {  # design, term, effect, n, what the study is told, SD of the effect
    "cluster": ("cluster", "w", 0.5, 15, dict(level2="w"), None),
    "level-2": ("level-2", "w", 0.25, 15, dict(level2={"w": "normal"}), None),
    "multisite": ("multisite", "x", 0.4, 16, dict(level1={"x": 0.5}), 0.6),
    "multisite, small": ("multisite", "x", 0.3, 16, dict(level1={"x": 0.5}), 0.25),
    "level-1": ("level-1", "x", 0.12, 15, {}, None),
    "interaction": ("interaction", "w:x", 0.5, 15, dict(level2="w"), 0.6),
    "interaction, small": ("interaction", "w:x", 0.3, 15, dict(level2="w"), 0.2),
}


@pytest.mark.parametrize("case", CASES)
def test_power_and_smallest_effect(case):
    """In a balanced design the formulas are exact for the between-group mean squares.

    REML is them unless a variance is estimated as zero; where that is frequent, CR2 still is them.
    """
    design, term, effect, n, told, sd = CASES[case]
    if sd is not None:
        told = {**told, "effect_sd": {"x": sd}}
    estimators = ["rows_robust"] if "small" in case else ["reml_bw"]
    if case in ("cluster", "multisite", "interaction"):
        estimators.append("rows_robust")
    study = ec.design_study(
        J, n, ICC, effects={term: effect}, reps=REPS, rng=11, estimators=estimators, **told
    )
    plan = dict(J=J, n=n, icc=ICC, effect_sd=sd)
    powers = ec.power(design, effect=effect, **plan).frame()
    least = ec.mdes(design, power=0.8, **plan).frame()
    for name in estimators:
        found = study.frame().query(f"term == '{term}' and estimator == '{name}'").reset_index()
        assert (abs(found["sd"] - powers["std_error"]) < FAR * found["sd_mcse"]).all()
        assert (abs(found["detectable"] - least["effect"]) < FAR * found["detectable_mcse"]).all()
        assert (abs(found["power"] - powers["power"]) < FAR * found["power_mcse"]).all()
        assert (abs(found["type_1_error"] - 0.05) < FAR * found["type_1_error_mcse"]).all()


def test_small_variances_of_effects_make_reml_cautious():
    """A variance cannot be estimated below zero: with few groups REML rejects too seldom."""
    study = ec.design_study(
        10, 16, ICC, level1={"x": 0.5}, effects={"x": 0.0}, effect_sd={"x": 0.25}, reps=REPS, rng=1
    )
    found = study.frame().query("term == 'x'").set_index("estimator")
    assert found.loc["reml", "type_1_error"] < 0.05 - FAR * found.loc["reml", "type_1_error_mcse"]
    assert found.loc["reml", "coverage"] > 0.95


def test_satterthwaite_is_close_to_the_formula():
    """Its degrees of freedom are those of the formula where the fit is not at zero."""
    study = ec.design_study(
        J, 15, 0.3, effects={"w": 0.6}, level2="w", reps=REPS, rng=12, estimators="reml"
    )
    found = study.frame().query("term == 'w'").reset_index()
    plans = ec.power("cluster", J=J, n=15, icc=0.3, effect=0.6).frame()
    assert (abs(found["power"] - plans["power"]) < FAR * found["power_mcse"]).all()


def test_unequal_sizes():
    """The formula for given sizes is that of known weights, with J - 2 degrees of freedom."""
    sizes = (5, 8, 12, 15, 20, 30) * 20
    study = ec.design_study(
        n=sizes, icc=0.1, effects={"w": 0.3}, level2="w", reps=REPS, rng=13, estimators="reml"
    )
    found = study.frame().query("term == 'w'")
    plan = ec.power("cluster", J=len(sizes), n=np.array(sizes), icc=0.1, effect=0.3).frame()
    power, error = float(plan["power"].iloc[0]), float(plan["std_error"].iloc[0])
    assert abs(float(found["power"].iloc[0]) - power) < FAR * float(found["power_mcse"].iloc[0])
    assert abs(float(found["sd"].iloc[0]) - error) < FAR * float(found["sd_mcse"].iloc[0])
