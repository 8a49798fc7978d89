"""`fit.simulate(n)`: new responses from a fitted model, as a table."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.effects.fitted import fitted
from echelon.effects.residual_law import drawn_noise
from echelon.effects.simulate import simulated_rows
from echelon.effects.simulated_new import simulated_new
from echelon.errors import DataError, UnknownOption
from echelon.linalg.generators import generator
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Random = Literal["new", "fitted"]


def simulate(
    fit: LmmFit | OlsFit,
    n: int = 1,
    *,
    rng: int | np.random.Generator | None = None,
    random: str = "new",
    new: object = None,
) -> object:
    """Responses drawn from the fitted model: one column a draw, one row a row used.

    Parameters
    ----------
    n : draws
    rng : seed or generator; None for other draws at every call
    random : "new" draws the random effects anew, as R's simulate; "fitted" keeps the empirical
        Bayes estimates of the groups and draws residuals only (lme4's use.u=TRUE)
    new : a table with the predictors and groups of other rows to draw for; rows that share a label
        share a group. None for the rows of the fit

    Returns
    -------
    table in the caller's dataframe library with columns sim_1, sim_2, ...; on the scale of the
    model's response, offset included. `fit.refit(...)` takes it as it is

    Raises
    ------
    DataError : `n` or `rng` is not of its kind
    UnknownOption : another `random`
    NeedsRows : the fit was made from summaries
    NotYetSupported : `new` in a model with correlated residuals

    Notes
    -----
    y = X beta + offset + Z b + e, with b ~ N(0, T) and e from the residual law of the fit:
    precision weights, strata and correlations of `residual=` included (`simulate-rows`,
    `residual-draws`). The parameters are held at their estimates. Cost O(n_rows n q).

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> fit.simulate(2, rng=1).shape
    (180, 2)
    >>> fit.refit(fit.simulate(20, rng=1)).counts["failed"]
    0
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise DataError(f"n={n!r}: a whole number of draws, at least 1, as in n=100.")
    if random not in get_args(Random):
        raise UnknownOption("random", random, get_args(Random))
    source, backend = generator(rng), fit.source.backend
    if new is None:
        Y = simulated(fit, int(n), source, random)
    else:
        Y, backend = simulated_new(fit, new, int(n), source, random)
    columns: dict[str, Values] = {f"sim_{r + 1}": Y[:, r].copy() for r in range(Y.shape[1])}
    return to_native(columns, backend)


def simulated(fit: LmmFit | OlsFit, R: int, rng: np.random.Generator, random: str = "new") -> Array:
    """R responses (n, R) of the rows used, as an array; `random` as for `simulate`."""
    if isinstance(fit, LmmFit):
        fit.rows("simulate()")
        if random == "new":
            return simulated_rows(fit, R, rng)
    return np.asarray(fitted(fit)[:, None] + drawn_noise(fit, R, rng))
