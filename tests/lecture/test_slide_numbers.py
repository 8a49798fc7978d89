"""Every number on the lecture's slides, through the public functions a student would call.

One test a number: its text as printed, and the full-precision value that R gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import echelon as ec
from tolerances import OPTIMUM, printed

SLIDES = json.loads((Path(__file__).parent / "slide_numbers.json").read_text("utf-8"))
NUMBERS: list[dict[str, Any]] = SLIDES["numbers"]
Fixture = Callable[[str], Any]


def fixed(fit: Any, column: str, row: int) -> float:
    return float(fit.coefficients()[column].iloc[row])


def component(fit: ec.LMM, column: str, group: str) -> float:
    table = fit.variance_components()
    return float(table.loc[table["group"] == group, column].iloc[0])


# --- TIMSS: one school a row of fit.groups(), the naive numbers from ec.oneway ------------------

SCHOOL = {
    "n_j": "n",
    "mean_j": "mean",
    "V_j": "V",
    "SE_j": "SE",
    "Delta_j": "Delta",
    "wgtpct": "weight",
    "EB_j": "EB",
}

NAIVE: dict[str, str] = {
    "students": "n",
    "J": "J",
    "min n_j": "n_min",
    "max n_j": "n_max",
    "mean over students": "mean_rows",
    "mean of school means": "mean_groups",
    "variance of school means": "var_groups",
}

ANOVA: dict[str, Callable[[ec.LMM], float]] = {
    "gamma00": lambda fit: fixed(fit, "estimate", 0),
    "SE": lambda fit: fixed(fit, "std_error", 0),
    "df": lambda fit: fixed(fit, "df", 0),
    "t": lambda fit: fixed(fit, "statistic", 0),
    "p": lambda fit: fixed(fit, "p_value", 0),
    "sd (Intercept)": lambda fit: component(fit, "sd", "idschool"),
    "sd Residual": lambda fit: component(fit, "sd", "Residual"),
    "tau00 = 59.647^2": lambda fit: component(fit, "variance", "idschool"),
    "sigma2 = 73.756^2": lambda fit: component(fit, "variance", "Residual"),
    "sqrt residual variance": lambda fit: fit.sigma,
    "logLik": lambda fit: fit.criteria().loglik,
    "AIC": lambda fit: fit.criteria().aic,
    "BIC": lambda fit: fit.criteria().bic,
    "gamma00 by precision weighting": lambda fit: float(
        np.average(fit.groups("idschool")["mean"], weights=1 / fit.groups("idschool")["Delta"])
    ),
}


def timss_number(what: str, fit: ec.LMM, oneway: Callable[[], Any]) -> float:
    if what in NAIVE:
        return float(getattr(oneway(), NAIVE[what]))
    if what in ANOVA:
        return ANOVA[what](fit)
    name, school = re.fullmatch(r"(\w+)\[(\d+)\]", what).groups()  # type: ignore[union-attr]
    groups = fit.groups("idschool").set_index("idschool")
    return float(groups.loc[int(school), SCHOOL[name]])


# --- ECLS-K -------------------------------------------------------------------------------------

OLS: dict[str, Callable[[ec.OLS], float]] = {
    "b0": lambda fit: fixed(fit, "estimate", 0),
    "SE0": lambda fit: fixed(fit, "std_error", 0),
    "t0": lambda fit: fixed(fit, "statistic", 0),
    "p0": lambda fit: fixed(fit, "p_value", 0),
    "b1": lambda fit: fixed(fit, "estimate", 1),
    "SE1": lambda fit: fixed(fit, "std_error", 1),
    "t1": lambda fit: fixed(fit, "statistic", 1),
    "p1": lambda fit: fixed(fit, "p_value", 1),
    "RSE": lambda fit: fit.sigma,
    "resid df": lambda fit: fit.df_resid,
    "R2": lambda fit: fit.rsquared,
    "adj R2": lambda fit: fit.rsquared_adj,
    "F": lambda fit: fit.fvalue,
}

MEANS_AS_OUTCOMES: dict[str, Callable[[ec.LMM], float]] = {
    "gamma00": lambda fit: fixed(fit, "estimate", 0),
    "SE00": lambda fit: fixed(fit, "std_error", 0),
    "df00": lambda fit: fixed(fit, "df", 0),
    "t00": lambda fit: fixed(fit, "statistic", 0),
    "p00": lambda fit: fixed(fit, "p_value", 0),
    "gamma01": lambda fit: fixed(fit, "estimate", 1),
    "SE01": lambda fit: fixed(fit, "std_error", 1),
    "df01": lambda fit: fixed(fit, "df", 1),
    "t01": lambda fit: fixed(fit, "statistic", 1),
    "p01": lambda fit: fixed(fit, "p_value", 1),
    "sd (Intercept)": lambda fit: component(fit, "sd", "schid"),
    "sd Residual": lambda fit: component(fit, "sd", "Residual"),
    "sqrt residual variance": lambda fit: fit.sigma,
    "logLik": lambda fit: fit.criteria().loglik,
    "AIC": lambda fit: fit.criteria().aic,
    "BIC": lambda fit: fit.criteria().bic,
}

VARIABLE = {"read": "g1rscore", "ses": "ses"}
SECTOR = {"pub": "0", "priv": "1", "all": "all"}


def descriptive(what: str, fixture: Fixture) -> float:
    """Of school means: `ec.describe(..., level="schid")`, by sector or over all schools."""
    fit, eclsk = fixture("eclsk_fit"), fixture("eclsk")
    sizes = fit.groups("schid")["n"]
    counts = {
        "children": lambda: fit.nobs,
        "schools": lambda: fit.J,
        "min n_j": sizes.min,
        "max n_j": sizes.max,
    }
    if what in counts:
        return float(counts[what]())
    table = ec.describe(eclsk, ["g1rscore", "ses"], by="sector", level="schid").frame()
    if what in ("public", "private", "% private"):
        n = table[table["variable"] == "g1rscore"].set_index("sector")["n"]
        share = 100 * n.loc["1"] / n.loc["all"]
        return float({"public": n.loc["0"], "private": n.loc["1"], "% private": share}[what])
    variable, where, statistic = what.lower().split()
    rows = (table["variable"] == VARIABLE[variable]) & (table["sector"] == SECTOR[where])
    (value,) = table.loc[rows, statistic]
    return float(value)


def number(where: str, what: str, fixture: Fixture) -> float:
    """One number of the slides from the rows."""
    if where == "TIMSS":
        oneway = lambda: ec.oneway("bsmmatxx", "idschool", fixture("timss"))  # noqa: E731
        return timss_number(what, fixture("timss_fit"), oneway)
    if where == "ECLSK/descriptives":
        return descriptive(what, fixture)
    if where == "ECLSK/lmer":
        return MEANS_AS_OUTCOMES[what](fixture("eclsk_fit"))
    fits = {"ECLSK/student OLS": "student_ols", "ECLSK/school OLS": "school_ols"}
    return OLS[what](fixture(fits[where]))


# --- the tests ----------------------------------------------------------------------------------


def agrees(value: float, golden: dict[str, Any]) -> None:
    assert printed(value, golden["slide"])
    what, target = golden["what"], golden["value"]
    if what in ("p", "p0", "p1", "p00", "p01"):  # the tail of t: log p moves as t does
        if target > 0:
            tolerance = 10 * OPTIMUM["df"]
            assert abs(np.log(value) - np.log(target)) <= tolerance * abs(np.log(target))
        else:
            assert value < 1e-290  # R's underflow
        return
    kind = "df" if what.startswith("df") else "se" if what.startswith(("SE", "t")) else "estimate"
    assert value == pytest.approx(target, rel=OPTIMUM[kind], abs=0)


def identity(golden: dict[str, Any]) -> str:
    return f"{golden['where']}-{golden['what']}".replace(" ", "_").replace("/", "-")


def test_there_are_240_numbers() -> None:
    assert len(NUMBERS) == 240
    assert len({identity(golden) for golden in NUMBERS}) == 240
    assert sum(golden["where"] == "TIMSS" for golden in NUMBERS) == 161


@pytest.mark.parametrize("golden", NUMBERS, ids=identity)
def test_number_on_a_slide(golden: dict[str, Any], request: pytest.FixtureRequest) -> None:
    agrees(number(golden["where"], golden["what"], request.getfixturevalue), golden)


@pytest.mark.parametrize(
    "golden", [golden for golden in NUMBERS if golden["where"] == "TIMSS"], ids=identity
)
def test_number_from_the_published_summaries(
    golden: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """n, mean and sd of the 20 schools give all that the 661 rows give."""
    table = request.getfixturevalue("timss_summaries")
    oneway = lambda: ec.oneway("mean", "idschool", summaries=table)  # noqa: E731
    fit = request.getfixturevalue("timss_fit_from_summaries")
    agrees(timss_number(golden["what"], fit, oneway), golden)
