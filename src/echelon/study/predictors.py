"""Predictors of a planned study: which there are, and their values in one design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

from echelon.errors import DataError, nearest_hint
from echelon.study.sizes import Counts, Sizes

Array = NDArray[np.float64]
Kind = Literal["normal", "binary"]
Asked = str | Sequence[str] | Mapping[str, object] | None

_CANDIDATES = 128  # orders of a predictor's values of which the least correlated is taken


@dataclass(frozen=True, slots=True)
class Predictor:
    """A predictor.

    Attributes
    ----------
    name : as in `effects`
    level : 1 (rows) or 2 (groups)
    kind : "normal": mean 0, variance 1. "binary": 0 and 1
    share : of ones
    icc : of a predictor of level 1, the share of its variance between groups. At 0 it is a
        deviation from its group's mean
    """

    name: str
    level: int
    kind: Kind
    share: float = 0.5
    icc: float = 0.0

    @property
    def words(self) -> str:
        """What it is, for a note."""
        if self.kind == "binary":
            of = "the groups" if self.level == 2 else "the rows of each group, about its mean"
            return f"{self.name}: 0/1, {100 * self.share:g}% ones of {of}"
        if self.level == 2:
            return f"{self.name}: of groups, mean 0, variance 1"
        inside = f"ICC {self.icc:g}" if self.icc else "about its group's mean"
        return f"{self.name}: of rows, mean 0, variance 1, {inside}"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One design: everything about the predictors that a linear model sees, without rows.

    Attributes
    ----------
    n : (J,) sizes
    means : (J, K) group means of the predictors of level 1
    within : (J, K, K) their cross-products about the group means
    groups : (J, L) predictors of level 2
    """

    n: Counts
    means: Array
    within: Array
    groups: Array


def predictors(level1: Asked, level2: Asked, effects: Sequence[str]) -> tuple[Predictor, ...]:
    """All predictors, level 2 first; names in `effects` that stand nowhere else are of level 1.

    Raises
    ------
    DataError : a predictor of both levels, or one that is not understood
    """
    groups = {name: _group_predictor(name, how) for name, how in _asked(level2, 0.5).items()}
    rows = {name: _row_predictor(name, how) for name, how in _asked(level1, "normal").items()}
    both = sorted(set(groups) & set(rows))
    if both:
        raise DataError(f"{both[0]!r} stands in level1= and in level2=; it has one level only.")
    for effect in effects:
        for name in effect.split(":"):
            if name not in groups and name not in rows:
                rows[name] = _row_predictor(name, "normal")
    for name in (*groups, *rows):
        if ":" in name or name in ("", "mean", "(Intercept)"):
            raise DataError(f"{name!r} cannot be the name of a predictor.")
    return (*groups.values(), *rows.values())


def plan(
    sizes: Sizes,
    J: int,
    given: tuple[Predictor, ...],
    rng: np.random.Generator,
    *,
    random: bool = False,
) -> Plan:
    """Make one design.

    Parameters
    ----------
    random : sizes and predictors are drawn; otherwise they are representative: sizes and scores at
        the quantiles of their distribution, exact shares, variances within groups of exactly 1, in
        an order in which predictors of groups are nearly uncorrelated with each other and with n
    """
    n = sizes.drawn(J, rng) if random else sizes.representative(J)
    known = [n.astype(np.float64)]
    columns: dict[str, Array] = {}
    for each in given:
        if each.level == 2 or each.icc > 0:
            values = _drawn(each, J, rng) if random else _arranged(_scores(each, J), known, rng)
            columns[each.name] = values
            known.append(values)
    rows = [each for each in given if each.level == 1]
    between = [np.sqrt(each.icc) * columns.get(each.name, np.zeros(J)) for each in rows]
    means = np.column_stack([np.zeros((J, 0)), *between])
    drift, within = _sampled(rows, n, rng) if random else (0.0, _exact(rows, n))
    groups = [columns[each.name] for each in given if each.level == 2]
    return Plan(n, means + drift, within, np.column_stack([np.zeros((J, 0)), *groups]))


def _asked(value: Asked, default: object) -> dict[str, object]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: default}
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise DataError(
            f"{value!r} is no predictor: give a name, several in a list, or by name how each is "
            'distributed, as in {"x": "normal"}.'
        )
    return dict.fromkeys(value, default)


def _group_predictor(name: str, how: object) -> Predictor:
    if how == "normal":
        return Predictor(name, 2, "normal")
    if _is_share(how):
        return Predictor(name, 2, "binary", share=float(cast(float, how)))
    raise DataError(
        f'level2={{{name!r}: {how!r}}}: give the share of groups with a 1, as in 0.5, or "normal".'
    )


def _row_predictor(name: str, how: object) -> Predictor:
    if how == "normal":
        return Predictor(name, 1, "normal")
    if _is_share(how):
        return Predictor(name, 1, "binary", share=float(cast(float, how)))
    if isinstance(how, Mapping) and set(how) == {"icc"}:
        icc = how["icc"]
        if icc == 0 or _is_share(icc):
            return Predictor(name, 1, "normal", icc=float(cast(float, icc)))
        raise DataError(f"level1={{{name!r}: {how!r}}}: the icc of a predictor lies in [0, 1).")
    near = isinstance(how, str) and "Did you mean" in nearest_hint(how, ("normal",), "")
    hint = " Did you mean 'normal'?" if near else ""
    raise DataError(
        f'level1={{{name!r}: {how!r}}}: give "normal", the share of ones in a group, as in 0.5, or '
        f'{{"icc": 0.2}} for one that varies between groups too.{hint}'
    )


def _is_share(x: object) -> bool:
    return isinstance(x, float | np.floating) and 0 < float(x) < 1


def _scores(each: Predictor, J: int) -> Array:
    """(J,) values in increasing order: exact shares, or normal scores of variance 1."""
    if each.kind == "binary":
        ones = int(np.clip(round(each.share * J), 1, J - 1))
        return (np.arange(J) >= J - ones).astype(np.float64)
    z = np.asarray(special.ndtri((np.arange(J) + 0.5) / J))
    return np.asarray(z / np.sqrt((z**2).mean()))


def _arranged(values: Array, others: list[Array], rng: np.random.Generator) -> Array:
    """The values in an order nearly uncorrelated with the others, the best of some at random."""
    orders = np.argsort(rng.random((_CANDIDATES, len(values))), axis=1)
    tried = values[orders]
    about = tried - values.mean()
    worst = np.zeros(_CANDIDATES)
    for other in others:
        apart = other - other.mean()
        size = np.sqrt(float(apart @ apart))
        if size > 0:
            worst = np.maximum(worst, np.abs(about @ apart) / size)
    best: Array = tried[int(np.argmin(np.round(worst, 9)))]
    return best


def _drawn(each: Predictor, J: int, rng: np.random.Generator) -> Array:
    """(J,) drawn at random; of a binary one the share is kept, as in a randomised study."""
    if each.kind == "binary":
        return rng.permutation(_scores(each, J))
    return rng.standard_normal(J)


def _exact(rows: list[Predictor], n: Counts) -> Array:
    """(J, K, K) variance of each predictor within groups as asked, and no correlations.

    A group of m rows has room for m - 1 predictors: the others are constant there.
    """
    out = np.zeros((len(n), len(rows), len(rows)))
    for k, each in enumerate(rows):
        if each.kind == "binary":
            ones = _ones(each.share, n)
            squares = ones * (1 - ones / n)
        else:
            squares = (1 - each.icc) * n.astype(np.float64)
        out[:, k, k] = np.where(n > k + 1, squares, 0.0)
    return out


def _ones(share: float, n: Counts) -> Array:
    """(J,) ones in each group: the share, rounded so that it holds over all rows."""
    reached = np.floor(share * np.cumsum(n) + 0.5)
    return np.asarray(np.diff(reached, prepend=0.0))


def _sampled(
    rows: list[Predictor], n: Counts, rng: np.random.Generator
) -> tuple[Array | float, Array]:
    """Chance deviations of the group means (J, K) and cross-products (J, K, K) of drawn rows."""
    if not rows:
        return 0.0, np.zeros((len(n), 0, 0))
    starts = np.cumsum(n) - n
    X = np.column_stack([_row_values(each, n, rng) for each in rows])
    means = np.add.reduceat(X, starts, axis=0) / n[:, None]
    X -= np.repeat(means, n, axis=0)
    products = np.add.reduceat(X[:, :, None] * X[:, None, :], starts, axis=0)
    free = np.array([each.icc > 0 for each in rows])
    return np.where(free, means, 0.0), products


def _row_values(each: Predictor, n: Counts, rng: np.random.Generator) -> Array:
    if each.kind == "normal":
        return np.asarray(np.sqrt(1 - each.icc) * rng.standard_normal(int(n.sum())))
    group = np.repeat(np.arange(len(n)), n)
    order = np.lexsort((rng.random(len(group)), group))
    place = np.empty(len(group))
    place[order] = np.concatenate([np.arange(m) for m in n])
    return np.asarray(place < _ones(each.share, n)[group], dtype=np.float64)
