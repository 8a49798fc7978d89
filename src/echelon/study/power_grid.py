"""What is asked of a planned study, checked and spread over a grid of plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.study.analytic import BETWEEN, DESIGNS, Cells, TwoLevel
from echelon.study.sizes import Sizes, sizes_of

Array = NDArray[np.float64]
Numbers: TypeAlias = float | Sequence[float] | NDArray[np.float64]
"""One value, or several to plan for."""

ORDER = (
    "icc",
    "effect_sd",
    "r2_1",
    "r2_2",
    "cv",
    "effect",
    "power",
    "half_width",
    "std_error",
    "n",
    "J",
)
"""Names in the order of the rows of a grid: the last changes fastest."""
_OPEN_UNIT = ("power",)
_UNIT = ("icc", "r2_1", "r2_2")


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the values given.

    Attributes
    ----------
    values : (m,) an array for each name given, in the order of `ORDER`; n by its place in `sizes`
    varied : names with several values
    sizes : the sizes of the groups, one entry for each value of n; empty without n
    """

    values: Mapping[str, Array]
    varied: tuple[str, ...]
    sizes: tuple[Sizes, ...] = ()

    @property
    def size(self) -> int:
        """Plans in the grid."""
        return len(next(iter(self.values.values())))


def grid(given: Mapping[str, object]) -> Grid:
    """Every combination of what is given; None is left out.

    Examples
    --------
    >>> made = grid({"J": [20, 40], "n": 10, "icc": [0.1, 0.2], "effect": None})
    >>> made.varied, made.values["J"].tolist()
    (('icc', 'J'), [20.0, 40.0, 20.0, 40.0])
    """
    kept = {name: value for name, value in given.items() if value is not None}
    laws = _several_sizes(kept["n"]) if "n" in kept else ()
    if "cv" in kept and any(law.law != "equal" for law in laws):
        raise DataError("cv= goes with n= as a number: the mean size. These sizes have their own.")
    arrays = {name: _array(name, value) for name, value in kept.items() if name != "n"}
    arrays["n"] = np.arange(len(laws), dtype=np.float64)
    if "J" not in arrays and len(laws) == 1 and laws[0].law == "given":
        arrays["J"] = np.array([float(len(laws[0].numbers))])
    ordered = {name: arrays[name] for name in ORDER if name in arrays and arrays[name].size}
    spread = np.meshgrid(*ordered.values(), indexing="ij")
    values = {name: each.ravel() for name, each in zip(ordered, spread, strict=True)}
    varied = tuple(name for name, each in ordered.items() if each.size > 1)
    return Grid(values, varied, laws)


def cells(made: Grid, **found: Array) -> Cells:
    """The plans of a grid; `found` takes the place of what was left out."""
    zero = np.zeros(made.size)
    names = ("J", "icc", "r2_1", "r2_2", "effect_sd")
    J, icc, r2_1, r2_2, effect_sd = (found.get(k, made.values.get(k, zero)) for k in names)
    if not made.sizes:
        return Cells(J, found["n"], icc, r2_1, r2_2, effect_sd, zero, np.full(made.size, -1))
    place = made.values["n"].astype(np.int64)
    mean = np.array([_mean(law) for law in made.sizes])
    own = np.array([law.numbers[1] if law.law == "lognormal" else 0.0 for law in made.sizes])
    cv = made.values.get("cv", own[place])
    exact = np.array([law.law in ("uniform", "given") for law in made.sizes])
    each = tuple(_each(law) for law in made.sizes)
    law = np.where(exact[place], place, -1)
    sizes = each if exact.any() else ()
    return Cells(J, mean[place], icc, r2_1, r2_2, effect_sd, cv, law, sizes)


def _several_sizes(value: object) -> tuple[Sizes, ...]:
    """What was given for n: a list holds several, as in `design_study`."""
    laws = tuple(sizes_of(one) for one in (value if isinstance(value, list) else [value]))
    for law in laws:
        if law.law == "lognormal" and law.numbers[1] > 1:
            raise DataError(
                f"n={law.label}: the formula for sizes that vary holds up to cv=1. Give the sizes "
                "themselves, as n=(5, 12, 30), or simulate them with design_study()."
            )
    if not laws:
        raise DataError("n=[] is empty: give a size, or several in a list.")
    return laws


def _mean(law: Sizes) -> float:
    return law.numbers[0] if law.law in ("equal", "lognormal") else float(np.mean(_each(law)))


def _each(law: Sizes) -> Array:
    """The sizes that a law gives with equal chance; one where only the mean counts."""
    if law.law == "uniform":
        return np.arange(law.numbers[0], law.numbers[1] + 1, dtype=np.float64)
    return np.array(law.numbers if law.law == "given" else law.numbers[:1], dtype=np.float64)


def check_setting(setting: TwoLevel) -> None:
    """Refuse designs that do not exist, and options that do not belong to a design."""
    for name, value, choices in (
        ("design", setting.design, DESIGNS),
        ("sites", setting.sites, ("random", "fixed")),
        ("alternative", setting.alternative, ("two-sided", "one-sided")),
    ):
        if value not in choices:
            raise UnknownOption(name, value, choices)
    _check_numbers(setting)
    _check_design(setting)


def _check_numbers(setting: TwoLevel) -> None:
    for name in ("share", "x_share", "alpha"):
        value = getattr(setting, name)
        if value is not None and not (_is_number(value) and 0 < value < 1):
            raise DataError(f"{name}={value!r} must lie between 0 and 1, as in {name}=0.05.")
    if not (_is_number(setting.sd) and 0 < setting.sd < np.inf):
        raise DataError(f"sd={setting.sd!r} must be a positive number.")
    if not isinstance(setting.covariates, int) or setting.covariates < 0:
        raise DataError(f"covariates={setting.covariates!r} must be a count: 0, 1, 2, ...")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _check_design(setting: TwoLevel) -> None:
    design = setting.design
    if design in BETWEEN and setting.varying:
        raise DataError(
            f"effect_sd= is the SD of an effect between groups; in design={design!r} the effect "
            'lies between groups. Effects within: design="multisite", "level-1", "interaction".'
        )
    if setting.sites == "fixed" and design not in ("multisite", "level-1"):
        raise DataError(
            f'sites="fixed" belongs to design="multisite" or "level-1", not {design!r}.'
        )
    if setting.sites == "fixed" and setting.varying:
        raise DataError(
            'sites="fixed" plans for the mean effect in these very sites: leave out effect_sd=, or '
            'sites="fixed" to plan for the sites they are drawn from.'
        )
    if setting.x_share is not None and design != "interaction":
        raise DataError(f'x_share= belongs to design="interaction", not {design!r}.')
    if design in ("level-1", "level-2", "mean") and setting.share not in (None, 0.5):
        instead = {"level-1": "multisite", "level-2": "cluster"}.get(design)
        hint = f' A binary variable is design="{instead}".' if instead else ""
        raise DataError(f"share= has no use in design={design!r}.{hint}")


def _array(name: str, value: object) -> Array:
    """Values of one name as an array, within their bounds."""
    try:
        made = np.atleast_1d(np.asarray(cast(Numbers, value), dtype=np.float64))
    except (TypeError, ValueError):
        raise DataError(f"{name}={value!r} must be a number, or several in a list.") from None
    if made.ndim != 1 or not made.size or not np.isfinite(made).all():
        raise DataError(f"{name}={value!r} must be a number, or several in a list.")
    low, high, words = _bounds(name)
    wrong = made[(made < low) | (made > high)]
    if name in _OPEN_UNIT:
        wrong = made[(made <= low) | (made >= high)]
    if name == "J" and not wrong.size:
        wrong = made[made != np.floor(made)]
    if wrong.size:
        raise DataError(f"{name}={wrong[0]:g} must be {words}.")
    return made


def _bounds(name: str) -> tuple[float, float, str]:
    if name in _OPEN_UNIT:
        return 0.0, 1.0, f"between 0 and 1, as in {name}=0.8"
    if name in _UNIT:
        return 0.0, float(np.nextafter(1.0, 0.0)), "at least 0 and below 1"
    if name == "J":
        return 2.0, np.inf, "a whole number of groups, 2 or more"
    if name == "cv":
        return (
            0.0,
            1.0,
            "between 0 and 1; sizes that vary more are given all, as n=(5, 12, 30)",
        )
    if name in ("effect_sd", "half_width", "std_error"):
        return 0.0, np.inf, "0 or more"
    return -np.inf, np.inf, "a number"
