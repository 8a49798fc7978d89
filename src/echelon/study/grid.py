"""The cells of a design study: every combination of what was given several values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeAlias, cast

import numpy as np

from echelon.errors import DataError
from echelon.study.sizes import Sizes, fitting, sizes_of

Number: TypeAlias = float | Sequence[float]
Named: TypeAlias = tuple[tuple[str, float], ...]

FEWEST_GROUPS = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One design with its parameters.

    Attributes
    ----------
    J : groups
    sizes : of the groups
    tau2, sigma2 : variances of the groups' intercepts and of the rows, given the predictors
    slopes : SD of an effect between groups, by predictor of level 1
    effect_correlation : of the groups' intercepts and effects
    size_correlation : of intercepts and sizes of the groups
    mean : grand mean, where all predictors are zero
    effects : by name
    """

    J: int
    sizes: Sizes
    tau2: float
    sigma2: float
    slopes: Named = ()
    effect_correlation: float = 0.0
    size_correlation: float = 0.0
    mean: float = 0.0
    effects: Named = ()

    @property
    def icc(self) -> float:
        """Share of the variance that lies between groups."""
        return self.tau2 / (self.tau2 + self.sigma2)

    @property
    def noise(self) -> Cell:
        """The same without mean and effects, on which no error of any estimator depends."""
        return replace(self, mean=0.0, effects=tuple((name, 0.0) for name, _ in self.effects))

    def seed(self, root: int, *more: object) -> list[int]:
        """Words of a seed that belong to this cell's design, wherever it stands in a grid."""
        text = repr((self.noise, *more)).encode()
        return [root, *np.frombuffer(hashlib.sha256(text).digest(), dtype=np.uint32).tolist()]


def cells(
    J: object,
    n: object,
    icc: Number | None,
    tau2: Number | None,
    sigma2: Number | None,
    *,
    mean: Number = 0.0,
    effects: Mapping[str, Number] | None = None,
    effect_sd: Mapping[str, Number] | None = None,
    cv: Number | None = None,
    effect_correlation: Number = 0.0,
    size_correlation: Number = 0.0,
) -> tuple[Cell, ...]:
    """Every combination, the first argument varying slowest.

    Raises
    ------
    DataError : a design that cannot exist, in words
    """
    effects, slopes = _by_name("effects", effects), _by_name("effect_sd", effect_sd)
    found = []
    for sizes, groups in _shapes(J, n, cv):
        for pair in _variances(icc, tau2, sigma2):
            for numbers in product(
                *(_several(name, x) for name, x in effects.items()),
                *(_several(f"effect_sd[{name!r}]", x) for name, x in slopes.items()),
                _several("effect_correlation", effect_correlation),
                _several("size_correlation", size_correlation),
                _several("mean", mean),
            ):
                k = len(effects)
                found.append(
                    Cell(
                        J=groups,
                        sizes=sizes,
                        tau2=pair[0],
                        sigma2=pair[1],
                        effects=tuple(zip(effects, numbers[:k], strict=True)),
                        slopes=tuple(zip(slopes, numbers[k:-3], strict=True)),
                        effect_correlation=numbers[-3],
                        size_correlation=numbers[-2],
                        mean=numbers[-1],
                    )
                )
    for cell in found:
        _check(cell)
    return tuple(dict.fromkeys(found))


def _by_name(option: str, given: object) -> dict[str, Number]:
    if given is not None and not isinstance(given, Mapping):
        raise DataError(
            f'{option}={given!r}: give numbers by name of predictor, as in {{"x": 0.2}}.'
        )
    return dict(given or {})


def _sizes(n: object, cv: Number | None) -> list[Sizes]:
    entries = n if isinstance(n, list) else [n]
    if not entries:
        raise DataError("n= is empty: give at least one size, as in n=20.")
    if cv is None:
        return [sizes_of(entry) for entry in entries]
    if any(isinstance(entry, str | Mapping) or np.ndim(cast(Any, entry)) for entry in entries):
        raise DataError("cv= spreads sizes with the mean n=: give numbers as n=, as in n=20.")
    return [sizes_of({"mean": mean, "cv": each}) for mean in entries for each in _several("cv", cv)]


def _shapes(J: object, n: object, cv: Number | None) -> list[tuple[Sizes, int]]:
    sizes = _sizes(n, cv)
    if J is None:
        if any(each.law != "given" for each in sizes):
            raise DataError("J= is missing: how many groups? As in J=30 or J=[10, 30, 100].")
        shapes = [(each, len(each.numbers)) for each in sizes]
    else:
        several = isinstance(J, Sequence | np.ndarray) and not isinstance(J, str)
        groups = [_groups(x) for x in (cast("Sequence[object]", J) if several else [J])]
        if not groups:
            raise DataError("J= is empty: give at least one number of groups, as in J=30.")
        shapes = [(each, count) for count in groups for each in sizes]
    for each, count in shapes:
        if count < FEWEST_GROUPS:
            raise DataError(f"J={count}: a study of groups needs at least {FEWEST_GROUPS} of them.")
        fitting(each, count)
    return shapes


def _groups(x: object) -> int:
    whole = isinstance(x, int | np.integer) and not isinstance(x, bool)
    if not whole and not (isinstance(x, float | np.floating) and float(x).is_integer()):
        raise DataError(f"J={x!r}: a whole number of groups, as in J=30 or J=[10, 30, 100].")
    if float(cast(Any, x)) < FEWEST_GROUPS:
        raise DataError(f"J={x!r}: a study of groups needs at least {FEWEST_GROUPS} of them.")
    return int(cast(Any, x))


def _several(name: str, x: object) -> list[float]:
    """One number or several, as a list."""
    if isinstance(x, str) or (isinstance(x, Sequence | np.ndarray) and len(x) == 0):
        raise DataError(f"{name}={x!r}: give a number, or a list of numbers.")
    try:
        values = [float(v) for v in np.atleast_1d(np.asarray(x, dtype=np.float64))]
    except (TypeError, ValueError):
        raise DataError(f"{name}={x!r}: give a number, or a list of numbers.") from None
    if not np.isfinite(values).all():
        raise DataError(f"{name}={x!r}: give finite numbers.")
    return values


def _variances(
    icc: Number | None, tau2: Number | None, sigma2: Number | None
) -> list[tuple[float, float]]:
    """(tau2, sigma2) of what was given: the ICC alone makes them add to 1."""
    given = {"icc": icc, "tau2": tau2, "sigma2": sigma2}
    known = {name: _several(name, x) for name, x in given.items() if x is not None}
    if len(known) == 3 or (icc is None and len(known) < 2):
        raise DataError(
            "Give icc= (the variances then add to 1), or two of icc=, tau2= and sigma2=."
        )
    for share in known.get("icc", []):
        if not 0 <= share < 1:
            raise DataError(
                f"icc={share:g}: the share of the variance between groups lies in [0, 1), as in "
                "icc=0.2."
            )
    for name in ("tau2", "sigma2"):
        for x in known.get(name, []):
            if x < 0 or (name == "sigma2" and x == 0):
                raise DataError(f"{name}={x:g}: variances are positive (tau2 may be 0).")
    if icc is None:
        return list(product(known["tau2"], known["sigma2"]))
    if sigma2 is not None:
        pairs = product(known["icc"], known["sigma2"])
        return [(share / (1 - share) * x, x) for share, x in pairs]
    if tau2 is not None:
        pairs = product(known["icc"], known["tau2"])
        return [(x, _within(share, x)) for share, x in pairs]
    return [(share, 1 - share) for share in known["icc"]]


def _within(share: float, tau2: float) -> float:
    if share == 0 or tau2 == 0:
        raise DataError("icc= and tau2= say nothing of sigma2 when one of them is 0. Give sigma2=.")
    return tau2 * (1 - share) / share


def _check(cell: Cell) -> None:
    for name, value in cell.slopes:
        if value < 0:
            raise DataError(f"effect_sd[{name!r}]={value:g}: an SD is not negative.")
    for name in ("effect_correlation", "size_correlation"):
        value = getattr(cell, name)
        if not -1 <= value <= 1:
            raise DataError(f"{name}={value:g}: a correlation lies between -1 and 1.")
    if cell.effect_correlation and cell.effect_correlation**2 * len(cell.slopes) > 1:
        raise DataError(
            f"effect_correlation={cell.effect_correlation:g} cannot hold for {len(cell.slopes)} "
            "effects that are independent of each other."
        )
    if cell.effect_correlation and not cell.slopes:
        raise DataError(
            "effect_correlation= needs effects that vary between groups: give effect_sd=."
        )
    if cell.effect_correlation and cell.size_correlation:
        raise DataError("Give effect_correlation= or size_correlation=, not both.")
