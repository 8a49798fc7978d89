"""Parameters of a residual structure: their search coordinates and the coefficients they give.

The inverse residual covariance is sum_m omega_m B_m over the sets of products of `ResidualDesign`,
with `ar1-inverse`, `cs-inverse` and 1 / delta_h for the rows of stratum h (pinheiro2000, ch. 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.design.residual import EARLIER, LATER, PAIR, SAME, SUM, ResidualDesign
from echelon.errors import NotIdentified

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """The coefficients at one point, with derivatives in the r search coordinates.

    Attributes
    ----------
    omega : (m,) of the sets;  omega_slope : (r, m)
    logdet : log-determinant of the residual covariance over sigma^2, weights aside
    logdet_slope : (r,)
    """

    omega: Array
    omega_slope: Array
    logdet: float
    logdet_slope: Array


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """Search coordinates z of a residual structure: unbounded, free of the unit of time.

    First log delta_h of the strata but the first; then one for the correlation: of a, the
    correlation at the unit of time (ar1: the greatest common divisor of the gaps; car1: the median
    gap), atanh(a), or logit(a) where a cannot be negative; of rho (cs), the logit of its place
    between its bounds.

    Attributes
    ----------
    structure : the products of rows
    unit : the unit of time, in the user's
    signed : whether a may be negative
    low : smallest rho (cs)
    """

    structure: ResidualDesign
    unit: float = 1.0
    signed: bool = True
    low: float = 0.0

    @classmethod
    def of(cls, structure: ResidualDesign) -> Coordinates:
        """The coordinates of a structure."""
        kind, steps = structure.spec.correlation, structure.steps
        if kind == "cs":
            return cls(structure, low=-1.0 / (float(steps.max()) - 1.0))
        if kind == "car1":
            return cls(structure, unit=_median(steps, structure.repeats), signed=False)
        if kind == "ar1":
            unit = int(np.gcd.reduce(steps.astype(np.int64)))
            return cls(structure, unit=float(unit), signed=unit % 2 == 1)
        return cls(structure)

    @property
    def strata(self) -> int:
        """Ratios of standard deviations to be found."""
        return len(self.structure.labels) - 1

    @property
    def correlated(self) -> bool:
        """Whether there is a correlation to be found; its coordinate is the last."""
        return self.structure.spec.correlation is not None

    @property
    def serial(self) -> bool:
        """Whether it falls with the distance in time."""
        return self.structure.spec.correlation in ("ar1", "car1")

    @property
    def r(self) -> int:
        """Parameters."""
        return self.strata + int(self.correlated)

    def start(self, *, strong: bool = False) -> Array:
        """Equal variances and no correlation, or 0.3 where zero is a bound; 0.9 when strong."""
        z = np.zeros(self.r)
        if strong:
            z[-1] = np.arctanh(0.9) if self._hyperbolic else _logit(0.9)
            return z
        if self.structure.spec.correlation == "cs":
            z[-1] = _logit(-self.low / (1 - self.low))
        elif self.correlated and not self.signed:
            z[-1] = _logit(0.3)
        return z

    def names(self) -> tuple[str, ...]:
        """What the parameters are called."""
        labels = self.structure.labels
        ratios = tuple(f"{label}/{labels[0]}" for label in labels[1:])
        return (*ratios, *((self.structure.spec.correlation or "",) if self.correlated else ()))

    def natural(self, z: Array) -> tuple[Array, Array]:
        """(r,) ratios delta_h and the correlation at time 1, and their derivatives in z."""
        value, slope = np.exp(z), np.exp(z)
        if self.correlated:
            a, da = self._correlation(float(z[-1]))
            if self._smallest == 0 and z[-1] <= -self._far:
                a = 0.0
            if self.structure.spec.correlation == "cs" or self.unit == 1:
                value[-1], slope[-1] = a, da
            else:
                value[-1] = np.sign(a) * abs(a) ** (1 / self.unit)
                slope[-1] = value[-1] / (self.unit * a) * da if a != 0 else np.nan
        return value, slope

    def coefficients(self, z: Array) -> Coefficients:
        """The coefficients of the sets at z."""
        design, H = self.structure, self.strata
        log_delta = np.concatenate([[0.0], z[:H]])
        first, second = design.first, design.second
        c, dc, logdet, logdet_slope = self._factors(z)
        scale = np.exp(-log_delta[first] - log_delta[second])
        omega = scale * c
        slope = np.zeros((self.r, design.sets))
        for h in range(H):
            slope[h] = -omega * (1.0 * (first == h + 1) + (second == h + 1))
        along = np.concatenate([2.0 * design.rows[1:], np.zeros(self.r - H)])
        if self.correlated:
            slope[-1] = scale * dc
            along[-1] = logdet_slope
        return Coefficients(omega, slope, logdet + 2 * float(design.rows @ log_delta), along)

    def omega(self, ratio: Array, phi: float) -> Array:
        """(m,) coefficients of the sets at ratios delta_h (H,) and the correlation at time 1."""
        design = self.structure
        c = np.ones(design.sets)
        if design.spec.correlation == "cs":
            c = self._exchangeable(phi, 0.0)[0]
        elif self.correlated:
            c = self._serial(float(np.sign(phi) * abs(phi) ** self.unit), 0.0)[0]
        scaled: Array = c / (ratio[design.first] * ratio[design.second])
        return scaled

    def search(self, ratio: Array, phi: float) -> Array:
        """(r,) the coordinates z of ratios delta_h (H,) and the correlation: `natural` undone."""
        z = np.zeros(self.r)
        z[: self.strata] = np.log(ratio[1:])
        if not self.correlated:
            return z
        with np.errstate(divide="ignore"):
            if self.structure.spec.correlation == "cs":
                z[-1] = np.log(phi - self.low) - np.log1p(-phi)
            else:
                a = np.sign(phi) * abs(phi) ** self.unit
                z[-1] = np.arctanh(a) if self._hyperbolic else np.log(a) - np.log1p(-a)
        return self.within(z)

    def edge(self, z: Array) -> tuple[int, str]:
        """The coordinate of the correlation and what it says, when it is at a bound; (-1, "").

        Raises
        ------
        NotIdentified : the variance of a stratum has run to zero, or the correlation to a bound
            where the residual covariance is singular
        """
        far = np.abs(z[: self.strata]) >= tolerances.LOG_RATIO
        if far.any():
            h = int(np.argmax(far))
            label = self.structure.labels[h + 1 if z[h] < 0 else 0]
            raise NotIdentified(
                f"by({', '.join(self.structure.spec.strata)}): the model reproduces the rows of "
                f"the stratum {label!r}, so no residual variance is left there. Join it with "
                "another stratum, or use fewer random effects."
            )
        if not self.correlated or not self.far(z):
            return -1, ""
        bound, name = 1.0 if z[-1] > 0 else self._smallest, self.structure.spec.short
        if bound != 0:
            raise NotIdentified(
                f"{name}: the correlation runs to {bound:.3g}, where the rows of a group determine "
                "each other and the likelihood has no maximum. Are rows repeated, or values "
                "centred within groups?"
            )
        return self.r - 1, f"a residual correlation of zero in {name}"

    def far(self, z: Array) -> bool:
        """Whether the correlation is at a bound."""
        return bool(abs(z[-1]) >= self._far)

    def within(self, z: Array) -> Array:
        """The nearest point that is not beyond the bounds of the search."""
        far = np.full(self.r, tolerances.LOG_RATIO)
        if self.correlated:
            far[-1] = self._far
        return np.clip(z, -far, far)

    # --- the correlation ---

    @property
    def _hyperbolic(self) -> bool:
        return self.signed and self.structure.spec.correlation != "cs"

    @property
    def _far(self) -> float:
        """Where a bound counts as reached: tanh(z) and logit(2 z) are equally close to it."""
        return tolerances.CORRELATION_EDGE * (1 if self._hyperbolic else 2)

    @property
    def _smallest(self) -> float:
        return -1.0 if self._hyperbolic else self.low

    def _correlation(self, z: float) -> tuple[float, float]:
        """The correlation at the unit of time (or rho), and its derivative."""
        if self.structure.spec.correlation == "cs":
            share = _expit(z)
            return self.low + (1 - self.low) * share, (1 - self.low) * share * (1 - share)
        if self._hyperbolic:
            a = float(np.tanh(z))
            return a, 1 - a * a
        a = _expit(z)
        return a, a * (1 - a)

    def _factors(self, z: Array) -> tuple[Array, Array, float, float]:
        """Coefficient of each set without the strata, derivative, log-determinant, derivative."""
        design = self.structure
        one = np.ones(design.sets)
        if not self.correlated:
            return one, 0 * one, 0.0, 0.0
        value, change = self._correlation(float(z[-1]))
        if design.spec.correlation == "cs":
            return self._exchangeable(value, change)
        return self._serial(value, change)

    def _serial(self, a: float, change: float) -> tuple[Array, Array, float, float]:
        """`ar1-inverse`: with r = a^gap, 1 for first rows and 1, r^2, -r over 1 - r^2."""
        design = self.structure
        power = design.steps / self.unit
        r = np.power(a, power)
        dr = power * np.power(a, power - 1) * change
        left = 1 - r * r if a <= 0 else -np.expm1(2 * power * np.log(a))
        step, kind = design.step, design.kind
        rs, ds, ls = r[step], dr[step], left[step]
        every = [kind == SAME, kind == LATER, kind == EARLIER, kind == PAIR]
        c = np.select(every, [np.ones_like(rs), 1 / ls, rs**2 / ls, -rs / ls])
        both = 2 * rs * ds / ls**2
        dc = np.select(every, [0 * rs, both, both, -(1 + rs**2) * ds / ls**2])
        logdet = float(design.repeats @ np.log(left))
        return c, dc, logdet, float(design.repeats @ (-2 * r * dr / left))

    def _exchangeable(self, rho: float, change: float) -> tuple[Array, Array, float, float]:
        """`cs-inverse`: 1 / (1 - rho) for rows, and what the group's sum takes away."""
        design = self.structure
        m = design.steps
        grown, rest = 1 + (m - 1) * rho, 1 - rho
        bottom = grown * rest
        taken = -rho / bottom
        d_taken = -(bottom - rho * ((m - 1) * rest - grown)) / bottom**2
        step, sums = design.step, design.kind == SUM
        c = np.where(sums, taken[step], 1 / rest)
        dc = np.where(sums, d_taken[step], 1 / rest**2) * change
        logdet = float(design.repeats @ ((m - 1) * np.log(rest) + np.log(grown)))
        slope = float(design.repeats @ ((m - 1) / grown - (m - 1) / rest)) * change
        return c, dc, logdet, slope


def _median(steps: Array, repeats: Array) -> float:
    """The median gap."""
    middle = np.searchsorted(np.cumsum(repeats), repeats.sum() / 2)
    return float(steps[min(int(middle), len(steps) - 1)])


def _expit(z: float) -> float:
    return float(1 / (1 + np.exp(-z)))


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))
