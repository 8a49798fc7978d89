"""Parametric bootstrap intervals against profile intervals of the golden references.

Under agreement the number of n replicates beyond a limit is binomial (n, 0.025): each limit is
judged in standard errors of that share, 4 of them for the few dozen limits looked at.
"""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from reference_cases import fitted_model, model, our_name, plain

from echelon.infer.profile import profile_intervals

N = 1000
ERROR = np.sqrt(0.025 * 0.975 / N)
PROFILED = (
    "dyestuff", "ergostool", "lect_eclsk", "lect_eclsk_ses", "lect_timss", "machines_ri",
    "orthodont_ri_ml", "rail", "singletons", "sleep_dbar", "sleep_null", "sleep_ri", "sleep_rs",
    "sleep_rs_ml", "unbal_ri",
)  # fmt: skip
MANY_GROUPS = ("lect_eclsk", "lect_eclsk_ses")


def beyond(name: str) -> dict[str, tuple[float, float]]:
    """Replicates below the lower and above the upper profile limit, as (share - 0.025) / error."""
    found, out = fitted_model(name).bootstrap(n=N, rng=1), {}
    bare = [plain(term) for term in found.terms]
    for row in model(name)["confint"]["profile"]["ci95"]:
        of_r = row["par"] if row["par"] in bare else our_name(row["par"], model(name)["dataset"])
        i = bare.index(of_r)
        x = found.replicates[:, i]
        low, high = np.mean(x < row["2.5 %"]), np.mean(x > row["97.5 %"])
        out[found.terms[i]] = ((low - 0.025) / ERROR, (high - 0.025) / ERROR)
    return out


@pytest.mark.parametrize("name", PROFILED)
def test_fixed_effects_agree(name: str) -> None:
    fixed = set(fitted_model(name).names)
    found = {term: z for term, z in beyond(name).items() if term in fixed}
    assert len(found) == len(fixed)
    assert all(np.abs(z).max() < 4 for z in found.values()), found


@pytest.mark.parametrize("name", MANY_GROUPS)
def test_all_parameters_agree_with_many_groups(name: str) -> None:
    found = beyond(name)
    assert "sigma" in found
    assert all(np.abs(z).max() < 4 for z in found.values()), found


def test_the_cross_level_model_of_hsb_agrees() -> None:
    """All parameters against our profile; a limit at a bound of the parameter has nothing beyond."""
    fit = fitted_model("hsb_full")
    profile, found = profile_intervals(fit), fit.bootstrap(n=N, rng=1)
    inside = 0
    for name, low, high in zip(profile.names, profile.low, profile.high, strict=True):
        x = found.replicates[:, found.terms.index(name)]
        x = x[np.isfinite(x)]
        for limit, beyond_it, bounds in (
            (low, np.mean(x < low), {"sd": 0.0, "co": -1.0}),
            (high, np.mean(x > high), {"co": 1.0}),
        ):
            if bounds.get(name[:2]) == limit:
                assert beyond_it == 0
            else:
                inside += 1
                assert abs(beyond_it - 0.025) < 4 * ERROR, name
    assert inside == 17


def test_standard_deviations_of_few_groups_lie_lower() -> None:
    """The known bias of percentile intervals (docs/theory/bootstrap.md), less so of basic ones."""
    found = fitted_model("sleep_rs").bootstrap(n=N, rng=1)
    i = found.terms.index("sd_(Intercept)|Subject")
    row = model("sleep_rs")["confint"]["profile"]["ci95"][0]
    assert row["par"] == found.terms[i]
    low, high = row["2.5 %"], row["97.5 %"]
    percentile, basic, bca = (found.intervals(interval=k) for k in ("percentile", "basic", "bca"))
    assert percentile.low[i] < low - 1
    assert percentile.high[i] < high - 1
    for kind in (basic, bca):
        assert abs(kind.low[i] - low) < 2
        assert abs(kind.high[i] - high) < 2


@pytest.mark.parametrize(("name", "seconds"), [("sleep_rs", 1.0), ("hsb_full", 5.0)])
def test_a_thousand_replicates_take_little_time(name: str, seconds: float) -> None:
    """Processor time, so that a busy machine does not fail it."""
    fit = fitted_model(name)
    began = process_time()
    found = fit.bootstrap(n=N, rng=1)
    assert process_time() - began < seconds
    assert found.counts["failed"] == 0
