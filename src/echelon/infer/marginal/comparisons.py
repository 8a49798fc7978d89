"""Comparisons of marginal means: pairs, against a control, against the average, polynomial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Values, to_native
from echelon.errors import DataError, UnknownColumn, UnknownOption, nearest_hint
from echelon.formula.values import level_text
from echelon.infer.estimates import Estimates
from echelon.infer.marginal.adjust import (
    Family,
    adjust,
    adjustment_note,
    check_adjust,
    correlation_for,
)
from echelon.infer.marginal.estimable import estimable
from echelon.infer.marginal.means import Means, families, inference
from echelon.infer.marginal.names import difference, labels

Array = NDArray[np.float64]
Weighted = dict[str, Array]
Method = str | Mapping[str, Sequence[float]] | Sequence[Sequence[float]] | NDArray[np.float64]
_DEFAULT = {"pairwise": "tukey", "revpairwise": "tukey", "reference": "dunnett", "effects": "fdr"}
_DEFAULT |= {"consecutive": "mvt", "polynomial": "none"}
METHODS = tuple(_DEFAULT)
_SAME = {"pairs": "pairwise", "trt.vs.ctrl": "reference", "dunnett": "reference"} | {
    "eff": "effects",
    "consec": "consecutive",
    "poly": "polynomial",
    "control": "reference",
    "tukey": "pairwise",
}
_POWERS = ("linear", "quadratic", "cubic", "quartic", "degree 5", "degree 6")
_WHOLE = 0.05  # emmeans' rule: a contrast is scaled until its weights are whole to this


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Comparisons of marginal means.

    Attributes
    ----------
    values : estimates with adjusted p-values and limits, one row a comparison
    columns : the levels of the variables `by`, one a row
    by : the variables within whose levels means are compared
    method, adjust : how they are compared, and adjusted
    weights : (c, m) the comparisons as combinations of the means
    notes : what a reader should know, one sentence each
    response, backend : the response as typed; the library in which tables come back
    """

    values: Estimates
    columns: dict[str, Column]
    by: tuple[str, ...]
    method: str
    adjust: str
    weights: Array
    notes: tuple[str, ...]
    response: str
    backend: str


def comparisons(
    means: Means,
    method: Method = "pairwise",
    *,
    adjusted: str | None = None,
    ref: object = None,
    by: str | Sequence[str] | None = None,
    level: float | None = None,
) -> Comparisons:
    """Compare marginal means within each combination of the variables `by`.

    Parameters
    ----------
    method : "pairwise", "revpairwise", "reference" (also "dunnett"), "effects" (against the average
        of the means), "consecutive", "polynomial" (for equally spaced levels), or weights of one's
        own by name, {"late - early": [-0.5, -0.5, 0.5, 0.5]}, or one row of weights a comparison
    adjusted : None for emmeans' choice: tukey, dunnett, fdr, mvt, none in the order above
    ref : the level that "reference" compares with; the first by default
    by : None for the means' own; else variables of the means

    Raises
    ------
    UnknownOption, UnknownColumn : no such method, adjustment, or variable
    DataError : a level that is not there; weights of the wrong number

    Notes
    -----
    `comparison`; lenth2023.
    """
    apart = _apart(means, by)
    within = tuple(name for name in (*means.specs, *means.by) if name not in apart)
    m = len(means.values.names)
    sets = families(means.columns, apart, m)
    named = labels(means.columns, within, m)
    first = tuple(named[i] for i in sets[0])
    kind, made = _weights(method, first, ref)
    K, rows = _in_families(sets, np.array(list(made.values())), m)
    functions = means.functions.combined(K)
    chosen = check_adjust(_DEFAULT.get(kind, "none") if adjusted is None else adjusted)
    if chosen == "dunnett" and kind != "reference":  # the same numbers by their name
        chosen = "mvt"
    judged = Family(
        tuple(rows),
        pairs=_pairs(K) if kind in ("pairwise", "revpairwise") else None,
        correlation=correlation_for(chosen, functions.L, functions.known.vcov),
    )
    level = means.values.level if level is None else level
    plain = inference(functions, list(made) * len(sets), level)
    owners = np.repeat([int(own[0]) for own in sets], len(made))
    return Comparisons(
        values=adjust(plain, chosen, judged),
        columns={
            name: replace(means.columns[name], values=means.columns[name].values[owners])
            for name in apart
        },
        by=apart,
        method=kind,
        adjust=chosen,
        weights=K,
        notes=_notes(means, kind, chosen, judged, within, estimable(functions.lost)),
        response=means.response,
        backend=means.backend,
    )


def _in_families(
    sets: Sequence[NDArray[np.intp]], weights: Array, m: int
) -> tuple[Array, NDArray[np.intp]]:
    """K (c, m) with the weights applied to each set of means, and its rows by set."""
    K = np.zeros((len(sets) * len(weights), m))
    rows = np.arange(len(K)).reshape(len(sets), len(weights))
    for family, own in zip(rows, sets, strict=True):
        K[np.ix_(family, own)] = weights
    return K, rows


def _apart(means: Means, by: str | Sequence[str] | None) -> tuple[str, ...]:
    if by is None:
        return means.by
    asked = (by,) if isinstance(by, str) else tuple(by)
    for name in asked:
        if name not in means.levels:
            raise UnknownColumn(name, list(means.levels), "contrasts(by=)")
    return tuple(name for name in means.levels if name in asked)


def _weights(method: Method, names: tuple[str, ...], ref: object) -> tuple[str, Weighted]:
    """The kind of comparison, and the weights (k,) of the means in each, by name."""
    k = len(names)
    if not isinstance(method, str):
        return "custom", _own(method, names)
    kind = _SAME.get(method.lower(), method.lower())
    if kind not in METHODS:
        raise UnknownOption("method", method, METHODS)
    if ref is not None and kind != "reference":
        raise DataError(f'ref= belongs to method="reference", not to {method!r}.')
    if k < 2:
        raise DataError(
            f"There is one mean to compare ({', '.join(names)}). Ask emmeans() for a factor, or "
            "give several values of a numeric predictor with at=."
        )
    if kind == "effects":
        return kind, {f"{name} effect": np.eye(k)[i] - 1 / k for i, name in enumerate(names)}
    if kind == "polynomial":
        return kind, _polynomials(k)
    pairs = list(combinations(range(k), 2))
    if kind == "revpairwise":
        pairs = [(j, i) for j in range(k) for i in range(j)]
    elif kind == "consecutive":
        pairs = [(i + 1, i) for i in range(k - 1)]
    elif kind == "reference":
        base = _place(ref, names)
        pairs = [(i, base) for i in range(k) if i != base]
    return kind, {difference(names[i], names[j]): np.eye(k)[i] - np.eye(k)[j] for i, j in pairs}


def _pairs(K: Array) -> NDArray[np.intp]:
    """(c, 2) the means that differences compare."""
    return np.column_stack([K.argmax(axis=1), K.argmin(axis=1)])


def _place(ref: object, names: tuple[str, ...], option: str = "ref") -> int:
    """The place of a mean: by its label, or by its value alone."""
    if ref is None:
        return 0
    text = level_text(ref)
    found = [i for i, name in enumerate(names) if text in (name, name.rpartition(" ")[2])]
    if text in names:
        return names.index(text)
    if len(found) == 1:
        return found[0]
    hint = nearest_hint(text, names, "Means")
    raise DataError(f"{option}={ref!r} is none of the means.{hint}")


def _polynomials(k: int) -> Weighted:
    """Orthogonal polynomials for equal steps, in whole numbers where there are small ones."""
    steps = np.arange(k) - (k - 1) / 2
    Q, R = np.linalg.qr(np.vander(steps, min(k, len(_POWERS) + 1), increasing=True))
    made = {}
    for name, column in zip(_POWERS, (Q * np.sign(np.diag(R))).T[1:], strict=False):
        scaled = column / column[column > 0.01].min()
        off = np.abs(scaled - np.round(scaled)).max()
        while off > _WHOLE:
            scaled = scaled / off
            off = np.abs(scaled - np.round(scaled)).max()
        made[name] = np.round(scaled)
    return made


def _own(given: object, names: tuple[str, ...]) -> Weighted:
    """Weights that the user gave, checked."""
    if isinstance(given, Mapping):
        made = {str(name): _row(weights, names) for name, weights in given.items()}
    else:
        rows = list(given) if isinstance(given, Iterable) else [given]
        if rows and all(
            isinstance(row, int | float | np.number) for row in rows
        ):  # the weights of a single comparison
            rows = [rows]
        made = {f"contrast {i + 1}": _row(row, names) for i, row in enumerate(rows)}
    if not made:
        raise DataError("contrasts() was given no weights.")
    return made


def _row(given: object, names: tuple[str, ...]) -> Array:
    if isinstance(given, Mapping):
        return _by_name(given, names)
    try:
        weights = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.empty(0)
    if weights.shape != (len(names),) or not np.isfinite(weights).all():
        raise DataError(
            f"Weights of a comparison are {len(names)} numbers, one for each of "
            f"{', '.join(names)}; given was {given!r}."
        )
    return weights


def _by_name(given: Mapping[object, object], names: tuple[str, ...]) -> Array:
    """Weights given by the names of means, the others zero."""
    weights = np.zeros(len(names))
    for name, weight in given.items():
        weights[_place(name, names, "weights")] += _row([weight], ("it",))[0]
    return weights


def _notes(
    means: Means,
    kind: str,
    chosen: str,
    family: Family,
    within: tuple[str, ...],
    known: NDArray[np.bool_],
) -> tuple[str, ...]:
    said = list(means.remarks)
    if kind == "polynomial":
        said += [
            f"Polynomials as if the values of {name} were equally spaced, which they are not."
            for name in within
            if means.levels[name].levels is None and np.ptp(np.diff(means.levels[name].values)) > 0
        ]
    if not known.all():
        said.append(f"{int((~known).sum())} of {len(known)} comparisons cannot be estimated.")
    adjusted = adjustment_note(chosen, family, known, "comparisons")
    return (*said, *filter(None, [adjusted]))


def comparisons_frame(found: Comparisons) -> object:
    """The comparisons as a table in the caller's dataframe library."""
    columns: dict[str, Values] = {**found.columns, **found.values.columns("contrast")}
    return to_native(columns, found.backend)
