"""Influence as tables in the caller's library, and what counts as large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.diagnose.influence.groups import GroupInfluence
from echelon.diagnose.influence.rows import RowInfluence
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Sizes from which influence is looked at (belsley1980, ch. 2; nieuwenhuis2012).

    Attributes
    ----------
    cooks : 4 / N, of N rows or groups;  dfbetas : 2 / sqrt(N)
    covratio : 3 p / N, distance from 1
    leverage : twice the mean
    """

    cooks: float
    dfbetas: float
    covratio: float
    leverage: float


def cutoffs(found: RowInfluence | GroupInfluence) -> Cutoffs:
    """What counts as large among so many rows or groups."""
    rows = isinstance(found, RowInfluence)
    N = found.n if isinstance(found, RowInfluence) else found.R
    mean = float(np.mean(found.leverage)) if isinstance(found, RowInfluence) else np.nan
    p = len(found.fit.names)
    return Cutoffs(4 / N, 2 / np.sqrt(N), 3 * p / N, 2 * mean if rows else np.nan)


def row_labels(found: RowInfluence) -> list[object]:
    """What each row is called: its label in a pandas table, or its number from 0."""
    index = found.fit.source.index
    if index is None:
        return [int(r) for r in found.row]
    labels = list(index)  # type: ignore[call-overload]
    return [labels[r] for r in found.row]


def group_columns(fit: LmmFit | OlsFit) -> dict[str, list[object]]:
    """The groups of each row used, by factor."""
    built = fit.built
    if built is None:
        return {}
    found = {}
    for factor in built.design.factors:
        levels = np.array(factor.levels, dtype=object)
        found[factor.factor] = levels[factor.codes].tolist()
    return found


def row_frame(found: RowInfluence) -> object:
    """One row a row used, in the order of the table.

    Returns
    -------
    row (its label in a pandas table, else its number from 0), the groups, leverage (with its parts
    due to fixed and random effects), residual, std_residual, cooks, cooks_conditional, mdffits,
    covratio, covtrace, dfbetas_<term>; of a linear model dffits and no parts. See `RowInfluence`.
    """
    linear = isinstance(found.fit, OlsFit)
    names = ["leverage", "leverage_fixed", "leverage_random", "residual", "std_residual", "cooks"]
    names += ["cooks_conditional", "mdffits", "dffits", "covratio", "covtrace"]
    left_out = {"leverage_fixed", "leverage_random", "cooks_conditional"} if linear else {"dffits"}
    columns: dict[str, Values] = {"row": row_labels(found), **group_columns(found.fit)}
    columns |= {name: getattr(found, name) for name in names if name not in left_out}
    columns |= _by_term("dfbetas", found.fit, found.dfbetas)
    return to_native(columns, found.fit.source.backend)


def group_frame(found: GroupInfluence, *, estimates: bool = False) -> object:
    """One row a group, in the order of the fit.

    Parameters
    ----------
    estimates : the estimates without each group too: estimate_<term>, std_error_<term>, and the
        variance components

    Returns
    -------
    the group, n (its rows), cooks, mdffits, covratio, covtrace, displacement, dfbetas_<term>,
    change_<component> (relative, as HLMdiag's rvc), flips (terms whose significance at 5% changes),
    note (why a number is missing). See `GroupInfluence`.
    """
    fit = found.fit
    columns: dict[str, Values] = {found.units.name: list(found.units.labels), "n": found.size}
    measures = ("cooks", "mdffits", "covratio", "covtrace", "displacement")
    columns |= {name: getattr(found, name) for name in measures if _known(found, name)}
    columns |= _by_term("dfbetas", fit, found.dfbetas)
    if found.method != "held":
        change = found.relative_change
        columns |= {f"change_{m}": change[:, i] for i, m in enumerate(found.component_names)}
    if estimates:
        columns |= _by_term("estimate", fit, found.beta)
        columns |= _by_term("std_error", fit, found.std_error)
        columns |= {m: found.components[:, i] for i, m in enumerate(found.component_names)}
    columns["flips"] = flipped(found)
    columns["note"] = list(found.reason)
    return to_native(columns, fit.source.backend)


def _known(found: GroupInfluence, name: str) -> bool:
    """Whether a measure is known of any group."""
    return name != "displacement" or bool(np.isfinite(found.displacement).any())


def _by_term(what: str, fit: LmmFit | OlsFit, values: Array) -> dict[str, Values]:
    return {f"{what}_{name}": values[:, i] for i, name in enumerate(fit.names)}


def flipped(found: GroupInfluence) -> list[str]:
    """For each group, the coefficients whose significance changes without it."""
    names = np.array(found.fit.names, dtype=object)
    return [", ".join(names[row]) for row in found.flips]
