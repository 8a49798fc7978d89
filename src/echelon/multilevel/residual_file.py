"""`fit.residual_file()`: the groups as the HLM program writes them to its residual file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Values, to_native, write
from echelon.data.labelled import attach_notes
from echelon.errors import DataError, UnknownOption
from echelon.model.fit import LmmFit
from echelon.multilevel.factors import is_nested, nested_order, parents, place_of
from echelon.multilevel.residual_values import LevelTwo, level_two

Array = NDArray[np.float64]
Names = Literal["plain", "hlm"]
_WORDS = {
    "n": "rows of the group",
    "mahalanobis": "Mahalanobis distance of the random effects",
    "mahalanobis_expected": "chi-square quantile at the rank of the distance",
    "log_sd_total": "log SD of the response within the group",
    "log_sd_ols": "log SD about the group's own regression",
    "log_sd_model": "log SD of the residuals of the fixed part within the group",
}
_HLM = {
    "n": "NJ",
    "mahalanobis": "MDIST",
    "mahalanobis_expected": "CHIPCT",
    "log_sd_total": "LNTOTVAR",
    "log_sd_ols": "OLSRSVAR",
    "log_sd_model": "MDRSVAR",
}
_HLM_ORDER = ("n", "mahalanobis_expected", "mahalanobis", *tuple(_WORDS)[3:])
_PARTS = (
    ("eb", "EB", "empirical Bayes residual"),
    ("ols", "OL", "least-squares residual"),
    ("fitted", "FV", "fitted value"),
    ("coef", "EC", "empirical Bayes coefficient"),
)
_Name = tuple[str, str, str]
"""A column's plain name, HLM's, and its label."""


def residual_file(
    fit: LmmFit,
    factor: str | None = None,
    *,
    level: int | None = None,
    names: str = "plain",
    path: str | os.PathLike[str] | None = None,
) -> object:
    """The groups of one factor with all that HLM's level-2 (or level-3) residual file holds.

    Parameters
    ----------
    factor : grouping factor; may be left out when there is one
    level : 2 for the finest grouping factor of nested ones, 3 for the next, in place of `factor`
    names : "plain" names, e.g. eb_intercept, or those of "hlm", e.g. EBINTRCP
    path : a file to write the table to as well: .csv, .parquet, .sav, .dta and others

    Returns
    -------
    table in the caller's dataframe library, one row a group, with variable labels (pandas and
    pyarrow): the group (and those that hold it), n, mahalanobis, mahalanobis_expected,
    log_sd_total, log_sd_ols, log_sd_model; for each random coefficient eb_ (residual u), ols_
    (residual), fitted_ (its value from the fixed part), coef_ (fitted + u); variances and
    covariances of the residuals (pv_) and of the coefficients (pvc_); the level-2 predictors. Least
    squares is missing in models with several factors, SDs in fits from summaries

    Raises
    ------
    UnknownColumn : no such factor
    DataError : several factors and none named; a level that the model does not have
    UnknownOption : other names
    FileFormatError : the file cannot be written

    Notes
    -----
    `mahalanobis`, `mahalanobis-expected`, `group-log-sd`, `posterior-variances`; raudenbush2002,
    chs. 3 and 9. The level-1 residual file is `fit.augment(data)`.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ meanses * cses + (cses | school)", hsb)
    >>> found = fit.residual_file()
    >>> found[["school", "n", "mahalanobis", "eb_intercept", "ols_cses"]].head(2).round(2)
       school   n  mahalanobis  eb_intercept  ols_cses
    0    1224  47         0.11         -0.33      0.43
    1    1288  25         0.26          0.05      1.02
    """
    if names not in get_args(Names):
        raise UnknownOption("names", names, get_args(Names))
    chosen = fit.factors[place_of(fit, _of_level(fit, factor, level), "residual_file()")]
    found = level_two(fit, chosen)
    columns = [*_identity(fit, chosen), *_numbers(found, _HLM_ORDER if names == "hlm" else _WORDS)]
    columns += _predictors(fit, chosen)
    plain = names == "plain"
    shown = _distinct([ours if plain else theirs for (ours, theirs, _), _ in columns])
    made = {name: values for name, (_, values) in zip(shown, columns, strict=True)}
    labels = {name: label for name, ((_, _, label), _) in zip(shown, columns, strict=True)}
    table = attach_notes(to_native(made, fit.source.backend), labels, {})
    if path is not None:
        write(table, path, labels=labels)
    return table


def _of_level(fit: LmmFit, factor: str | None, level: int | None) -> str | None:
    """The factor that a level means."""
    if level is None:
        return factor
    if factor is not None:
        raise DataError("Give factor= or level=, not both.")
    if level == 1:
        raise DataError("The level-1 residual file is fit.augment(data).")
    order = nested_order(fit)
    if order is None:
        raise DataError(
            f"The grouping factors of this model are crossed, so that it has no levels in an "
            f"order. Name one: {', '.join(map(repr, fit.factors))}."
        )
    if level not in range(2, len(order) + 2):
        raise DataError(f"level={level!r}: this model has levels 2 to {len(order) + 1} of groups.")
    return fit.factors[order[level - 2]]


def _identity(fit: LmmFit, factor: str) -> list[tuple[_Name, Values]]:
    """The group, and the groups of coarser factors that hold it."""
    place, order = fit.place(factor), nested_order(fit)
    group = fit.moments.groups[place]
    number = 2 if order is None else 2 + order.index(place)
    columns: list[tuple[_Name, Values]] = [
        ((factor, f"L{number}ID", f"group of {factor}"), list(group.levels))
    ]
    for other, name in enumerate(fit.factors):
        if other != place and is_nested(fit, place, other):
            levels = fit.moments.groups[other].levels
            number = 3 if order is None else 2 + order.index(other)
            held = [levels[code] for code in parents(fit, place, other)]
            columns.append(((name, f"L{number}ID", f"group of {name}"), held))
    return columns


def _numbers(found: LevelTwo, order: Iterable[str]) -> list[tuple[_Name, Values]]:
    """The numbers of every group."""
    values, effects = found.groups, found.groups.effects
    single: dict[str, Values] = {
        "n": values.n,
        "mahalanobis": found.distance,
        "mahalanobis_expected": found.expected,
        "log_sd_total": found.log_sd_total,
        "log_sd_ols": found.log_sd_ols,
        "log_sd_model": found.log_sd_model,
    }
    columns: list[tuple[_Name, Values]] = [
        ((name, _HLM[name], _WORDS[name]), single[name]) for name in order
    ]
    ols = np.full_like(values.u, np.nan) if values.others else values.ols - values.predicted
    several = {"eb": values.u, "ols": ols, "fitted": values.predicted, "coef": values.eb}
    for part, short, label in _PARTS:
        columns += [
            ((f"{part}_{plain_name(e)}", f"{short}{_hlm_name(e)}", f"{label}: {e}"), column)
            for e, column in zip(effects, several[part].T, strict=True)
        ]
    columns += _lower(effects, found.residual_variance, "pv", "EB residual")
    return columns + _lower(effects, found.coefficient_variance, "pvc", "EB coefficient")


def _lower(
    effects: Sequence[str], variance: Array, short: str, what: str
) -> list[tuple[_Name, Values]]:
    """Lower triangles (J, q, q) as columns, row by row."""
    between = "" if len(effects) <= 10 else "_"
    columns: list[tuple[_Name, Values]] = []
    for r, row in enumerate(effects):
        for c, col in enumerate(effects[: r + 1]):
            own = plain_name(row) if r == c else f"{plain_name(row)}_{plain_name(col)}"
            kind = "variance" if r == c else "covariance"
            label = f"posterior {kind} of the {what}: {row}" + ("" if r == c else f", {col}")
            name = (f"{short}_{own}", f"{short.upper()}{r}{between}{c}", label)
            columns.append((name, variance[:, r, c]))
    return columns


def _predictors(fit: LmmFit, factor: str) -> list[tuple[_Name, Values]]:
    """The predictors that do not vary within the groups."""
    if fit.built is None:
        return []
    codes = fit.built.design.factors[fit.place(factor)].codes
    J = len(fit.moments.groups[fit.place(factor)].levels)
    member = np.zeros(J, dtype=np.intp)
    member[codes] = np.arange(len(codes))
    columns: list[tuple[_Name, Values]] = []
    for name, column in fit.built.columns.items():
        if name not in fit.factors and np.array_equal(column.values[member][codes], column.values):
            own = Column(name, column.values[member], column.levels, column.ordered, column.label)
            label = column.label or f"predictor {name}"
            values: Values = own if own.is_categorical else own.values
            columns.append(((name, name.upper(), label), values))
    return columns


def plain_name(effect: str) -> str:
    """A random coefficient as part of a column name.

    Examples
    --------
    >>> plain_name("(Intercept)"), plain_name("sector[T.Catholic]"), plain_name("I(x^2)")
    ('intercept', 'sector_Catholic', 'I_x_2')
    """
    if effect == "(Intercept)":
        return "intercept"
    return re.sub(r"\W+", "_", re.sub(r"\[[TS]\.", "[", effect)).strip("_")


def _hlm_name(effect: str) -> str:
    return "INTRCP" if effect == "(Intercept)" else plain_name(effect).upper()


def _distinct(names: Sequence[str]) -> list[str]:
    """Names, told apart by a number where two are the same but for their case."""
    seen: set[str] = set()
    made = []
    for name in names:
        new, again = name, 2
        while new.lower() in seen:
            new, again = f"{name}_{again}", again + 1
        seen.add(new.lower())
        made.append(new)
    return made


__all__ = ["plain_name", "residual_file"]
