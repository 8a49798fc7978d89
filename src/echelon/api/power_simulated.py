"""`ec.power(...).simulate()`: the same plans by simulation, beside the formula."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from echelon.api.design_study import design_study
from echelon.api.options import known_options
from echelon.api.power_columns import power_columns
from echelon.api.shown import Shown
from echelon.data import Values, to_native
from echelon.linalg.generators import generator
from echelon.study.power_simulated import Compared, study_options
from echelon.study.powers import Powers

if TYPE_CHECKING:
    from echelon.show.table import Table

MEASURES = ("power", "type_1_error", "coverage", "sd")


def _table(compared: Compared, *, digits: int = 3) -> Table:
    """Formula and simulation side by side as a `Table`."""
    from echelon.show.power_simulated import compared_table

    return compared_table(compared, digits=digits)


def compared_columns(compared: Compared) -> dict[str, Values]:
    """What is known of each plan, by name of column: formula, then simulation."""
    kept = ("J", "n", "sizes", "icc", "effect_sd", "effect", "power", "std_error", "df")
    columns = {k: v for k, v in power_columns(compared.found).items() if k in kept}
    return columns | {f"simulated_{name}": value for name, value in compared.measured.items()}


def _frame(compared: Compared, *, backend: str = "pandas") -> object:
    """One row a plan: the formula's numbers, then the simulated with Monte Carlo errors."""
    return to_native(compared_columns(compared), backend)


class SimulatedPower(Shown, Compared):
    """Plans by formula and by simulation; see `Compared` for the values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Compared) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Compared)})

    frame = _frame
    table = _table


@known_options
def simulate(
    found: Powers,
    *,
    reps: int = 1000,
    estimator: str = "reml",
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> SimulatedPower:
    """Simulate the same plans with `design_study`, beside the formula.

    Parameters
    ----------
    reps : replicates of each plan
    estimator : one of `design_study`: "reml" (Satterthwaite), "reml_bw", "rows_robust", ...
    rng : seed or generator; None for other draws at every call
    progress : as in `design_study`

    Returns
    -------
    SimulatedPower : print it; `.frame()`, `.table()`

    Raises
    ------
    DataError : a plan without an effect, fixed sites, a one-sided test
    UnknownOption : an estimator that there is not

    Notes
    -----
    Covariates are not drawn: variances are those that they leave. Sizes with a coefficient of
    variation are lognormal.

    Examples
    --------
    >>> import echelon as ec
    >>> both = ec.power(J=40, n=20, icc=0.2, effect=0.5).simulate(reps=400, rng=1)
    >>> frame = both.frame()
    >>> gap = frame["simulated_power"] - frame["power"]
    >>> bool((abs(gap) < 3 * frame["simulated_power_mcse"]).all())
    True
    """
    root = rng if isinstance(rng, int) else int(generator(rng).integers(2**63))
    measured: dict[str, list[float]] = {}
    for place in range(len(found.power)):
        term, options = study_options(found, place)
        known: dict[str, Any] = options
        study = design_study(
            **known,
            estimators=[estimator],
            reps=reps,
            alpha=found.setting.alpha,
            rng=root,
            progress=progress,
        )
        row = study.pick(term)[0]
        for name in MEASURES:
            for each in (name, f"{name}_mcse"):
                measured.setdefault(each, []).append(float(row.values.get(each, np.nan)))
    arrays = {name: np.array(values) for name, values in measured.items()}
    remarks: tuple[str, ...] = ()
    if found.setting.covariates:
        remarks = (
            "Covariates are not simulated: the variances are those that they leave, and their "
            "degrees of freedom are not taken.",
        )
    return SimulatedPower.of(Compared(found, arrays, estimator, reps, root, remarks))
