"""The caller's table with fitted values, residuals and leverages beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame, Values, to_native
from echelon.design.build import Built
from echelon.effects.fitted import fitted
from echelon.effects.residual_kinds import left_variance, leverages
from echelon.effects.rows import fixed_values
from echelon.errors import DataError, UnknownColumn
from echelon.formula import columns_in, evaluate
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
_SAME_RESPONSE = 1e-9
"""A response is that of the fit when its values agree to this share of the largest; rounding of a
transformation is about 1e-16."""


def augment(fit: LmmFit | OlsFit, data: object = None, *, prefix: str = "") -> object:
    """Each row with what the model says of it: fitted values, residuals, leverage.

    Parameters
    ----------
    data : the table the model was fitted to, with all its rows and columns; rows that were left out
        have missing values in the new columns. Or without the rows left out. None for the rows
        used, with the variables of the model
    prefix : put before the names of the new columns, e.g. "."

    Returns
    -------
    table in the caller's dataframe library (pandas: with its index), and in it: fitted (random
    effects included), fitted_fixed (fixed part and offset), residual (response - fitted),
    residual_marginal (response - fitted_fixed), residual_standardized (residual over its own SD),
    leverage. HLM's level-1 residual file has the first three. After the iterative method the last
    two are missing.

    Raises
    ------
    DataError : another table than that of the fit; a column that has the name of a new one
    NeedsRows : the fit was made from summaries

    Notes
    -----
    `residual-kinds`, `residual-standardized`, `hat-matrix`; as broom's augment. New data have no
    residuals: use `predict`.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> fit.augment(sleep)[["Subject", "Reaction", "fitted", "residual"]].head(2).round(2)
      Subject  Reaction  fitted  residual
    0     308    249.56  253.66     -4.10
    1     308    258.70  273.33    -14.63
    """
    built = fit.rows("augment()") if isinstance(fit, LmmFit) else fit.built
    new = {f"{prefix}{name}": values for name, values in row_values(fit).items()}
    if data is None:
        known = _own_columns(built)
        _check_names(new, known, prefix)
        return to_native({**known, **new}, fit.source.backend)
    frame = Frame.of(data)
    _check_names(new, frame.columns, prefix)
    used = _matched(fit, built, frame)
    return frame.with_columns({name: _spread(values, used) for name, values in new.items()})


def row_values(fit: LmmFit | OlsFit) -> dict[str, Array]:
    """The new columns over the rows used, by name."""
    design = (fit.rows("augment()") if isinstance(fit, LmmFit) else fit.built).design
    conditional, fixed = fitted(fit), fixed_values(fit)
    residual = design.y - conditional
    exact = not isinstance(fit, LmmFit) or probes_used(fit) is None
    unknown = np.full(len(residual), np.nan)
    return {
        "fitted": conditional,
        "fitted_fixed": fixed,
        "residual": residual,
        "residual_marginal": design.y - fixed,
        "residual_standardized": residual / np.sqrt(left_variance(fit)) if exact else unknown,
        "leverage": leverages(fit) if exact else unknown,
    }


def _own_columns(built: Built) -> dict[str, Values]:
    """Response, groups and predictors over the rows used, as the fit keeps them."""
    design = built.design
    columns: dict[str, Values] = {design.response: design.y}
    for factor in design.factors:
        columns[factor.factor] = [factor.levels[code] for code in factor.codes]
    for name, column in built.columns.items():
        columns.setdefault(name, column if column.is_categorical else column.values)
    for factor in design.factors:
        for term in factor.terms:
            for name, array in zip(term.names[term.intercept :], term.arrays, strict=True):
                if built.columns.keys().isdisjoint(re.findall(r"\w+", name)):
                    columns.setdefault(name, array)
    return columns


def _check_names(new: Mapping[str, Array], columns: Iterable[str], prefix: str) -> None:
    known = set(columns)
    both = [name for name in new if name in known]
    if both:
        other = "model_" if prefix != "model_" else "fit_"
        raise DataError(
            f"The table has a column {both[0]!r} already. Choose other names for the new columns, "
            f"e.g. augment(..., prefix={other!r})."
        )


def _matched(fit: LmmFit | OlsFit, built: Built, frame: Frame) -> Mask | None:
    """(n_total,) mask of the rows used in the caller's table, checked by its response."""
    total, used = built.missing.n_total, built.used
    if frame.n == fit.n:
        used = None
    elif frame.n != total:
        rows = f"{total:,} rows" + (f", of which {fit.n:,} were used" if total != fit.n else "")
        raise DataError(
            f"augment() was given a table of {frame.n:,} rows, and the fit was made from {rows}. "
            "Give the same table. For new data use predict()."
        )
    y = _response(fit, frame, used)
    scale = float(np.abs(built.design.y).max(initial=0.0))
    differs = ~(np.abs(y - built.design.y) <= _SAME_RESPONSE * scale)  # nan differs
    if differs.any():
        k = int(np.argmax(differs))
        row = k if used is None else int(np.flatnonzero(used)[k])
        raise DataError(
            f"augment() was given another table than that of the fit: in row {row} (counting from "
            f"0) {fit.response} is {y[k]:.6g}, and it was {built.design.y[k]:.6g} in the fit; "
            f"{int(differs.sum()):,} of {fit.n:,} rows differ. Were rows sorted or changed? For "
            "new data use predict()."
        )
    return used


def _response(fit: LmmFit | OlsFit, frame: Frame, used: Mask | None) -> Array:
    """The response of a table over the rows used."""
    names = columns_in(fit.response)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UnknownColumn(missing[0], frame.columns, "augment(); the response of the fit")
    columns = {name: frame.column(name, "augment()") for name in names}
    if used is not None:
        columns = {name: column.take(used) for name, column in columns.items()}
    return evaluate(fit.response, columns)[0]


def _spread(values: Array, used: Mask | None) -> Array:
    """Values at the rows used, missing elsewhere."""
    if used is None:
        return values
    out = np.full(len(used), np.nan)
    out[used] = values
    return out
