"""Verdict: whether the estimates are the optimum, with the evidence and the remedy in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from echelon import tolerances
from echelon.estimate.coordinates import in_parameters
from echelon.estimate.iterative.error import MonteCarlo
from echelon.estimate.optimise import Search
from echelon.linalg.symmetric import Pairs

Status = Literal["converged", "boundary", "failed"]


@dataclass(frozen=True, slots=True)
class Rival:
    """A second solution that the data hardly tell from the first.

    Attributes
    ----------
    loglik_lower : by how much its log-likelihood is lower
    where : what is different there, in words
    """

    loglik_lower: float
    where: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the search found.

    Attributes
    ----------
    status : "converged"; "boundary" (an optimum with a variance of exactly zero or a correlation of
        exactly +1 or -1); "failed"
    distance_se : how far the stationary point predicted by gradient and Hessian is from the
        estimates, in standard errors of the furthest parameter
    distance_loglik : log-likelihood still to be gained by that prediction
    evaluations : evaluations of the deviance
    flat : variance parameters that the data do not determine
    message : plain sentences, with the remedy
    furthest : the parameter furthest from the stationary point, in standard errors
    rival : a second solution, if one was found
    monte_carlo : Monte Carlo standard errors of a fit by the iterative method; None when exact
    """

    status: Status
    distance_se: float
    distance_loglik: float
    evaluations: int
    flat: tuple[str, ...]
    message: str
    furthest: str = ""
    rival: Rival | None = None
    monte_carlo: MonteCarlo | None = None

    def __str__(self) -> str:
        return f"{self.status}: {self.message}"

    @property
    def evidence(self) -> str:
        """What was checked and how far off it is, in one or two sentences."""
        return (
            f"The deviance was evaluated {self.evaluations} times. At the end the parameter "
            f"furthest off{f' ({self.furthest})' if self.furthest else ''} is "
            f"{_small(self.distance_se)} standard errors from the point where its slope and "
            "curvature say the optimum lies; moving there would change the log-likelihood by "
            f"{_small(self.distance_loglik)}."
        )


def _small(x: float) -> str:
    """A distance from zero: below rounding it is called that."""
    return "less than 1e-8" if abs(x) < 1e-8 else f"{abs(x):.1e}"


def judge(
    search: Search,
    theta_names: tuple[str, ...],
    at_zero: tuple[str, ...],
    shape: Pairs | None = None,
    rival: Rival | None = None,
) -> Verdict:
    """Judge a search by its gradient in standard-error units and by the Hessian.

    Parameters
    ----------
    theta_names : names of the parameters
    at_zero : effects, in words, whose variance is exactly zero or correlation exactly one
    shape : blocks of the covariance when some have a structure
    rival : a second solution
    """
    g, H = search.at.gradient, search.at.hessian
    if shape is not None and shape.kinds:
        g, H, judged = in_parameters(search.at, shape)
        theta_names = tuple(theta_names[i] for i in judged)
    flat_along = _flat_directions(search, H, shape)
    flat = _named(flat_along, theta_names)
    rest = np.linalg.qr(flat_along, mode="complete")[0][:, flat_along.shape[1] :]
    values, vectors = np.linalg.eigh(rest.T @ H @ rest)
    vectors = rest @ vectors
    largest = float(np.abs(values).max(initial=_least_curvature(search)))
    curved = values > 1e-8 * largest
    steps = np.zeros_like(g)
    distance, furthest = 0.0, ""
    if curved.any():
        V = vectors[:, curved]
        steps = V @ ((V.T @ g) / values[curved])
        errors = np.sqrt(2 * (V**2 / values[curved]).sum(axis=1))
        off = np.abs(steps) / np.where(errors > 0, errors, np.inf)
        distance, furthest = float(off.max()), theta_names[int(np.argmax(off))]
    lowest = float(values.min(initial=0.0))
    nothing = 0 < len(g) == flat_along.shape[1]
    downhill = nothing or lowest < -1e-6 * largest or (search.boundary and search.kkt < 0)
    gain = float(g @ steps) / 4
    status: Status = "converged"
    if downhill or not distance <= tolerances.GRADIENT_SE:  # nan is no convergence
        status = "failed"
    elif search.boundary:
        status = "boundary"
    if nothing:
        furthest, flat = ", ".join(theta_names), ()
    elif downhill and len(values):
        furthest = ", ".join(_along(vectors[:, 0], theta_names))
    message = _message(status, at_zero, flat, distance, furthest) + _second_solution(rival)
    return Verdict(status, distance, gain, search.evaluations, flat, message, furthest, rival)


def _least_curvature(search: Search) -> float:
    """What counts as curvature where none is larger: one unit of deviance a unit of the factor.

    A share of the largest curvature says nothing where all of it is rounding. The factor is
    relative to the residual SD; where it is large its own size is the unit.
    """
    return 1 / max(1.0, float(np.abs(search.at.lam).max(initial=0.0))) ** 2


def _along(direction: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters that a direction mostly moves."""
    return tuple(name for name, d in zip(names, np.abs(direction), strict=True) if d > 0.3)


def _second_solution(rival: Rival | None) -> str:
    if rival is None:
        return ""
    return (
        f" There is a second solution, with {rival.where}, whose log-likelihood is only "
        f"{rival.loglik_lower:.2g} lower: the data hardly tell the two apart. Say so when "
        "reporting, or use a simpler random part."
    )


def _flat_directions(search: Search, H: np.ndarray, shape: Pairs | None) -> np.ndarray:
    """(m, k) orthonormal directions of no curvature among those that are not at the boundary.

    Judged by the curvature in D, J'H_D J, which is the Hessian where the slope is zero but does not
    depend on how far from zero the search has left the slope.
    """
    kept = np.arange(len(H))
    if shape is not None and not shape.kinds and len(H) == len(shape.row):
        lam = search.at.lam
        H = H - shape.factor_curvature(search.at.slope)
        whole = [
            i
            for _, block in shape.blocks
            for i in range(block.start, block.stop)
            if np.linalg.matrix_rank(lam[block, block]) == block.stop - block.start
        ]
        kept = np.flatnonzero(np.isin(shape.row, whole))
    elif search.boundary:
        kept = kept[:0]
    values, vectors = np.linalg.eigh(H[np.ix_(kept, kept)])
    largest = float(np.abs(values).max(initial=_least_curvature(search)))
    flat = np.abs(values) <= 1e-8 * largest
    found = np.zeros((len(H), int(flat.sum())))
    found[kept] = vectors[:, flat]
    return found


def _named(directions: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """The parameters that some of the directions move."""
    share = np.abs(directions).max(axis=1, initial=0.0)
    return tuple(name for name, s in zip(names, share, strict=True) if s > 1e-3)


def _message(
    status: Status,
    at_zero: tuple[str, ...],
    flat: tuple[str, ...],
    distance: float,
    furthest: str,
) -> str:
    if status == "failed" and distance <= tolerances.GRADIENT_SE:
        return (
            f"The likelihood does not curve downwards along {furthest} where the search ended: the "
            "data are too few for this model. Do not report these estimates; use a simpler one."
        )
    if status == "failed":
        return (
            f"The search stopped {distance:.2g} standard errors of {furthest} from a stationary "
            "point. Do not report these estimates: simplify the random part or check the data for "
            "outliers."
        )
    if status == "boundary":
        return (
            f"The best estimate has {' and '.join(at_zero) or 'a variance of zero'}. This is a "
            "legitimate optimum at the edge of what is possible, not a failure: the data hold too "
            "little to say more. Consider a simpler random part; what lies at the edge has no "
            "standard error."
            + (f" Nor do the data determine {', '.join(flat)} separately." if flat else "")
        )
    if flat:
        return (
            f"The likelihood is at its maximum, but the data do not determine {', '.join(flat)} "
            "separately: other values fit as well. Fixed effects are not affected; simplify the "
            "random part before interpreting the variances."
        )
    return "The likelihood is at its maximum."
