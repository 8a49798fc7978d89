"""Descriptive statistics of rows or of group means, by a level-2 variable and overall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Frame, check_finite, to_native
from echelon.errors import DataError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_STATISTICS = ("n", "mean", "sd", "median", "min", "max", "missing")
ALL = "all"
"""The label of the rows that take every category together."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """Descriptive statistics; the arrays have one entry a variable and category.

    Attributes
    ----------
    backend : the caller's dataframe library
    by, level : the level-2 variable and the grouping factor; "" without
    variables, values : the variable and the category of `by` of each entry; "all" for all of them
    n : values present (of groups, with `level`)
    mean, sd, median, min, max : of them; sd with denominator n - 1
    missing : values absent: rows without one, or groups without any row that has one
    categories, counts, percent : categories of `by`, rows (groups, with `level`) in each, and
        their percent of those with a known category
    rows, groups : rows of the table, and groups (0 without `level`)
    n_min, n_mean, n_max : rows per group (nan without `level`)
    about : what every reader should know of the data, e.g. that they are synthetic; ""
    """

    backend: str
    by: str
    level: str
    variables: tuple[str, ...]
    values: tuple[str, ...]
    n: Codes
    mean: Array
    sd: Array
    median: Array
    min: Array
    max: Array
    missing: Codes
    categories: tuple[str, ...]
    counts: tuple[int, ...]
    percent: tuple[float, ...]
    rows: int
    groups: int
    n_min: float
    n_mean: float
    n_max: float
    about: str


def describe_values(
    data: object,
    columns: str | Sequence[str],
    *,
    by: str | None = None,
    level: str | None = None,
) -> Description:
    """Describe variables, of rows or of group means.

    Parameters
    ----------
    columns : one name or several, numeric
    by : a variable whose categories are described apart, and then all together
    level : a grouping factor: the mean of each group (over its rows with a value) counts once.
        Rows without a group are left out.

    Raises
    ------
    UnknownColumn : a name that is no column
    DataError : a column that is not numeric or has infinite values; no column; `by` that varies
        within a group of `level`

    Notes
    -----
    Every variable is described on its own values: a row that misses one counts for the others.
    A row (or group) without a category of `by` counts among "all" only.
    """
    frame = Frame.of(data)
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise DataError("describe() needs the name of at least one column.")
    arrays = {name: _numeric(frame, name) for name in names}
    groups = None if level is None else _present(frame.groups(level, "describe(level=)"))
    codes, labels = _categories(frame, by)
    sizes = np.zeros(0)
    if groups is not None:
        where, J = groups.values.astype(np.intp), len(groups.levels or ())
        sizes = np.bincount(where[where >= 0], minlength=J).astype(np.float64)
        codes = _of_groups(codes, where, groups, by or "")
        arrays = {name: _group_means(x, where, J) for name, x in arrays.items()}
    return _description(frame, (by or "", level or ""), arrays, codes, labels, sizes)


def _description(
    frame: Frame,
    given: tuple[str, str],
    arrays: Mapping[str, Array],
    codes: Codes,
    labels: tuple[str, ...],
    sizes: Array,
) -> Description:
    """Describe rows or groups: `codes` their categories, `sizes` the rows of each group."""
    picks = [(label, codes == i) for i, label in enumerate(labels)]
    picks.append((ALL, np.ones(len(codes), dtype=bool)))
    found = [_statistics(x[chosen]) for x in arrays.values() for _, chosen in picks]
    made = dict(zip(_STATISTICS, zip(*found, strict=True), strict=True))
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    return Description(
        backend=frame.backend,
        about=frame.about,
        by=given[0],
        level=given[1],
        variables=tuple(name for name in arrays for _ in picks),
        values=tuple(label for _ in arrays for label, _ in picks),
        n=np.array(made["n"], dtype=np.intp),
        mean=np.array(made["mean"]),
        sd=np.array(made["sd"]),
        median=np.array(made["median"]),
        min=np.array(made["min"]),
        max=np.array(made["max"]),
        missing=np.array(made["missing"], dtype=np.intp),
        categories=labels,
        counts=tuple(counts.tolist()),
        percent=tuple((100 * counts / max(counts.sum(), 1)).tolist()),
        rows=frame.n,
        groups=len(sizes),
        n_min=float(sizes.min()) if sizes.size else np.nan,
        n_mean=float(sizes.mean()) if sizes.size else np.nan,
        n_max=float(sizes.max()) if sizes.size else np.nan,
    )


def _numeric(frame: Frame, name: str) -> Array:
    column = frame.column(name, "describe()")
    if column.is_categorical:
        raise DataError(
            f"describe() needs numbers; {name!r} holds categories. Use it as by={name!r}, or turn "
            "its categories into numbers first."
        )
    check_finite(column)
    return column.values.astype(np.float64, copy=False)


def _categories(frame: Frame, by: str | None) -> tuple[Codes, tuple[str, ...]]:
    """(n,) codes of `by`, -1 for missing, and its labels; value labels where the file had them."""
    if by is None:
        return np.full(frame.n, -1, dtype=np.intp), ()
    column = _present(frame.groups(by, "describe(by=)"))
    texts = frame.value_labels.get(by, {})
    labels = tuple(str(texts.get(level, level)) for level in column.levels or ())
    return column.values.astype(np.intp), labels


def _present(column: Column) -> Column:
    """Without categories that no row has."""
    return column.take(np.ones(len(column.values), dtype=bool))


def _of_groups(codes: Codes, where: Codes, groups: Column, by: str) -> Codes:
    """(J,) the category of each group, -1 where none of its rows has one."""
    levels = groups.levels or ()
    known = (where >= 0) & (codes >= 0)
    category = np.full(len(levels), -1, dtype=np.intp)
    category[where[known]] = codes[known]
    other = known.copy()
    other[known] = category[where[known]] != codes[known]
    if other.any():
        first = levels[int(where[other].min())]
        raise DataError(
            f"{by!r} varies within groups of {groups.name!r}, first in group {first!r}, so a group "
            "has no one category; leave out level= to describe rows, or use a level-2 variable."
        )
    return category


def _group_means(x: Array, where: Codes, J: int) -> Array:
    """(J,) mean of each group over its values; nan for a group without any."""
    use = (where >= 0) & ~np.isnan(x)
    centre = float(x[use].mean()) if use.any() else 0.0  # sums about the mean keep the digits
    total = np.bincount(where[use], x[use] - centre, minlength=J)
    with np.errstate(invalid="ignore"):
        return centre + total / np.bincount(where[use], minlength=J)


def _statistics(x: Array) -> tuple[float, ...]:
    """The statistics of one variable in one category, in the order of `_STATISTICS`."""
    here = x[~np.isnan(x)]
    n, missing = len(here), len(x) - len(here)
    if n == 0:
        return (0, *[np.nan] * 5, missing)
    sd = float(here.std(ddof=1)) if n > 1 else np.nan
    return (
        n,
        float(here.mean()),
        sd,
        float(np.median(here)),
        float(here.min()),
        float(here.max()),
        missing,
    )


def description_frame(values: Description) -> object:
    """Descriptive statistics as a table in the caller's dataframe library.

    Returns
    -------
    one row a variable and category: variable, the category under the name of `by` ("by" where that
    name is taken; absent without `by`), n, mean, sd, median, min, max, missing

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> found = describe_values(eclsk, "g1rscore", by="sector", level="schid")
    >>> description_frame(found)[["sector", "n", "mean"]].round(1).values.tolist()
    [['0', 672, 94.6], ['1', 70, 101.1], ['all', 742, 95.2]]
    """
    taken = ("variable", *_STATISTICS)
    apart = {"by" if values.by in taken else values.by: list(values.values)} if values.by else {}
    statistics: dict[str, Array | Codes] = {name: getattr(values, name) for name in _STATISTICS}
    return to_native({"variable": list(values.variables), **apart, **statistics}, values.backend)
