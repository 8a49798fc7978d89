"""How a report tests fixed effects and finds intervals: by the fit's own method, or as asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.infer import Estimates, coefficient_values
from echelon.infer.bootstrap import Bootstrap, bootstrap_intervals, bootstrap_values
from echelon.infer.components import Component
from echelon.infer.intervals import Intervals
from echelon.infer.profile import Profile, profile_values
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit
from echelon.show.format import integer
from echelon.show.robust import robust_values

Array = NDArray[np.float64]
IntervalMethod = Literal["wald", "profile", "bootstrap"]
Asked: TypeAlias = str | Profile | Bootstrap
"""A method by name, or a profile or bootstrap that has been made."""

_LEVEL = 0.95
_REPLICATES = 1000
_HABITS = {"boot": "bootstrap", "prof": "profile"}


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """The fixed effects and the intervals that a report shows.

    Attributes
    ----------
    fixed : estimates with the standard errors, tests and intervals shown
    model_se : (p,) standard errors under the model
    correction : of cluster-robust standard errors, "CR2"; "" for those of the model
    tests : how fixed effects are tested, in words; "" for as the fit does
    notes : what a reader of the fixed effects should know, one sentence each
    intervals : of all parameters, by profile or bootstrap; None for Wald intervals
    means : how `intervals` were found: "profile" or "bootstrap"; "wald"
    """

    fixed: Estimates
    model_se: Array
    correction: str = ""
    tests: str = ""
    notes: tuple[str, ...] = ()
    intervals: Intervals | None = None
    means: IntervalMethod = "wald"

    @property
    def keys(self) -> set[str]:
        """Which quantities of it a glossary explains."""
        robust = {"robust", self.correction} if self.correction else set()
        return robust | ({self.means} - {"wald"})

    @property
    def interval_name(self) -> str:
        """Above the columns of intervals by profile or bootstrap."""
        level = self.fixed.level if self.intervals is None else self.intervals.level
        return f"{100 * level:.0f}% {self.means} interval"

    def of_component(self, row: Component) -> tuple[float, float]:
        """Limits of a standard deviation or correlation; nan where there are none."""
        found, name = self.intervals, parameter_name(row)
        if found is None or name not in found.names:
            return np.nan, np.nan
        # from the end: a fixed effect may be called sigma too
        i = len(found.names) - 1 - found.names[::-1].index(name)
        return float(found.low[i]), float(found.high[i])


def inference_of(
    fit: LmmFit,
    *,
    robust: str | None = None,
    cluster: Cluster = None,
    intervals: Asked = "wald",
    n: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Inference:
    """The fixed effects of a report with the tests and intervals asked for.

    Parameters
    ----------
    robust, cluster : cluster-robust standard errors, as `coefficients` takes them; then intervals
        of fixed effects are by them too
    intervals : "wald", "profile", "bootstrap", or a profile or bootstrap of all parameters
    n, rng : replicates and seed of the bootstrap

    Raises
    ------
    UnknownOption : no such method
    DataError : n= or rng= without a bootstrap; a profile or bootstrap of something else
    """
    means, found = _found(fit, intervals, n, rng)
    values, tests, notes = robust_values(fit, robust, cluster)
    said = _said(intervals, found, n, robust)
    if found is not None and robust is None:
        own = [found.names.index(name) for name in values.names]
        values = replace(values, conf_low=found.low[own], conf_high=found.high[own])
    return Inference(
        fixed=values,
        model_se=values.std_error if robust is None else coefficient_values(fit).std_error,
        correction=robust or "",
        tests=tests,
        notes=(*notes, *said),
        intervals=found,
        means=means,
    )


def parameter_name(row: Component) -> str:
    """What profiles and bootstraps call a variance component.

    >>> parameter_name(Component("g", "(Intercept)", "x", 0.0, 0.0, 0.1, 0.2))
    'cor_x.(Intercept)|g'
    """
    if row.with_term.startswith("rho ("):
        return f"rho_{row.term}|{row.group}"
    if row.with_term:
        return f"cor_{row.with_term}.{row.term}|{row.group}"
    return f"sd_{row.term}|{row.group}" if row.term else "sigma"


def _found(
    fit: LmmFit, asked: Asked, n: int | None, rng: int | np.random.Generator | None
) -> tuple[IntervalMethod, Intervals | None]:
    """The method and its intervals of all parameters, standard deviations among them."""
    name = asked.strip().lower() if isinstance(asked, str) else ""
    name = _HABITS.get(name, name)
    if name != "bootstrap" and (n is not None or rng is not None):
        raise DataError('n= and rng= of a report go with intervals="bootstrap".')
    if isinstance(asked, Profile | Bootstrap):
        _check_whole(fit, asked)
    if name == "wald":
        return "wald", None
    if name == "profile":
        asked = profile_values(fit, level=_LEVEL)
    if name == "bootstrap":
        asked = bootstrap_values(fit, n=_REPLICATES if n is None else n, rng=rng)
    if isinstance(asked, Profile):
        return "profile", _of_profile(asked)
    if isinstance(asked, Bootstrap):
        return "bootstrap", bootstrap_intervals(asked, level=_LEVEL)
    raise UnknownOption("intervals", asked, get_args(IntervalMethod))


def _of_profile(given: Profile) -> Intervals:
    """Its intervals at the level of a report, of standard deviations whatever its scale."""
    found = given.intervals(_LEVEL)
    if given.scale == "sd":
        return found
    power = np.array([0.5 if each.squared else 1.0 for each in given.parameters])
    return replace(
        found,
        names=tuple(each.name for each in given.parameters),
        low=np.sign(found.low) * np.abs(found.low) ** power,
        high=np.sign(found.high) * np.abs(found.high) ** power,
    )


def _check_whole(fit: LmmFit, given: Profile | Bootstrap) -> None:
    """Refuse intervals of another model, or of some parameters only."""
    what = "profile" if isinstance(given, Profile) else "bootstrap"
    own = given.fit
    same = own is fit or (
        own.spec.formula == fit.spec.formula
        and own.reml == fit.reml
        and np.array_equal(own.optimum.beta, fit.optimum.beta)
    )
    if not same:
        raise DataError(f"intervals= is a {what} of another fit: {own.spec.formula}.")
    if isinstance(given, Bootstrap):
        whole = given.statistic is None
    else:
        whole = {"sigma", *fit.names} <= {each.name for each in given.parameters}
    if not whole:
        raise DataError(
            f"intervals= is a {what} of something else than all parameters of the model. Make one "
            f"of them all, fit.{what}(), and show this one by also=."
        )


def _said(
    asked: Asked, found: Intervals | None, n: int | None, robust: str | None
) -> tuple[str, ...]:
    """How intervals were found, in a sentence for the table of fixed effects."""
    if found is None:
        return ()
    how = "by profile likelihood"
    if found.method != "profile":
        count = len(asked) if isinstance(asked, Bootstrap) else n or _REPLICATES
        kind = asked.kind if isinstance(asked, Bootstrap) else "parametric"
        how = f"the percentiles of {integer(count)} replicates of the {kind} bootstrap"
    if robust is None:
        return (f"Intervals: {how}.",)
    return (f"Intervals here: by the robust standard errors; of the random effects: {how}.",)
