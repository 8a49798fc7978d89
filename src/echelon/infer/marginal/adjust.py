"""Adjustment of p-values and limits for several comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.infer.estimates import Estimates
from echelon.linalg.distributions import t_quantile
from echelon.linalg.largest import (
    Tail,
    largest_tail,
    range_tail,
    studentised,
    studentised_quantile,
)

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Adjust = Literal["none", "tukey", "dunnett", "mvt", "holm", "bonferroni", "sidak", "fdr"]
METHODS: tuple[str, ...] = get_args(Adjust)
_SAME = {"bh": "fdr", "dunnettx": "dunnett", "single-step": "mvt", "šidák": "sidak"}
_NAMES = {"tukey": "Tukey", "dunnett": "Dunnett", "mvt": "the multivariate t", "holm": "Holm"} | {
    "bonferroni": "Bonferroni",
    "sidak": "Sidak",
    "fdr": "the false discovery rate (Benjamini-Hochberg)",
}


_DIGITS = 11  # of correlations that are told apart


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Which estimates are judged together.

    Attributes
    ----------
    sets : rows of each family; a family is adjusted by itself
    pairs : (m, 2) the two means that each row compares, for Tukey; None where they are others
    correlation : (m, m) of the estimates, for Dunnett and the multivariate t; None where unknown
    """

    sets: tuple[Rows, ...]
    pairs: Rows | None = None
    correlation: Array | None = None


def one_family(m: int, correlation: Array | None = None) -> Family:
    """All m estimates judged together."""
    return Family((np.arange(m),), correlation=correlation)


def correlation(L: Array, vcov: Array) -> Array:
    """(m, m) correlations of L beta; nan beside an estimate without variance."""
    spread = L @ vcov @ L.T
    sd = np.sqrt(np.diag(spread))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.clip(spread / np.outer(sd, sd), -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    return found


def correlation_for(method: str, L: Array, vcov: Array) -> Array | None:
    """The correlations (m, m), which need O(m^2), where the adjustment asks for them."""
    return correlation(L, vcov) if method in ("dunnett", "mvt") else None


def adjust(table: Estimates, method: str, family: Family | None = None) -> Estimates:
    """The same estimates with p-values and limits adjusted within each family.

    Parameters
    ----------
    method : "tukey" (all pairwise comparisons; studentised range), "dunnett" and "mvt" (the largest
        of the |t| given their correlations: exact for comparisons with a control and for any set),
        "holm", "bonferroni", "sidak", "fdr" (Benjamini and Hochberg), or "none"
    family : None for one family of all rows

    Returns
    -------
    Estimates : with "holm" and "fdr", which have no intervals of their own, the limits are
        Bonferroni's, as in emmeans. Rows that are nan do not count. A family of one is left alone.

    Raises
    ------
    UnknownOption : `method` is none of these
    DataError : "tukey" for what is not all pairwise comparisons, "dunnett" or "mvt" without
        correlations

    Notes
    -----
    `tukey`, `largest`, `step-down`, `false-discovery`; hsu1996, holm1979, benjamini1995. Every row
    is judged with its own degrees of freedom.
    """
    method = check_adjust(method)
    family = one_family(len(table.names)) if family is None else family
    _check_family(method, family)
    p, low, high = table.p_value.copy(), table.conf_low.copy(), table.conf_high.copy()
    for rows in family.sets:
        known = rows[np.isfinite(table.p_value[rows]) & np.isfinite(table.statistic[rows])]
        if method == "none" or len(known) < 2:
            continue
        p[known], quantiles = _adjusted(table, method, family, known)
        reach = quantiles * table.std_error[known]
        low[known], high[known] = table.estimate[known] - reach, table.estimate[known] + reach
    return replace(table, p_value=p, conf_low=low, conf_high=high)


def check_adjust(method: str) -> Adjust:
    """The adjustment, if it is one."""
    found = _SAME.get(str(method).lower(), str(method).lower())
    if found not in METHODS:
        raise UnknownOption("adjust", method, METHODS)
    return cast(Adjust, found)


def _check_family(method: str, family: Family) -> None:
    if method == "tukey" and family.pairs is None:
        raise DataError(
            'adjust="tukey" is for all pairwise comparisons of a set of means. For another set use '
            '"mvt" (exact), "sidak", "holm" or "bonferroni".'
        )
    if method in ("dunnett", "mvt") and family.correlation is None:
        raise DataError(
            f'adjust="{method}" needs the correlations of the estimates, which are not known here. '
            'Use "sidak", "holm" or "bonferroni".'
        )


def _adjusted(table: Estimates, method: str, family: Family, rows: Rows) -> tuple[Array, Array]:
    """Adjusted p-values, and the quantiles that the limits reach in standard errors."""
    p, df, m = table.p_value[rows], table.df[rows], len(rows)
    if method in ("tukey", "dunnett", "mvt"):
        return _simultaneous(table, _tail(method, family, rows), rows)
    if method == "sidak":
        share = table.level ** (1 / m)
        return -np.expm1(m * np.log1p(-p)), t_quantile((1 + share) / 2, df)
    stepwise: dict[str, Callable[[Array], Array]] = {"holm": _holm, "fdr": _fdr}
    found = stepwise[method](p) if method in stepwise else np.minimum(m * p, 1.0)
    return found, t_quantile(1 - (1 - table.level) / (2 * m), df)


def _holm(p: Array) -> Array:
    """Bonferroni for the smallest, then one test fewer each time (`step-down`)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _in_place(np.minimum(stepped, 1.0), order)


def _fdr(p: Array) -> Array:
    """From the largest down, p times tests over rank (`false-discovery`)."""
    order = np.argsort(p, kind="stable")[::-1]
    ranks = np.arange(len(p), 0, -1)
    stepped = np.minimum.accumulate(p[order] * len(p) / ranks)
    return _in_place(np.minimum(stepped, 1.0), order)


def _in_place(values: Array, order: Rows) -> Array:
    found = np.empty_like(values)
    found[order] = values
    return found


def _tail(method: str, family: Family, rows: Rows) -> Tail:
    """The tail of the largest statistic of one family."""
    if method == "tukey":
        return range_tail(_compared(family, rows))
    if family.correlation is None:
        raise DataError("The correlations of the estimates are not known.")
    R = np.round(family.correlation[np.ix_(rows, rows)], _DIGITS)
    return _kept(R.tobytes(), len(rows))


@lru_cache(maxsize=32)
def _kept(correlations: bytes, m: int) -> Tail:
    """Families of the same correlations, as those of a balanced design, share one tail."""
    return largest_tail(np.frombuffer(correlations).reshape(m, m))


def _compared(family: Family, rows: Rows) -> int:
    """How many means the rows compare."""
    return 0 if family.pairs is None else len(np.unique(family.pairs[rows]))


def _simultaneous(table: Estimates, tail: Tail, rows: Rows) -> tuple[Array, Array]:
    """p-values and quantiles of the largest statistic of a family, by each row's own df."""
    p = [
        studentised(tail, tail.unit * t, df)
        for t, df in zip(table.statistic[rows].tolist(), table.df[rows].tolist(), strict=True)
    ]
    alpha, quantiles = 1 - table.level, []
    found: dict[float, float] = {}
    for df in table.df[rows]:
        key = float(f"{df:.9g}")  # df equal but for rounding share one search
        if key not in found:
            low, high = (
                tail.unit * float(t_quantile(1 - a / 2, key)) for a in (alpha, alpha / tail.count)
            )
            found[key] = studentised_quantile(tail, table.level, key, low, high) / tail.unit
        quantiles.append(found[key])
    return np.array(p), np.array(quantiles)


def adjustment_note(
    method: str, family: Family, known: NDArray[np.bool_], noun: str = "estimates"
) -> str:
    """What was adjusted, in words, counting what can be estimated; "" where nothing was."""
    sets = [rows[known[rows]] for rows in family.sets if np.count_nonzero(known[rows]) > 1]
    if method == "none" or not sets:
        return ""
    count = _from_to(len(rows) for rows in sets)
    what = f"{count} {noun if method != 'tukey' else 'pairwise comparisons'}"
    whose = f"each of {len(sets)} families of {what}" if len(sets) > 1 else f"a family of {what}"
    if method == "tukey":
        whose += f" among {_from_to(_compared(family, rows) for rows in sets)} means"
    named = f"Adjusted by {_NAMES[method]} for {whose}"
    if method == "holm" or method == "fdr":
        return f"p-values: {named[0].lower()}{named[1:]}; limits: by Bonferroni."
    return f"p-values and limits: {named[0].lower()}{named[1:]}."


def _from_to(counts: Iterable[int]) -> str:
    found = sorted(set(counts))
    return " to ".join(str(count) for count in (found[0], found[-1])[: len(found)])
