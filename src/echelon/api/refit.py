"""`fit.refit(y)`: the same model of another response, or of many at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from echelon.api.shown import Shown
from echelon.data import Frame
from echelon.errors import DataError, EchelonWarning
from echelon.infer.refits import refits_frame
from echelon.model.fit import LmmFit
from echelon.model.refit import refit_many, refit_one, response
from echelon.model.refits import Refits

if TYPE_CHECKING:
    from echelon.api.results import LMM
    from echelon.show.table import Table

Array = NDArray[np.float64]


def _refits_table(refits: Refits, *, digits: int = 3) -> Table:
    """Mean, SD and range of each estimate over the responses, as a `Table`."""
    from echelon.show.refits import refits_table

    return refits_table(refits, digits=digits)


class RefitResults(Shown, Refits):
    """One model fitted to many responses; see `Refits` for its values.

    `found[r]` or `found["name"]` is the full fit of one response.
    """

    __slots__ = ()

    @classmethod
    def of(cls, values: Refits) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Refits)})

    def __getitem__(self, which: int | str) -> LMM:
        from echelon.api.results import LMM

        return LMM.of(response(self, which))

    frame = refits_frame
    table = _refits_table


def refit(fit: LmmFit, y: object) -> LMM | RefitResults:
    """Fit the same model to another response, or to many at once.

    The formula, the groups, the columns and the rows stay; only the response is new. Made for
    simulation, the bootstrap and plausible values: many responses cost a fraction of as many fits.

    Parameters
    ----------
    y : one value a row (array, list or column of a data frame) for one fit; an array (n, R) or a
        data frame with one column a response for many. Rows are those used by the fit, in order, or
        all rows of its table. Values are on the scale of the model's response: for
        `log(y) ~ x` give logarithms; an offset is part of the response, as in the formula.

    Returns
    -------
    LMM for one response. `RefitResults` for many: arrays `beta`, `std_error`, `vcov`, `theta`,
    `sigma`, `covariance`, `components`, `deviance`, `status` with one row a response; `.frame()` in
    the caller's dataframe library; `.table()`; `found[r]` is the full fit of response r.

    Raises
    ------
    DataError : values that are missing, infinite or no numbers; another number of rows
    NotIdentified : a response that is constant, or reproduced by the fixed effects
    NeedsRows : the fit was made from summaries

    Warns
    -----
    EchelonWarning : a fit failed

    Notes
    -----
    `moments-responses`, `batch-sums`; bates2015. The columns of a data frame name the responses.
    With a residual structure, or by the iterative method, many responses are fitted one by one.

    Examples
    --------
    >>> import numpy as np
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> round(fit.refit(sleep["Reaction"] / 1000).sigma, 5)
    0.02559
    >>> noise = np.random.default_rng(1).normal(size=(180, 50))
    >>> found = fit.refit(fit.fittedvalues[:, None] + fit.sigma * noise)
    >>> found.beta.shape, found.counts["failed"]
    ((50, 2), 0)
    """
    from echelon.api.results import LMM

    if _is_table(y):
        frame = Frame.of(y)
        columns = [_numbers(frame, name) for name in frame.columns]
        if not columns:
            raise DataError("refit() was given a table without columns.")
        return _many(fit, np.column_stack(columns), frame.columns)
    values = _array(y)
    if values.ndim == 1:
        name = getattr(y, "name", None)
        name = name if isinstance(name, str) and name else None
        used = _used(fit, values[:, None], (name or fit.response,))
        again = refit_one(fit, used[:, 0], name)
        if again.verdict.status == "failed":
            warnings.warn(again.verdict.message, EchelonWarning, stacklevel=2)
        return LMM.of(again)
    return _many(fit, values, tuple(f"{fit.response}[{r}]" for r in range(values.shape[1])))


def _many(fit: LmmFit, Y: Array, names: tuple[str, ...]) -> RefitResults:
    found = refit_many(fit, _used(fit, Y, names), names)
    failed = found.counts["failed"]
    if failed:
        text = (
            f'{failed:,} of {len(found):,} refits failed: leave out those whose status is "failed".'
        )
        warnings.warn(text, EchelonWarning, stacklevel=3)
    return RefitResults.of(found)


def _is_table(y: object) -> bool:
    if isinstance(y, np.ndarray):
        return False
    return isinstance(y, Mapping) or hasattr(y, "columns") or hasattr(y, "column_names")


def _numbers(frame: Frame, name: str) -> Array:
    column = frame.column(name, "refit()")
    if column.is_categorical:
        raise DataError(f"The response {name!r} is not numeric.")
    return column.values.astype(np.float64, copy=False)


def _short(y: Sequence[str]) -> str:
    return repr(y) if isinstance(y, str) or len(y) < 4 else f"{y[0]!r}, {y[1]!r}, ..."


def _array(y: object) -> Array:
    """Values as (n,) or (n, R)."""
    if isinstance(y, str) or (
        isinstance(y, list | tuple) and len(y) and all(isinstance(v, str) for v in y)
    ):
        raise DataError(
            f"A fit keeps no table to look up {_short(y)}. Give the values: fit.refit(data[...])."
        )
    try:
        values = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("refit() was given values that are not numbers.") from None
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] == 0):
        raise DataError(
            f"refit() was given an array of shape {values.shape}; give (n,) for one response or "
            "(n, R) for R of them."
        )
    return values


def _used(fit: LmmFit, Y: Array, names: tuple[str, ...]) -> Array:
    """The rows of the fit, checked."""
    built = fit.rows("refit()")
    total = built.missing.n_total
    if len(Y) == total and built.used is not None:
        Y = Y[built.used]
    if len(Y) != fit.n:
        rows = f"{fit.n} rows used" + (f" (or the {total} of its table)" if total != fit.n else "")
        raise DataError(f"refit() was given {len(Y)} values, and the fit has {rows}.")
    finite = np.isfinite(Y)
    if not finite.all():
        row, r = (int(i) for i in np.argwhere(~finite)[0])
        kind = "missing" if np.isnan(Y[row, r]) else "infinite"
        count = int(np.count_nonzero(~finite[:, r]))
        raise DataError(
            f"The response {names[r]!r} has {count:,} missing or infinite values in the rows of "
            f"the fit (the first, {kind}, in its row {row}, counting from 0). refit() keeps the "
            "rows; fit with lmer() to leave rows out."
        )
    return Y
