"""Predictions of the fixed part: at values of the predictors, for rows, on average over rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Values, to_native
from echelon.errors import DataError
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates
from echelon.infer.marginal.estimable import estimable
from echelon.infer.marginal.grid import At, expand, predictors, reference_grid, values_given
from echelon.infer.marginal.levels import asked
from echelon.infer.marginal.means import Functions, inference
from echelon.infer.marginal.names import labels
from echelon.infer.marginal.remarks import listed
from echelon.infer.marginal.rows import (
    Laid,
    grouping,
    grouping_names,
    new_rows,
    own_rows,
    repeated,
    set_to,
)
from echelon.infer.uncertainty import Uncertainty
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Predictions of the fixed part, random effects at zero.

    Attributes
    ----------
    values : estimates with intervals; the tests are of the prediction being zero
    columns : what tells the rows apart, one value a row: predictors, groups, the number of the row
    average : whether each row is a mean over rows of data
    notes : what a reader should know, one sentence each
    functions : the predictions as linear functions of the fixed effects
    response, backend : the response as typed; the library in which tables come back
    """

    values: Estimates
    columns: Mapping[str, Column]
    average: bool
    notes: tuple[str, ...]
    functions: Functions
    response: str
    backend: str


def prediction_values(
    fit: LmmFit | OlsFit,
    at: At | None = None,
    *,
    by: str | Sequence[str] | None = None,
    average: bool = False,
    newdata: object = None,
    df: str | None = None,
    known: Uncertainty | None = None,
    level: float = 0.95,
) -> Predictions:
    """The predictions of a fit.

    Parameters
    ----------
    at : values of predictors, by name; without it (and `newdata`) the rows of the data
    by : predictors or grouping factors within whose values predictions are averaged
    average : average over the rows of the data, each with its own values of what `at` leaves open
    newdata : a table to predict for, instead of the data of the fit
    df : method of the degrees of freedom;  known : a covariance to use instead of the model's

    Raises
    ------
    UnknownColumn : a name that is no predictor or no column
    DataError : missing values, or a category that the fit has not seen

    Notes
    -----
    `prediction`, `average-prediction`.
    """
    names = (by,) if isinstance(by, str) else tuple(by or ())
    at = None if at is None else values_given(at)
    averaged = bool(average or names)
    if averaged:
        laid = _averages(fit, names, at, newdata)
    elif newdata is not None:
        if at is not None:
            raise DataError("Give at= or newdata=, not both; with average=True both make sense.")
        laid = new_rows(fit, newdata, ())
    elif at is not None:
        grid = reference_grid(fit, at)
        laid = Laid(grid.columns, grid.X, grid.lost, grid.offset, np.ones(grid.m))
    else:
        laid = own_rows(fit, ())
    beta = fit.beta if isinstance(fit, OlsFit) else fit.optimum.beta
    known = uncertainty(fit, df) if known is None else known
    functions = Functions(laid.X, laid.offset, laid.lost, beta, known)
    m = len(laid.X)
    own_names = tuple(labels(laid.columns, tuple(laid.columns), m)) if averaged else _numbers(m)
    return Predictions(
        values=inference(functions, own_names, level),
        columns=laid.columns,
        average=averaged,
        notes=tuple(_notes(fit, at, names, averaged, newdata is not None, functions)),
        functions=functions,
        response=fit.response,
        backend=fit.source.backend,
    )


def _numbers(m: int) -> tuple[str, ...]:
    return tuple(map(str, range(1, m + 1)))


def _averages(fit: LmmFit | OlsFit, by: tuple[str, ...], at: At | None, newdata: object) -> Laid:
    """The rows averaged within groups, once for each combination of the values of `at`."""
    base = own_rows(fit, by) if newdata is None else new_rows(fit, newdata, by)
    kept = grouping({name: base.columns[name] for name in by}, len(base.X))
    if not at:
        return _mean(base, kept, {})
    data = predictors(fit)
    grouping_names(at, data)
    combinations = expand({name: asked(data[name], values) for name, values in at.items()})
    count = len(next(iter(combinations.values())).values)
    found = [
        _mean(set_to(fit, base, fixed), kept, fixed)
        for fixed in (
            {n: replace(c, values=c.values[i : i + 1]) for n, c in combinations.items()}
            for i in range(count)
        )
    ]
    return Laid(
        {name: _joined([laid.columns[name] for laid in found]) for name in found[0].columns},
        *(np.concatenate([getattr(laid, part) for laid in found]) for part in Laid.parts()),
    )


def _mean(
    rows: Laid, kept: tuple[NDArray[np.intp], Mapping[str, Column]], fixed: Mapping[str, Column]
) -> Laid:
    """Means of rows within groups."""
    place, own = kept
    J = int(place.max()) + 1
    total = np.bincount(place, rows.weight, J)

    def mean(values: Array) -> Array:
        columns = [np.bincount(place, rows.weight * v, J) / total for v in values.T]
        return np.column_stack(columns) if columns else np.zeros((J, 0))

    levels = {n: repeated(c, J) for n, c in fixed.items()}
    offset = np.bincount(place, rows.weight * rows.offset, J) / total
    return Laid({**levels, **own}, mean(rows.X), mean(rows.lost), offset, total.astype(np.float64))


def _joined(columns: Sequence[Column]) -> Column:
    return replace(columns[0], values=np.concatenate([column.values for column in columns]))


def _notes(
    fit: LmmFit | OlsFit,
    at: At | None,
    by: tuple[str, ...],
    averaged: bool,
    new: bool,
    functions: Functions,
) -> Iterator[str]:
    if isinstance(fit, LmmFit):
        yield "Population level: random effects at zero."
    rows = "the rows of newdata" if new else "the rows of the data"
    if averaged:
        within = f" within {listed(by)}" if by else ""
        moved = f", all with the same {listed(list(at))} in turn" if at else ""
        yield f"Means over {rows}{within}{moved}."
    elif at is not None:
        held = reference_grid(fit, at).held
        if held:
            yield f"{listed(list(held))} at the mean."
    if "(" in fit.response:
        yield f"On the scale of {fit.response}."
    if functions.offset.any():
        yield "The offset is included."
    lost = int((~estimable(functions.lost)).sum())
    if lost:
        yield f"{lost} of {len(functions.L)} predictions cannot be estimated (dropped columns)."


def predictions_frame(found: Predictions) -> object:
    """The predictions as a table in the caller's dataframe library."""
    made = found.values.columns()
    del made["term"]
    columns: dict[str, Values] = {**found.columns, **made}
    return to_native(columns, found.backend)
