"""Centre predictors at the grand mean or the group means; add group means as predictors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echelon.data.column import Column
from echelon.data.complete import check_finite
from echelon.data.frame import Frame
from echelon.errors import DataError, UnknownOption

Vector: TypeAlias = NDArray[np.float64]
MeanOver: TypeAlias = Literal["rows", "groups"]


def center(
    data: object,
    columns: str | Sequence[str],
    *,
    within: str | None = None,
    contextual: bool = False,
    of: MeanOver | None = None,
    name: str | None = None,
    suffix: str | None = None,
    replace: bool = False,
) -> object:
    """Subtract the grand mean, or each group's own mean, from one or more columns.

    `center(df, "ses")` adds `ses_c`, the distance from the grand mean;
    `center(df, "ses", within="school")` adds `ses_w`, the distance from the school's mean;
    with `contextual=True` the school's mean comes along as `ses_m`. Missing values stay
    missing and are left out of the means.

    Parameters
    ----------
    data : a table of any supported library; it is not changed
    columns : one name or several, of numeric (or true/false) columns
    within : the grouping column whose means are subtracted; None for the grand mean
    contextual : whether to add the group means too (needs `within`)
    of : for the group means, see `group_mean`: None leaves them as they are, so that
        `ses_w + ses_m` is `ses`; "rows" or "groups" subtracts that grand mean from them
    name : the name of the new column, for a single column
    suffix : what to append to each name instead of `_c` or `_w`
    replace : whether a column of the new name may be replaced

    Returns
    -------
    A new table in the library of `data`: all its columns and the new ones.

    Raises
    ------
    UnknownColumn : a name that is no column.
    DataError : a column that is not numeric or has infinite values, or a new name in use.

    Notes
    -----
    Equations `cgm` and `cwc`; enders2007, raudenbush2002, ch. 5.

    Examples
    --------
    >>> center({"school": [1, 1, 2], "ses": [1.0, 3.0, 5.0]}, "ses", within="school")
       school  ses  ses_w
    0       1  1.0   -1.0
    1       1  3.0    1.0
    2       2  5.0    0.0
    """
    frame, names = Frame.of(data), _listed(columns)
    if within is None and (contextual or of is not None):
        raise DataError("contextual= and of= are about group means: name the groups by within=.")
    if of is not None and not contextual:
        raise DataError("of= centres the group means, which contextual=True would add.")
    _check_mean_over("of", of)
    made: dict[str, Vector] = {}
    groups = None if within is None else frame.groups(within, "within=")
    for column in names:
        x = _numbers(frame, column)
        new = _new_name(column, names, name, suffix or ("_c" if groups is None else "_w"))
        if groups is None:
            _add(made, new, x - _mean(x))
            continue
        means, of_row = _group_means(x, groups)
        _add(made, new, x - of_row)
        if contextual:
            _add(made, f"{column}_m", of_row - _grand(of, means, x))
    _check_new(frame, made, replace)
    return frame.with_columns(made)


def group_mean(
    data: object,
    columns: str | Sequence[str],
    *,
    by: str,
    center: MeanOver | None = None,
    name: str | None = None,
    suffix: str = "_m",
    replace: bool = False,
) -> object:
    """Add to every row the mean of its group, such as the mean SES of the pupil's school.

    Parameters
    ----------
    data : a table of any supported library; it is not changed
    columns : one name or several, of numeric (or true/false) columns
    by : the grouping column
    center : the grand mean to subtract from the group means: "rows" is the mean over rows (large
        groups count more), "groups" the plain mean of the group means, None subtracts nothing
    name : the name of the new column, for a single column
    suffix : what to append to each name
    replace : whether a column of the new name may be replaced

    Returns
    -------
    A new table in the library of `data`: all its columns and the new ones. A row whose own
    value is missing still gets its group's mean; a row without a group gets none.

    Raises
    ------
    UnknownColumn : a name that is no column.
    DataError : a column that is not numeric or has infinite values, or a new name in use.

    Examples
    --------
    >>> group_mean({"school": [1, 1, 2], "ses": [1.0, 3.0, 5.0]}, "ses", by="school")
       school  ses  ses_m
    0       1  1.0    2.0
    1       1  3.0    2.0
    2       2  5.0    5.0
    """
    _check_mean_over("center", center)
    frame, names = Frame.of(data), _listed(columns)
    groups = frame.groups(by, "by=")
    made: dict[str, Vector] = {}
    for column in names:
        x = _numbers(frame, column)
        means, of_row = _group_means(x, groups)
        _add(made, _new_name(column, names, name, suffix), of_row - _grand(center, means, x))
    _check_new(frame, made, replace)
    return frame.with_columns(made)


def _group_means(x: Vector, groups: Column) -> tuple[Vector, Vector]:
    """(J,) means of the groups, `nan` for one without values, and (n,) the mean of each row."""
    codes = groups.values
    used = (codes >= 0) & ~np.isnan(x)
    at, values = codes[used].astype(np.intp), x[used]
    J = len(groups.levels or ())
    with np.errstate(invalid="ignore"):  # 0/0 is the missing mean of an empty group
        n = np.bincount(at, minlength=J)
        means = np.bincount(at, values, J) / n
        # The mean of what is left over: makes deviations sum to zero for a large mean too
        means = means + np.bincount(at, values - means[at], J) / n
    return means, np.append(means, np.nan)[codes]


def _mean(x: Vector) -> float:
    """The mean of the present values; `nan` if there is none."""
    present = x[~np.isnan(x)]
    return float(present.mean()) if present.size else float("nan")


def _grand(over: MeanOver | None, means: Vector, x: Vector) -> float:
    """What to subtract from group means."""
    if over is None:
        return 0.0
    return _mean(means) if over == "groups" else _mean(x)


def _numbers(frame: Frame, name: str) -> Vector:
    """A column as finite numbers; true/false counts as 1/0."""
    column = frame.column(name, "the columns to centre")
    check_finite(column)
    if column.levels == (False, True):
        return np.array([0.0, 1.0, np.nan])[column.values]
    if column.is_categorical:
        shown = ", ".join(str(level) for level in (column.levels or ())[:3])
        raise DataError(
            f"Column {name!r} is categorical ({shown}), and has no mean. Make a 0/1 column for the "
            "category of interest and use that."
        )
    return np.asarray(column.values, dtype=np.float64)


def _listed(columns: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several as a tuple."""
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    if not names:
        raise DataError("No column was named.")
    return names


def _new_name(column: str, names: tuple[str, ...], name: str | None, suffix: str) -> str:
    """What the new column is called."""
    if name is None:
        return column + suffix
    if len(names) > 1:
        raise DataError(f"name={name!r} fits one column, and there are {len(names)}. Use suffix=.")
    return name


def _add(made: dict[str, Vector], name: str, values: Vector) -> None:
    """Add a new column, once."""
    if name in made:
        raise DataError(f"Two new columns would be called {name!r}. Choose other names.")
    made[name] = values


def _check_new(frame: Frame, made: dict[str, Vector], replace: bool) -> None:
    """Raise if a new name is in use, unless it may be replaced."""
    taken = [name for name in made if name in frame.columns]
    if taken and not replace:
        raise DataError(
            f"Column {taken[0]!r} exists already. Choose another by name= or suffix=, or give "
            "replace=True."
        )


def _check_mean_over(option: str, value: str | None) -> None:
    if value not in (None, "rows", "groups"):
        raise UnknownOption(option, value, ("rows", "groups"))
