"""What the figures call things: the group, the coefficient, a number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.errors import UnknownOption
from echelon.model.fit import LmmFit
from echelon.model.own import own_part
from echelon.moments import GroupMoments
from echelon.multilevel.factors import place_of
from echelon.multilevel.groups import GroupValues, Interval, group_values

Array = NDArray[np.float64]
_LONGEST = 22  # characters of a group's label


@dataclass(frozen=True, slots=True, eq=False)
class Coefficient:
    """One random coefficient of a fit, unpacked by group, with its name in words.

    Attributes
    ----------
    values : all coefficients of the groups
    at : which of them
    quantity : in words, e.g. "mean score" or "slope of score on ses"
    raw : what the group alone gives, in words: "observed mean" or "least-squares estimate";
        "adjusted ..." in a model of several factors
    """

    values: GroupValues
    at: int
    quantity: str
    raw: str

    @property
    def estimate(self) -> Array:
        """(J,) empirical Bayes estimates."""
        return self.values.eb[:, self.at]

    @property
    def observed(self) -> Array:
        """(J,) estimates from the group alone; nan where it cannot give one."""
        return self.values.ols[:, self.at]

    @property
    def predicted(self) -> Array:
        """(J,) predictions from the fixed part."""
        return self.values.predicted[:, self.at]

    @property
    def centre(self) -> float | None:
        """The prediction when all groups share it (the grand mean), otherwise None."""
        first = float(self.predicted[0])
        same = np.allclose(self.predicted, first, rtol=1e-9, atol=1e-12)
        return first if same else None

    @property
    def centre_name(self) -> str:
        """What the shared prediction is called."""
        return "grand mean" if self.quantity.startswith("mean ") else "average"


def coefficient(
    fit: LmmFit,
    factor: str | None,
    term: str | None,
    *,
    level: float = 0.95,
    interval: Interval = "total",
    where: str,
) -> Coefficient:
    """Pick a coefficient of a fit; the first one for `term` None.

    Raises
    ------
    UnknownColumn : `factor` is no grouping factor of the model
    UnknownOption : `term` is no random coefficient of the model
    DataError : several grouping factors and none named
    """
    place = place_of(fit, factor, f"{where}()")
    effects = fit.moments.groups[place].effects
    if term is not None and term not in effects:
        raise UnknownOption("term", term, effects)
    at = 0 if term is None else effects.index(term)
    values = group_values(fit, fit.factors[place], level=level, interval=interval)
    is_mean = effects == ("(Intercept)",) and not own_part(fit, place).level1.any()
    raw = "observed mean" if is_mean else "least-squares estimate"
    if values.others:
        raw = "adjusted mean" if is_mean else "adjusted least-squares estimate"
    return Coefficient(values, at, _quantity(fit, effects[at], is_mean), raw)


def _quantity(fit: LmmFit, name: str, is_mean: bool) -> str:
    if name == "(Intercept)":
        return f"{'mean' if is_mean else 'intercept of'} {fit.response}"
    if "[" in name:
        return f"difference in {fit.response} for {name}"
    return f"slope of {fit.response} on {name}"


def number(x: float) -> str:
    """Four significant digits, no exponent, a real minus sign.

    >>> [number(x) for x in (482.757, -0.01234, 1234567.0)]
    ['482.8', '−0.01234', '1,234,567']
    """
    if not math.isfinite(x) or x == 0:
        return f"{x:g}"
    decimals = max(0, 3 - math.floor(math.log10(abs(x))))
    return f"{x:,.{decimals}f}".replace("-", "−")


def label(level: object) -> str:
    """A group's label, whole numbers without a decimal point, long names cut.

    >>> label(5036.0), label("A very long name of a school")
    ('5036', 'A very long name of a…')
    """
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    text = str(level)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def percent(level: float) -> str:
    """A coverage as a reader writes it.

    >>> percent(0.95), percent(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * level:.6g}%"


def groups_of(group: GroupMoments | GroupValues) -> str:
    """How many groups, of what: "20 groups of idschool"."""
    return f"{len(group.levels):,} groups of {group.factor}"


def capital(text: str) -> str:
    """The text with its first letter raised, the rest (names of columns) as it is."""
    return text[:1].upper() + text[1:]
