"""`power`, `mdes`, `sample_size`, `optimal_design`: two-level studies planned by formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from numpy import float64, int64
from numpy.typing import NDArray

from echelon.api.options import known_options
from echelon.api.power_result import PowerResult
from echelon.errors import DataError
from echelon.study.analytic import Alternative, Design, Sites, TwoLevel
from echelon.study.power import detectable_values, power_values, size_values
from echelon.study.power_grid import Numbers
from echelon.study.power_optimal import optimal_values
from echelon.study.powers import Target

GroupSizes: TypeAlias = (
    float | str | Sequence[object] | Mapping[str, float] | NDArray[float64] | NDArray[int64]
)
"""Rows in a group, as in `design_study`: a number, a distribution, all sizes; several in a list."""


@known_options
def power(
    design: Design = "cluster",
    *,
    J: Numbers | None = None,
    n: GroupSizes | None = None,
    icc: Numbers | None = None,
    effect: Numbers | None = None,
    cv: Numbers | None = None,
    effect_sd: Numbers | None = None,
    r2_1: Numbers = 0.0,
    r2_2: Numbers = 0.0,
    covariates: int = 0,
    share: float | None = 0.5,
    x_share: float | None = None,
    sites: Sites = "random",
    sd: float = 1.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> PowerResult:
    """Power of a two-level study, by formula.

    Parameters
    ----------
    design : the effect of interest: "cluster", a treatment given to whole groups; "multisite", one
        given to rows within each group; "level-1", "level-2", a continuous predictor of rows or of
        groups; "interaction", a treatment of groups by a predictor of level 1; "mean", the grand
        mean against a known value
    J : groups
    n : rows in a group: a number, a distribution ({"mean": 20, "cv": 0.4}, "uniform(5, 35)"), or a
        tuple or array of all sizes, as in `design_study`
    icc : intraclass correlation, without covariates
    effect : in SDs of the response (for continuous predictors, per SD of the predictor)
    cv : coefficient of variation of the groups' sizes, whose mean is n
    effect_sd : SD of the effect between groups ("multisite", "level-1", "interaction"), in the
        same units; None for the same effect in every group. PowerUp's omega is its square over icc
    r2_1 : share of the variance within groups that covariates explain
    r2_2 : share of the variance between groups (of the intercepts; in designs with effects within
        groups, of the effects) that covariates explain
    covariates : number of covariates between groups, each of which takes a degree of freedom
    share : of groups ("cluster", "interaction") or rows ("multisite") treated; None for a
        continuous variable
    x_share : rows with a 1, where the level-1 predictor of an interaction is binary
    sites : "random", groups stand for others; "fixed", the mean effect in these very groups
    sd : SD of the response, to give effects in its units
    alpha : level of the test
    alternative : "two-sided" or "one-sided"

    J, icc, effect, cv, effect_sd, r2_1, r2_2 and n may each be several values in a list: every
    combination is computed.

    Returns
    -------
    PowerResult : print it; `.frame()`, `.table()`, `.plot()`, `.simulate()`

    Raises
    ------
    DataError : a value out of its range, or what a design needs missing
    UnknownOption, UnknownArgument : a design or option that does not exist, with the nearest one

    Notes
    -----
    Noncentral t; equations `power-information`, `power-parts`, `power-freedom`; raudenbush1997,
    raudenbush2000, dong2013. Exact for groups of one size; for sizes that vary the variances are
    taken as known.

    Examples
    --------
    >>> import echelon as ec
    >>> found = ec.power(J=[20, 40], n=20, icc=0.2, effect=0.5)
    >>> found.frame()[["J", "power", "df"]].round(3)
        J  power  df
    0  20  0.579  18
    1  40  0.882  38
    """
    setting = TwoLevel(
        design, share, x_share, sites, effect_sd is not None, covariates, sd, alpha, alternative
    )
    given = _given(
        J=J, n=n, icc=icc, effect_sd=effect_sd, r2_1=r2_1, r2_2=r2_2, effect=effect, cv=cv
    )
    return PowerResult.of(power_values(setting, given))


@known_options
def mdes(
    design: Design = "cluster",
    *,
    J: Numbers | None = None,
    n: GroupSizes | None = None,
    icc: Numbers | None = None,
    power: Numbers = 0.8,
    cv: Numbers | None = None,
    effect_sd: Numbers | None = None,
    r2_1: Numbers = 0.0,
    r2_2: Numbers = 0.0,
    covariates: int = 0,
    share: float | None = 0.5,
    x_share: float | None = None,
    sites: Sites = "random",
    sd: float = 1.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> PowerResult:
    """The minimum detectable effect of a two-level study: the smallest that is found with a power.

    Parameters
    ----------
    power : wanted; several in a list
    other options : as in `power`

    Returns
    -------
    PowerResult : print it; `.frame()`, `.table()`, `.plot()`

    Raises
    ------
    DataError, UnknownOption, UnknownArgument : as in `power`

    Notes
    -----
    The noncentrality is solved for; PowerUp! adds two quantiles of the central t instead, which is
    a little off below ten groups. Equation `power-mdes`; bloom1995, dong2013.

    Examples
    --------
    >>> import echelon as ec
    >>> print(ec.mdes(J=[20, 40, 80], n=[10, 30], icc=0.2).to_text().splitlines()[4])
    20   0.701   0.631
    """
    setting = TwoLevel(
        design, share, x_share, sites, effect_sd is not None, covariates, sd, alpha, alternative
    )
    given = _given(J=J, n=n, icc=icc, effect_sd=effect_sd, r2_1=r2_1, r2_2=r2_2, power=power, cv=cv)
    return PowerResult.of(detectable_values(setting, given))


@known_options
def sample_size(
    design: Design = "cluster",
    *,
    J: Numbers | None = None,
    n: GroupSizes | None = None,
    icc: Numbers | None = None,
    effect: Numbers | None = None,
    power: Numbers = 0.8,
    half_width: Numbers | None = None,
    std_error: Numbers | None = None,
    cv: Numbers | None = None,
    effect_sd: Numbers | None = None,
    r2_1: Numbers = 0.0,
    r2_2: Numbers = 0.0,
    covariates: int = 0,
    share: float | None = 0.5,
    x_share: float | None = None,
    sites: Sites = "random",
    sd: float = 1.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> PowerResult:
    """The fewest groups, or rows in each, with which an effect is found or estimated well enough.

    Parameters
    ----------
    J, n : give one of them; the other is found
    effect, power : the effect that is to be found with this power
    half_width : instead: of the confidence interval at level 1 - alpha, in the units of effects
    std_error : instead: of the estimate
    other options : as in `power`

    Returns
    -------
    PowerResult : print it; `.frame()`, `.table()`, `.plot()`. Where no size of the groups is
        enough, n is missing and a note says what endless groups would give

    Raises
    ------
    DataError, UnknownOption, UnknownArgument : as in `power`

    Examples
    --------
    >>> import echelon as ec
    >>> found = ec.sample_size(n=20, icc=0.2, effect=[0.25, 0.5])
    >>> found.frame()["J"].tolist()
    [123, 33]
    >>> ec.sample_size("mean", n=25, icc=0.2, half_width=0.1).frame()["J"].tolist()
    [92]
    """
    if (J is None) == (n is None):
        raise DataError("Give J= or n=, and leave out the one to be found.")
    goals = {"effect": effect, "half_width": half_width, "std_error": std_error}
    goal = [name for name, value in goals.items() if value is not None]
    if len(goal) != 1:
        raise DataError(
            "Give one goal: effect= (to be found with power=), half_width= or std_error=."
        )
    target: Target = "power" if effect is not None else goal[0]  # type: ignore[assignment]
    setting = TwoLevel(
        design, share, x_share, sites, effect_sd is not None, covariates, sd, alpha, alternative
    )
    given = _given(J=J, n=n, icc=icc, effect_sd=effect_sd, r2_1=r2_1, r2_2=r2_2, cv=cv, **goals)
    given |= {"power": power} if target == "power" else {}
    return PowerResult.of(size_values(setting, given, target))


@known_options
def optimal_design(
    design: Design = "cluster",
    *,
    icc: Numbers | None = None,
    cost_group: float,
    cost_row: float,
    budget: float | None = None,
    effect: Numbers | None = None,
    power: Numbers = 0.8,
    effect_sd: Numbers | None = None,
    r2_1: Numbers = 0.0,
    r2_2: Numbers = 0.0,
    covariates: int = 0,
    share: float | None = 0.5,
    x_share: float | None = None,
    sites: Sites = "random",
    sd: float = 1.0,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
) -> PowerResult:
    """The best numbers of groups and rows for a budget, or the cheapest for a power.

    Parameters
    ----------
    cost_group : of a group, without its rows
    cost_row : of one row
    budget : what may be spent; without it, the cheapest plan that finds `effect` with `power`
    effect : with a budget, may be left out: the smallest effect found with `power` is shown
    other options : as in `power`

    Returns
    -------
    PowerResult : print it; `.frame()`, `.table()`, `.plot()`

    Raises
    ------
    DataError, UnknownOption, UnknownArgument : as in `power`; a budget too small for a test

    Notes
    -----
    Whole groups and rows are searched; equation `power-optimal` is the rule for many groups;
    raudenbush1997.

    Examples
    --------
    >>> import echelon as ec
    >>> best = ec.optimal_design(icc=0.2, cost_group=300, cost_row=10, budget=20_000)
    >>> best.frame()[["J", "n", "cost"]].values.tolist()
    [[50.0, 10.0, 20000.0]]
    """
    setting = TwoLevel(
        design, share, x_share, sites, effect_sd is not None, covariates, sd, alpha, alternative
    )
    given = _given(icc=icc, effect_sd=effect_sd, r2_1=r2_1, r2_2=r2_2, effect=effect, power=power)
    best = optimal_values(setting, given, cost_group=cost_group, cost_row=cost_row, budget=budget)
    return PowerResult.of(best)


def _given(**values: object) -> dict[str, object]:
    return values
