"""Power and smallest effects as other programs print them.

- R's power.t.test: power/power.R with its output power.json.
- WebPower 0.5 and later, the outputs in its help pages wp.crt2arm and wp.mrt2arm
  (https://rdrr.io/cran/WebPower/man/wp.crt2arm.html).
- PowerUpR 1.0, the examples in its help pages with their printed outputs, kept in the tests of the
  Python port pyPowerUp (tests/test_power.py, tests/test_mde.py): power to three digits.
- hcbr, an R package of W. Y. Tse and M. H. C. Lai: its tests of pow_msrt2 and inv_pow_msrt2, the
  first against PowerUpR, to four digits.
"""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from tolerances import NONCENTRAL, printed

R = json.loads((Path(__file__).parent / "power" / "power.json").read_text())


def test_one_row_a_group_is_the_t_test():
    """A cluster randomised trial of groups of one is R's two-sample t test of 2n rows."""
    for row in R["t_test"]:
        same = dict(J=2 * row["n"], n=1, icc=0, effect=row["delta"], alpha=row["sig.level"])
        two = ec.power(**same).power[0]
        one = ec.power(**same, alternative="one-sided").power[0]
        assert_allclose([two, one], [row["two_sided"], row["one_sided"]], atol=NONCENTRAL)
    for row in R["one_sample"]:
        found = ec.power("mean", J=row["n"], n=1, icc=0, effect=row["delta"])
        assert_allclose(found.power, row["power"], atol=NONCENTRAL)


def test_smallest_effects_and_sizes_are_those_of_the_t_test():
    for row in R["detectable"]:
        found = ec.mdes(J=2 * row["n"], n=1, icc=0, power=row["power"])
        assert_allclose(found.effect, row["delta"], rtol=1e-7)
    for effect, n in zip((0.2, 0.5, 0.8), R["needed"], strict=True):
        J = ec.sample_size(n=1, icc=0, effect=effect).cells.J[0]
        assert np.ceil(2 * n) == J  # R's n is a fraction of rows in each arm


def test_cluster_trials_are_those_of_webpower():
    """wp.crt2arm(f = 0.6, n = seq(20, 100, 10), J = 10, icc = 0.1)."""
    shown = (
        "0.5901684 0.6365313 0.6620030 0.6780525 0.6890755 0.6971076 0.7032181 0.7080217 0.7118967"
    )
    found = ec.power(J=10, n=[*range(20, 101, 10)], icc=0.1, effect=0.6)
    assert all(printed(x, text) for x, text in zip(found.power, shown.split(), strict=True))
    # wp.crt2arm(f = 0.8, J = 10, icc = 0.1, power = 0.8): n = 16.02558
    assert ec.sample_size(J=10, icc=0.1, effect=0.8).cells.n[0] == 17


def test_multisite_trials_are_those_of_webpower():
    """wp.mrt2arm(n = 45, f = 0.5, J = 20, tau11 = 0.5, sg2 = 1.25): 0.8583253."""
    found = ec.power("multisite", J=20, n=45, icc=0, effect=0.5, effect_sd=sqrt(0.5 / 1.25))
    assert printed(found.power[0], "0.8583253")


POWERUP = [
    ("cluster", dict(effect=0.629, icc=0.17, J=20, n=15), "0.800", 18, "0.212"),
    ("multisite", dict(effect=0.325, icc=0, J=20, n=15, sites="fixed"), "0.801", 260, "0.115"),
    ("multisite", dict(effect=0.325, icc=0, J=20, n=15), "0.801", 279, "0.115"),
    ("multisite", dict(effect=0.366, icc=0.17, effect_sd=sqrt(0.5 * 0.17), J=20, n=15),
     "0.801", 19, "0.124"),
]  # fmt: skip


@pytest.mark.parametrize(("design", "given", "power", "df", "error"), POWERUP)
def test_power_is_that_of_powerup(design, given, power, df, error):
    """power.cra2r2, power.bira2f1, power.bira2c1, power.bira2r1."""
    found = ec.power(design, **given)
    assert printed(found.power[0], power)
    assert found.df[0] == df
    assert printed(found.std_error[0], error)


def test_smallest_effects_are_those_of_powerup():
    """mdes.cra2r2(rho2 = .17, n = 15, J = 20) and mrss.cra2r2; omega2 = .50 in bira2r1."""
    assert printed(ec.mdes(J=20, n=15, icc=0.17).effect[0], "0.629")
    assert ec.sample_size(n=15, icc=0.17, effect=0.629).cells.J[0] == 20
    sites = ec.mdes("multisite", J=20, n=15, icc=0.17, effect_sd=sqrt(0.5 * 0.17))
    assert printed(sites.effect[0], "0.366")


MODERATORS = [
    (dict(effect=0.3563, effect_sd=sqrt(0.10 * 0.17)), 18),
    (dict(effect=0.2957), 278),
    (dict(effect=0.647, effect_sd=sqrt(0.10 * 0.17), x_share=0.5), 18),
    (dict(effect=0.5915, x_share=0.5), 278),
]


@pytest.mark.parametrize(("given", "df"), MODERATORS)
def test_interactions_are_those_of_powerup(given, df):
    """power.mod221(rho2 = .17, n = 15, J = 20, ...): effects of its mdesd.mod221 at a power of 0.8."""
    found = ec.power("interaction", J=20, n=15, icc=0.17, **given)
    assert found.df[0] == df
    assert printed(found.power[0], "0.80")


def test_multisite_trials_are_those_of_hcbr():
    first = ec.power("multisite", J=30, n=10, icc=0.2, effect=0.3, effect_sd=0)
    second = ec.power("multisite", J=50, n=20, icc=0.2, effect=0.2, effect_sd=sqrt(0.5 * 0.2))
    assert printed(first.power[0], "0.8016") and printed(second.power[0], "0.7760")
    asked = dict(J=200, n=50, icc=0.2, effect_sd=sqrt(0.5 * 0.2))
    assert printed(ec.mdes("multisite", **asked).effect[0], "0.0806")
    one_sided = ec.mdes("multisite", **asked, alternative="one-sided")
    assert printed(one_sided.effect[0], "0.0714")
