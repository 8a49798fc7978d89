"""Confidence intervals by one name: Wald, profile likelihood, bootstrap."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, cast, get_args

from echelon.data import Values, to_native
from echelon.errors import DataError, EchelonWarning, NotYetSupported, UnknownOption
from echelon.infer.bootstrap import (
    Interval,
    Scale,
    bootstrap_intervals,
    bootstrap_values,
    failures,
)
from echelon.infer.bootstrap.parameters import parameters as parameters_of
from echelon.infer.bootstrap.parameters import selected, squared
from echelon.infer.bootstrap.run import Rng
from echelon.infer.coefficients import coefficient_values
from echelon.infer.intervals import Intervals
from echelon.infer.profile import profile_intervals
from echelon.infer.robust.clusters import Cluster
from echelon.linalg.distributions import check_level
from echelon.model.fit import LmmFit, OlsFit

ConfintMethod = Literal["wald", "profile", "bootstrap"]

_KINDS = {"beta_": "fixed", "theta_": "variance"}
_HABITS = {"boot": "bootstrap", "prof": "profile", "z": "wald"}
_OWN = {
    "wald": ("df", "robust", "cluster"),
    "profile": ("scale", "restricted"),
    "bootstrap": ("scale", "interval", "n", "rng"),
}
"""Options that belong to some methods only."""


def confint(
    fit: LmmFit | OlsFit,
    method: str = "wald",
    *,
    level: float = 0.95,
    parameters: str | Sequence[str] | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    scale: Scale | None = None,
    restricted: bool | None = None,
    interval: Interval | None = None,
    n: int | None = None,
    rng: Rng = None,
) -> object:
    """Confidence intervals as a table in the caller's dataframe library.

    Parameters
    ----------
    method : "wald": estimate -/+ quantile x standard error, of the fixed effects; "profile": by the
        profile likelihood, and "bootstrap": by the parametric bootstrap, of all parameters. "boot"
        and capitals are understood
    level : coverage, between 0 and 1
    parameters : some of them by name, as the tables have them; "fixed" for the fixed effects,
        "variance" for the others (lme4's "beta_" and "theta_" are understood)
    df, robust, cluster : of Wald intervals; as in `coefficients`
    scale : of variance parameters: "sd" (the default) or "variance"
    restricted : profile the REML criterion instead of the ML deviance, of variance parameters;
        with few groups its intervals cover better (docs/coverage.md)
    interval : of the bootstrap: "percentile" (the default), "basic" or "bca"
    n : bootstrap replicates, 1,000 unless said otherwise;  rng : their seed or generator

    Returns
    -------
    one row a parameter: term, conf_low, conf_high

    Raises
    ------
    UnknownOption : a method, option or parameter that does not exist
    DataError : an option of another method
    NotYetSupported : a method that is not for this model; says which is

    Warns
    -----
    EchelonWarning : replicates of a bootstrap failed

    Notes
    -----
    `bootstrap` keeps the replicates, for standard errors, bias and other statistics.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> print(confint(fit).round(2))
              term  conf_low  conf_high
    0  (Intercept)    237.01     265.80
    1         Days      7.21      13.73
    >>> confint(fit, "bootstrap", n=99, rng=1)["term"].tolist()[-2:]
    ['sd_Days|Subject', 'sigma']
    """
    chosen = _method(method)
    parameters = _KINDS.get(parameters, parameters) if isinstance(parameters, str) else parameters
    given = {
        "df": df,
        "robust": robust,
        "cluster": cluster,
        "scale": scale,
        "restricted": restricted,
        "interval": interval,
        "n": n,
        "rng": rng,
    }
    _check_together(chosen, {name for name, value in given.items() if value is not None})
    if chosen == "wald":
        found = _wald(fit, level, parameters, df, robust, cluster)
    elif isinstance(fit, OlsFit):
        raise NotYetSupported(
            f"The intervals of a linear model are exact already: method={chosen!r} is for "
            'multilevel models. Use method="wald".'
        )
    elif chosen == "profile":
        found = profile_intervals(
            fit,
            level=level,
            parameters=parameters,
            scale=scale or "sd",
            restricted=bool(restricted),
        )
    else:
        found = _bootstrap(fit, level, parameters, scale, interval, n, rng)
    columns: dict[str, Values] = {
        "term": list(found.names),
        "conf_low": found.low,
        "conf_high": found.high,
    }
    return to_native(columns, fit.source.backend)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices."""
    if value not in choices:
        raise UnknownOption(option, value, choices)


def _method(method: str) -> ConfintMethod:
    name = method.strip().lower() if isinstance(method, str) else ""
    name = _HABITS.get(name, name)
    if name not in get_args(ConfintMethod):
        raise UnknownOption("method", method, get_args(ConfintMethod))
    return cast(ConfintMethod, name)


def _check_together(method: ConfintMethod, given: set[str]) -> None:
    """Refuse options of other methods."""
    for name in sorted(given - set(_OWN[method])):
        owners = " or ".join(f"method={owner!r}" for owner in _OWN if name in _OWN[owner])
        raise DataError(f"{name}= goes with {owners}, and the method here is {method!r}.")


def _wald(
    fit: LmmFit | OlsFit,
    level: float,
    asked: str | Sequence[str] | None,
    df: str | None,
    robust: str | None,
    cluster: Cluster,
) -> Intervals:
    values = coefficient_values(fit, df=df, robust=robust, cluster=cluster, level=level)
    names = (asked,) if isinstance(asked, str) else tuple(asked or ())
    if isinstance(fit, LmmFit):
        own = parameters_of(fit).names[len(fit.names) :]
        others = {"variance", *own, *(squared(name, True) for name in own)} - set(fit.names)
        for name in names:
            if name in others:
                raise DataError(
                    f"Wald intervals are for fixed effects, and {name!r} is none: symmetric "
                    'intervals of variances would mislead. Use method="profile" or "bootstrap".'
                )
    kept = selected(values.names, asked, len(values.names))
    return Intervals(
        names=tuple(values.names[i] for i in kept),
        estimate=values.estimate[kept],
        low=values.conf_low[kept],
        high=values.conf_high[kept],
        method="wald",
        level=level,
    )


def _bootstrap(
    fit: LmmFit,
    level: float,
    parameters: str | Sequence[str] | None,
    scale: Scale | None,
    interval: Interval | None,
    n: int | None,
    rng: Rng,
) -> Intervals:
    # options are looked at before a bootstrap that may take long
    check_level(level)
    selected(parameters_of(fit).names, parameters, len(fit.names))
    _check_choice("scale", scale or "sd", get_args(Scale))
    _check_choice("interval", interval or "percentile", get_args(Interval))
    result = bootstrap_values(fit, n=1000 if n is None else n, rng=rng)
    found = bootstrap_intervals(
        result,
        level=level,
        interval=interval or "percentile",
        parameters=parameters,
        scale=scale or "sd",
    )
    if result.counts["failed"]:
        warnings.warn(f"{failures(result)} They are left out.", EchelonWarning, stacklevel=4)
    return found
