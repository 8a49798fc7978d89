"""Kenward and Roger's covariance of the fixed effects, degrees of freedom and scaled F tests.

Everything is in the coordinates of the search: fixed effects orthonormal under X'V0^-1X, random
effects whitened. There the unit of a predictor costs no digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified, NotYetSupported
from echelon.estimate.deviance import evaluate
from echelon.estimate.optimum import twice_inverse
from echelon.infer.uncertainty import Joint, joint, wald_per_df
from echelon.linalg.structures import Kind
from echelon.linalg.symmetric import Pairs
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class KenwardRoger:
    """The adjusted covariance with the degrees of freedom and scale that go with it.

    Attributes
    ----------
    vcov : (p, p) adjusted covariance of the fixed effects
    root : (p, p) with root root' the covariance that is not adjusted
    gram : (t + 1, p, p) L^-1 X'V0^-1 V_i V0^-1 X L^-T for V_i = Z E_i Z' and, last, V0 itself
    spread : (t + 1, t + 1) half the covariance of the variance parameters over sigma^4
    """

    vcov: Array
    root: Array
    gram: Array
    spread: Array

    @property
    def method(self) -> str:
        """Its name."""
        return "kenward-roger"

    def df(self, L: Array) -> Array:
        """(m,) degrees of freedom of each row of L (`kr-one`)."""
        c = L @ self.root
        with np.errstate(divide="ignore", invalid="ignore"):
            c = c / np.linalg.norm(c, axis=1, keepdims=True)
            slope = np.einsum("ma,tab,mb->mt", c, self.gram, c)
            spread = np.einsum("mt,ts,ms->m", slope, self.spread, slope)
            return np.where(spread > 0, 1 / spread, np.inf)

    def denominator(self, L: Array, distance: Array) -> Joint:
        """F test: the Wald statistic per row of L, scaled, on degrees of freedom of its own.

        Notes
        -----
        Scale and degrees of freedom match the first two moments of the statistic to those of an F
        distribution (`kr-joint`; kenward1997, halekoh2014).

        Raises
        ------
        NotIdentified : too few groups for the approximation
        """
        F, q = wald_per_df(self.vcov, L, distance)
        turned = np.linalg.qr((L @ self.root).T)[0].T
        slope = turned @ self.gram @ turned.T
        traces = np.trace(slope, axis1=1, axis2=2)
        A1 = 2 * float(traces @ self.spread @ traces)
        A2 = 2 * float(np.einsum("iab,lab,il->", slope, slope, self.spread))
        df2, scale = f_moments(A1, A2, q)
        return joint(scale * F, q, df2, scale)


def f_moments(A1: float, A2: float, q: int) -> tuple[float, float]:
    """Denominator degrees of freedom and scale of an F test of q functions (`kr-joint`).

    >>> df2, scale = f_moments(2 * 9 / 20, 2 * 3 / 20, 3)  # a linear model on 20 residual df
    >>> round(df2, 9), round(scale, 9)
    (20.0, 1.0)
    """
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    below = 3 * q + 2 * (1 - g)
    top, middle, last = 1 + g / below * B, 1 - (q - g) / below * B, 1 - (q + 2 - g) / below * B
    left = 1 - A2 / q
    small = max(abs(left), abs(middle)) < tolerances.KR_ZERO
    ratio = 1.0 if small else left / middle
    df2 = 4 + (q + 2) * last / (ratio**2 * top - last)
    scale = 1.0 if abs(df2 - 2) < tolerances.KR_TWO else df2 * left / (df2 - 2)
    if not (np.isfinite(df2) and df2 > 0 and scale > 0):
        raise NotIdentified(
            f"Kenward and Roger's approximation has no F distribution for this test of {q} "
            f"functions (denominator degrees of freedom {df2:.3g}, scale {scale:.3g}): there are "
            'too few groups for it. Use df="satterthwaite".'
        )
    return df2, scale


@serial
def kenward_roger(fit: LmmFit) -> KenwardRoger:
    """Kenward and Roger's inference for a REML fit. Cost: about two evaluations of the deviance.

    One factor O(J (q k)^2); nested ones O(J (t q p)^2); crossed ones one more factorisation of the
    dense part, O(m^3), and t products with it. No n x n matrix.

    Raises
    ------
    NotYetSupported : what `check_kenward_roger` refuses

    Notes
    -----
    The parameters are variances and covariances, in which V is linear, and their information is
    the expected one (`kr-information`). The adjusted covariance is `kr-vcov` (kenward1997).
    """
    check_kenward_roger(fit)
    task, best = fit.problem, fit.optimum
    at = evaluate(task, fit.lam_working, reml=True)
    assert at is not None  # it was evaluated there when fitting
    basis = linear_basis(task.pairs)
    t, p = basis.shape[1], task.p
    G = np.concatenate([np.tensordot(basis.T, at.curvature.fixed, 1), np.eye(p)[None]])
    information = np.empty((t + 1, t + 1))
    information[:t, :t] = basis.T @ at.curvature.trace @ basis
    information[:t, t] = information[t, :t] = basis.T @ at.curvature.slope
    information[t, t] = task.n - p
    spread = twice_inverse(information) / 2
    inside = spread[:t, :t]
    H = task.engine.sweep(fit.lam_working).mixed(at.solve, basis @ inside @ basis.T)
    lost = H - np.einsum("il,iab,lbc->ac", inside, G[:t], G[:t], optimize=True)
    root = task.fixed.back @ best.root
    vcov = root @ (np.eye(p) + 2 * (lost + lost.T)) @ root.T
    return KenwardRoger(vcov, root, G, spread)


def check_kenward_roger(fit: LmmFit) -> None:
    """Refuse models for which the method is not defined or not offered.

    Raises
    ------
    NotYetSupported : ML; a residual structure; the iterative method; a random term of which the
        covariance is not linear in variances and covariances
    """
    refuse_kenward_roger(
        reml=fit.reml, residual=fit.residual is not None, iterative=probes_used(fit) is not None
    )
    for kind, part in fit.problem.pairs.blocks:
        if _linear_kind(kind, part.stop - part.start) is None:
            raise NotYetSupported(
                f'df="kenward-roger" is for covariances that are linear in their parameters; '
                f'{kind}() with three effects or more is not. Use df="satterthwaite".'
            )


def refuse_kenward_roger(*, reml: bool, residual: bool, iterative: bool) -> None:
    """The reasons known before a model is fitted."""
    if not reml:
        raise NotYetSupported(
            'df="kenward-roger" corrects the covariance of REML estimates. Fit with reml=True, or '
            'use df="satterthwaite".'
        )
    if residual:
        raise NotYetSupported(
            'df="kenward-roger" is for residuals of one variance, without residual=. Use '
            'df="satterthwaite".'
        )
    if iterative:
        raise NotYetSupported(
            'df="kenward-roger" needs traces without Monte Carlo error, which method="iterative" '
            'does not have. Use df="satterthwaite".'
        )


def linear_basis(pairs: Pairs) -> Array:
    """(t, m) the free entries of D in the m variances and covariances it is linear in."""
    columns: list[Array] = []
    on = pairs.on_diagonal
    for kind, part in pairs.blocks:
        inside = (pairs.row >= part.start) & (pairs.row < part.stop)
        linear = _linear_kind(kind, part.stop - part.start)
        if linear == "us":
            columns += list(np.eye(len(on))[inside])
        else:
            columns.append((inside & on).astype(np.float64))
            if linear == "homcs":
                columns.append((inside & ~on).astype(np.float64))
    return np.stack(columns, axis=1)


def _linear_kind(kind: Kind, size: int) -> Kind | None:
    """A structure as one that is linear in its variances and covariances; None if there is none."""
    if kind in ("us", "homdiag", "homcs"):
        return "us" if size == 1 else kind
    if size > 2:
        return None
    return "homcs" if kind == "ar1" and size == 2 else "us"
