"""The rows to predict for: a new table laid in the columns of a fit, its groups found by label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Frame
from echelon.data.complete import check_finite
from echelon.design.build import Built
from echelon.effects.group_labels import looked_up
from echelon.effects.predict_extras import Extra, precision_of, shift_of
from echelon.effects.rows import Rows, own_rows
from echelon.errors import DataError, NeedsRows
from echelon.formula import Recipe, columns_in, evaluate, materialise
from echelon.formula.values import level_text
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Columns = Mapping[str, Column]
Unseen = tuple[tuple[str, ...], int]
"""Labels of groups that the fit has not seen, and the number of their rows."""


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """A table laid for prediction, rows with a missing value left out.

    Attributes
    ----------
    rows : the m rows that have all values; random columns only of the factors asked for
    present : (rows of the table,) which rows these are
    dropped : (m, d) the fixed columns that the fit left out
    stratum : (m,) stratum of the residual structure; None without, or when not asked for
    unseen : by factor, labels that the fit has not seen, with "" for none given, and rows of them
    """

    rows: Rows
    present: NDArray[np.bool_]
    dropped: Array
    stratum: Places | None
    unseen: Mapping[str, Unseen]


def new_rows(
    fit: LmmFit | OlsFit,
    built: Built,
    frame: Frame,
    *,
    factors: Sequence[int] = (),
    columns_of: Sequence[int] = (),
    fixed: bool = True,
    noise: bool = False,
    offset: Extra = None,
    precision: Extra = None,
) -> NewRows:
    """Lay a new table.

    Parameters
    ----------
    factors : numbers of the grouping factors whose groups are looked up
    columns_of : numbers of further factors of which only the effects' columns are needed
    fixed : whether the offset counts
    noise : whether the residual's stratum and precision are needed
    offset, precision : in place of those of the fit

    Raises
    ------
    UnknownColumn : a column that the table does not have
    DataError : numbers for categories or the reverse, a category that the fit has not seen, no rows
    """
    if not frame.n:
        raise DataError("new= has no rows.")
    laid = {*factors, *columns_of}
    recipes = [recipe for f in sorted(laid) for recipe in built.effect_recipes[f]]
    names = _names([built.recipe, *recipes], fit.spec.offsets if fixed else ())
    plain = {name: frame.column(name, f"predict(): {name!r}") for name in names}
    shift = shift_of(built, frame, offset) if fixed else np.zeros(frame.n)
    weight = precision_of(built, frame, precision) if noise else None
    missing = np.isnan(shift) | (np.isnan(weight) if weight is not None else False)
    for column in plain.values():
        check_finite(column)
        missing |= column.missing()
    present = ~missing
    every = bool(present.all())
    table = plain if every else {name: column.take(present) for name, column in plain.items()}
    _check_kinds(built, recipes, table)
    m = int(present.sum())
    X, dropped = _fixed(fit, built, table, m)
    Z = tuple(_effects(built, f, table if f in laid else None, m) for f in _factors(fit))
    codes, unseen = _all_groups(fit, factors, frame, present)
    return NewRows(
        rows=Rows(
            X=X,
            offset=_offset(fit, built, table, m) + shift[present] if fixed else np.zeros(m),
            Z=Z,
            codes=codes,
            precision=None if weight is None else weight[present],
        ),
        present=present,
        dropped=dropped,
        stratum=_strata(fit, frame, present) if noise and isinstance(fit, LmmFit) else None,
        unseen=unseen,
    )


def _factors(fit: LmmFit | OlsFit) -> range:
    return range(len(fit.factors)) if isinstance(fit, LmmFit) else range(0)


def _names(recipes: Iterable[Recipe], offsets: Sequence[str]) -> list[str]:
    texts = [text for recipe in recipes for term in recipe.terms.terms for text in term]
    return list(dict.fromkeys(name for t in (*texts, *offsets) for name in columns_in(t)))


def _check_kinds(built: Built, recipes: Sequence[Recipe], table: Columns) -> None:
    """Refuse categories where the fit has numbers, before they are met inside a formula."""
    learned = {name for recipe in (built.recipe, *recipes) for name in recipe.state}
    for name, column in table.items():
        own = built.columns.get(name)
        numeric = name not in learned if own is None else not own.is_categorical
        if column.is_categorical and numeric and name not in learned and len(column.values):
            raise DataError(
                f"new: {name!r} holds categories, as {(column.levels or ('',))[0]!r}, and in the "
                "data of the fit it holds numbers."
            )


def _fixed(fit: LmmFit | OlsFit, built: Built, table: Columns, m: int) -> tuple[Array, Array]:
    """The kept (m, p) and the dropped (m, d) fixed columns."""
    laid = materialise(fit.spec.fixed, table, recipe=built.recipe)
    by_name = {"(Intercept)": np.ones(m), **dict(zip(laid.names, laid.arrays, strict=True))}
    return _stack(by_name, fit.names, m), _stack(by_name, fit.dropped, m)


def _stack(by_name: Mapping[str, Array], names: Sequence[str], m: int) -> Array:
    return np.column_stack([by_name[name] for name in names]) if names else np.empty((m, 0))


def _effects(built: Built, f: int, table: Columns | None, m: int) -> Array:
    """(m, q) columns of a factor's effects, term after term; zeros without a table."""
    if table is None:
        return np.zeros((m, sum(len(term.names) for term in built.design.factors[f].terms)))
    columns: list[Array] = []
    for recipe in built.effect_recipes[f]:
        laid = materialise(recipe.terms, table, recipe=recipe)
        columns += [np.ones(m)] if laid.intercept else []
        columns += laid.arrays
    return np.column_stack(columns)


def _offset(fit: LmmFit | OlsFit, built: Built, table: Columns, m: int) -> Array:
    """The offsets of the formula."""
    total = np.zeros(m)
    for text in fit.spec.offsets:
        _, learned = evaluate(text, built.columns)  # scale(x) keeps the mean and SD of the fit
        total = total + evaluate(text, table, state=learned)[0]
    return total


def _all_groups(
    fit: LmmFit | OlsFit, factors: Sequence[int], frame: Frame, present: NDArray[np.bool_]
) -> tuple[tuple[Places, ...], dict[str, Unseen]]:
    """The groups of every factor, -1 for all of those that are not looked up."""
    codes = [np.full(int(present.sum()), -1, dtype=np.intp) for _ in _factors(fit)]
    unseen: dict[str, Unseen] = {}
    if isinstance(fit, LmmFit):
        for f in factors:
            codes[f], (labels, count) = _groups(fit, f, frame, present)
            if count:
                unseen[fit.factors[f]] = labels, count
    return tuple(codes), unseen


def _groups(fit: LmmFit, f: int, frame: Frame, present: NDArray[np.bool_]) -> tuple[Places, Unseen]:
    """The group of each row, -1 for one that the fit has not seen; labels and rows of those."""
    factor = fit.factors[f]
    variables = next(t.group for t in fit.spec.random if ":".join(t.group) == factor)
    where = f'predict(): the groups of {factor!r}; random="none" predicts without them'
    columns = [_taken(frame.groups(name, where), present) for name in variables]
    codes, labels = looked_up(columns, fit.moments.groups[f].levels, factor)
    new = np.flatnonzero(codes < 0)
    shown = tuple(dict.fromkeys(labels(int(i)) for i in new))
    return codes, (shown, len(new))


def _taken(column: Column, present: NDArray[np.bool_]) -> Column:
    return replace(column, values=column.values[present])


def _strata(fit: LmmFit, frame: Frame, present: NDArray[np.bool_]) -> Places | None:
    """The stratum of each row's residual variance."""
    if fit.residual is None or not fit.residual.by:
        return None
    where = f"predict(): residual={fit.residual.structure!r}"
    names = fit.residual.layout.spec.strata
    columns = [_taken(frame.groups(name, where), present) for name in names]
    codes, labels = looked_up(columns, fit.residual.strata, fit.residual.by)
    if (codes < 0).any():
        odd = labels(int(np.argmax(codes < 0)))
        known = ", ".join(map(level_text, fit.residual.strata))
        raise DataError(
            f"new: {fit.residual.by!r} is {odd!r} in some rows, and the model has no residual "
            f"variance for it. Known: {known}."
        )
    return codes


def used_rows(fit: LmmFit | OlsFit, *, fixed: bool = True, noise: bool = False) -> NewRows:
    """The rows that the fit used, among all rows of its table.

    Raises
    ------
    NeedsRows : the fit was made from summaries
    """
    if isinstance(fit, LmmFit):
        if fit.source.kind == "summaries":
            raise NeedsRows(
                "This model was fitted from summaries and has no rows of its own to predict for. "
                "Give some, as predict(table) with the table of the summaries."
            )
        built = fit.rows("predict()")
        stratum = None if fit.residual is None or not noise else fit.residual.stratum
    else:
        built, stratum = fit.built, None
    used, rows = built.used, own_rows(fit)
    return NewRows(
        rows=rows if fixed else replace(rows, offset=np.zeros(rows.m)),
        present=np.ones(rows.m, dtype=bool) if used is None else used,
        dropped=np.zeros((rows.m, 0)),
        stratum=stratum,
        unseen={},
    )
