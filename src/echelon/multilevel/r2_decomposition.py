"""Rights and Sterba's decomposition: where the variance lies, and what describes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import to_native
from echelon.model.fit import LmmFit
from echelon.multilevel.icc import centred_covariance, residual_variance
from echelon.multilevel.levels_of_columns import by_level
from echelon.multilevel.row_moments import row_moments

Array = NDArray[np.float64]
_SMALL = 1e-9
"""A share of the total below which slope variation between groups is that of rounding: predictors
centred within groups have none."""
_ROUNDING = 1e-14
"""A share of the total that is zero: where differences of sums of squares end."""


@dataclass(frozen=True, slots=True, eq=False)
class R2Decomposition:
    """The variance of the response by source and level; response units squared.

    Attributes
    ----------
    levels : "within" and "between"; with nested factors "within" and the factors, finest first
    factors : grouping factors, finest first
    fixed : (L,) described by the fixed effects at each level (f1, f2)
    slopes : (L,) random slopes, at the levels where their predictors vary (v)
    intercepts : (L,) differences between groups at the mean of the predictors (m); 0 within
    residual : within groups
    response : as typed
    backend : the caller's dataframe library
    """

    levels: tuple[str, ...]
    factors: tuple[str, ...]
    fixed: Array
    slopes: Array
    intercepts: Array
    residual: float
    response: str
    backend: str

    @property
    def by_level(self) -> Array:
        """(L,) variance at each level."""
        found = self.fixed + self.slopes + self.intercepts
        found[0] += self.residual
        return found

    @property
    def total(self) -> float:
        """The whole variance."""
        return float(self.by_level.sum())

    def components(self) -> tuple[tuple[str, str, str, float], ...]:
        """Symbol, source, level and variance of every component, from within to between."""
        numbered = len(self.levels) > 1
        centred = bool((np.abs(self.slopes[1:]) <= _SMALL * self.total).all())
        made = []
        for source, letter, values in (
            ("fixed effects", "f", self.fixed),
            ("random slopes", "v", self.slopes),
            ("random intercepts", "m", self.intercepts),
        ):
            for i, (level, value) in enumerate(zip(self.levels, values.tolist(), strict=True)):
                none = letter == "v" and not self.slopes.any()
                if none or (letter == "m" and i == 0) or (letter == "v" and i and centred):
                    continue
                single = (letter == "v" and centred) or (letter == "m" and len(self.levels) == 2)
                number = str(i + 1) if numbered and not single else ""
                made.append((f"{letter}{number}", source, level, value))
        return (*made, ("", "residual", self.levels[0], self.residual))

    def measures(self) -> dict[tuple[str, str], float]:
        """R squared by measure and by what it is a share of, "total" or a level.

        Every component by itself; "f", "fv" and "fvm" of the total; "fv" of the variance within.
        """
        totals = dict(zip(self.levels, self.by_level.tolist(), strict=True))
        found = {}
        for symbol, _, level, value in self.components():
            if symbol:
                found[symbol, "total"] = share(value, self.total)
                found[symbol, level] = share(value, totals[level])
        sums = np.cumsum([self.fixed.sum(), self.slopes.sum(), self.intercepts.sum()])
        for symbol, value in zip(("f", "fv", "fvm"), sums.tolist(), strict=True):
            found[symbol, "total"] = share(value, self.total)
        within = self.levels[0]
        found["fv", within] = share(float(self.fixed[0] + self.slopes[0]), totals[within])
        return found


def share(value: float, total: float) -> float:
    """A share of a variance; nan of a variance of zero."""
    return value / total if total > 0 else float("nan")


def r2_decomposition_values(fit: LmmFit) -> R2Decomposition:
    """Divide the variance of the response by source and level, from moments alone.

    Raises
    ------
    DataError : crossed factors
    NeedsRows : a fit from summaries whose random part has no constant

    Notes
    -----
    Every fixed column, products and indicators too, is divided into its group means and what is
    left within; `level-components`, `rights-sterba`; rights2019. The sum over sources is that of
    `r2()`: f is its fixed part, v + m its random part.
    """
    moments = row_moments(fit)
    slopes = [
        (moments.columns.index(name), b)
        for name, b in zip(fit.names, fit.optimum.beta, strict=True)
        if name != "(Intercept)"
    ]
    parts = by_level(fit, moments, [column for column, _ in slopes])
    beta, n = np.array([b for _, b in slopes]), moments.n
    fixed = np.einsum("a,lab,b->l", beta, parts.fixed, beta) * n / (n - 1)
    levels = len(parts.order) + 1
    v, m = np.zeros(levels), np.zeros(levels)
    for at, f in enumerate(parts.order, start=1):
        T, mean = centred_covariance(fit, moments, f), parts.means[f]
        if fit.moments.groups[f].effects != ("(Intercept)",):
            v += np.einsum("ab,lab->l", T, parts.random[f])
        m[at] = mean @ T @ mean
    residual = residual_variance(fit)
    small = _ROUNDING * (float(fixed.sum() + v.sum() + m.sum()) + residual)
    fixed, v = (np.where(np.abs(x) <= small, 0.0, x) for x in (fixed, v))
    factors = tuple(fit.factors[f] for f in parts.order)
    return R2Decomposition(
        levels=("within", "between") if levels == 2 else ("within", *factors),
        factors=factors,
        fixed=fixed,
        slopes=v,
        intercepts=m,
        residual=residual,
        response=fit.response,
        backend=fit.source.backend,
    )


def r2_decomposition_frame(found: R2Decomposition) -> object:
    """The components as a table in the caller's dataframe library.

    Returns
    -------
    one row a component: component (the symbol of R squared: f1, f2, v, m; "" for the residual),
    source, level, variance, share_total (of the whole variance), share_level (of its level's)
    """
    rows = found.components()
    totals = dict(zip(found.levels, found.by_level.tolist(), strict=True))
    return to_native(
        {
            "component": [symbol for symbol, *_ in rows],
            "source": [source for _, source, *_ in rows],
            "level": [level for *_, level, _ in rows],
            "variance": np.array([value for *_, value in rows]),
            "share_total": np.array([share(value, found.total) for *_, value in rows]),
            "share_level": np.array([share(value, totals[level]) for *_, level, value in rows]),
        },
        found.backend,
    )
