"""The deviance at one point with a parameter as a coordinate of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from echelon.estimate.constrained.blocks import Part, rows, scales
from echelon.estimate.constrained.surface import (
    Surface,
    held_parts,
    parts_at,
    parts_of,
    surface,
)
from echelon.estimate.constrained.target import Target
from echelon.estimate.deviance import Evaluation
from echelon.estimate.problem import Problem
from echelon.linalg.structures import Kind
from echelon.linalg.symmetric import block_diagonal

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """All values of one parameter.

    Attributes
    ----------
    problem : the model in working units
    reml : whether the restricted deviance is meant
    target : the parameter
    """

    problem: Problem
    reml: bool
    target: Target

    @property
    def df(self) -> int:
        """Degrees of freedom of sigma^2."""
        return self.problem.n - (self.problem.p if self.reml else 0)

    def at(
        self, lam: Array, t: float, log_sigma: float | None, known: Evaluation | None = None
    ) -> Point | None:
        """The point with covariance factor `lam` (working units) at the coordinate t.

        Parameters
        ----------
        log_sigma : where the target depends on it (a standard deviation between groups); it is the
            coordinate itself when sigma is the target, and the best one otherwise
        known : the deviance at `lam`, if it was evaluated already
        """
        held = self.target.held
        if held is not None:
            parts = held_parts(self.problem, lam, held, t)
        elif known is not None:
            parts = parts_of(known, self.df)
        else:
            parts = parts_at(self.problem, lam, self.reml)
        if parts is None or not np.isfinite(parts.log_part) or not parts.rho2 > 0:
            return None
        given = t if self.target.kind == "sigma" else log_sigma
        return _point(self, lam, t, surface(parts, self.df, given))


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point of a line in local coordinates y.

    Attributes
    ----------
    line, lam, t : which point it is
    log_sigma : log of the residual SD
    value : minus twice the log-likelihood
    blocks : coordinates of the blocks of D
    place : number of the target among the coordinates
    free : numbers of the others that may move
    gradient : (m,);  hessian : (m, m) of the deviance in all coordinates
    """

    line: Line
    lam: Array
    t: float
    log_sigma: float
    value: float
    blocks: tuple[Part, ...]
    place: int
    free: NDArray[np.intp]
    gradient: Array
    hessian: Array

    def moved(self, t: float, step: Array) -> Point | None:
        """The point at coordinate t with the others a step (len(free),) away."""
        target = self.line.target
        y = np.zeros(len(self.gradient))
        y[self.free] = step
        log_sigma = self.log_sigma + y[-1] if target.is_scale else None
        x = _natural(self, t, y, log_sigma)
        lam = block_diagonal([part.factor(own) for part, own in zip(self.blocks, x, strict=True)])
        return self.line.at(lam, t, log_sigma)


def _point(line: Line, lam: Array, t: float, at: Surface) -> Point:
    shape, target = line.problem.pairs, line.target
    entries = len(shape.row)
    S = shape.symmetric_slope(at.gradient[:entries])
    blocks = shape.blocks
    parts = [
        _part(target, number, kind, lam[b, b], S[b, b]) for number, (kind, b) in enumerate(blocks)
    ]
    ends = np.cumsum([0, *(len(part.x) for part in parts)])
    m, more = int(ends[-1]), len(at.gradient) - entries
    J, used = np.zeros((entries + more, m + more)), 0
    J[entries:, m:] = np.eye(more)
    bend = np.zeros((m + more, m + more))
    for part, (_, block), start in zip(parts, blocks, ends[:-1], strict=True):
        inside = slice(start, start + len(part.x))
        J[used : used + len(part.jacobian), inside] = part.jacobian
        bend[inside, inside] = part.curvature(S[block, block])
        used += len(part.jacobian)
    gradient, hessian = J.T @ at.gradient, J.T @ at.hessian @ J + bend
    free = np.concatenate([*(part.free for part in parts), np.ones(more, dtype=bool)])
    start = int(ends[target.block]) if target.block >= 0 else 0
    place = _place(target, start, len(gradient))
    gradient, hessian = _linked(target, parts, start, at.log_sigma, gradient, hessian)
    free[place] = False
    return Point(
        line=line,
        lam=lam,
        t=t,
        log_sigma=at.log_sigma,
        value=at.value,
        blocks=tuple(parts),
        place=place,
        free=np.flatnonzero(free),
        gradient=gradient,
        hessian=hessian,
    )


def _part(target: Target, number: int, kind: Kind, lam: Array, slope: Array) -> Part:
    """Coordinates of a block, the target among them if it is there."""
    mine = number == target.block
    if kind == "us":
        return rows(lam, target.leading if mine else np.zeros((0, len(lam))))
    return scales(kind, lam, slope, target.number if mine and target.kind == "scale" else -1)


def _place(target: Target, start: int, m: int) -> int:
    """Number of the target's coordinate among m."""
    if target.kind == "sigma":
        return m - 1
    if target.kind == "fixed":
        return m - 2
    return start + (1 if target.kind == "correlation" else target.number)


def _linked(
    target: Target, parts: list[Part], start: int, log_sigma: float, gradient: Array, hessian: Array
) -> tuple[Array, Array]:
    """Gradient and Hessian with the target in the place of a coordinate that it determines.

    A standard deviation s = sigma unit x replaces x; the correlation sin(u) of two rows (l11, 0)
    and (l21, l22) = s2 (sin u, cos u) replaces them by log l11, u and log s2.
    """
    if not target.is_scale and target.kind != "correlation":
        return gradient, hessian
    m = len(gradient)
    chain, bend = np.eye(m), np.zeros((m, m))
    if target.is_scale:
        k, weight = start + target.number, exp(-log_sigma) / target.unit
        own = float(parts[target.block].x[target.number])
        chain[k, k], chain[k, -1] = weight, -own
        bend[k, -1] = bend[-1, k] = -weight * gradient[k]
        bend[-1, -1] = own * gradient[k]
    else:
        a, b, c = start, start + 1, start + _second_diagonal(parts[target.block])
        x = parts[target.block].x
        l11, l21, l22 = float(x[0]), float(x[1]), float(x[c - start])
        chain[a, a], chain[b, b], chain[b, c] = l11, l22, l21
        chain[c, b], chain[c, c] = -l21, l22
        bend[a, a] = l11 * gradient[a]
        bend[c, c] = l21 * gradient[b] + l22 * gradient[c]
        bend[b, b] = -bend[c, c]
        bend[b, c] = bend[c, b] = l22 * gradient[b] - l21 * gradient[c]
    return chain.T @ gradient, chain.T @ hessian @ chain + bend


def _natural(at: Point, t: float, y: Array, log_sigma: float | None) -> list[Array]:
    """Coordinates x of each block, from steps y and the target's t."""
    target, out, used = at.line.target, [], 0
    for number, part in enumerate(at.blocks):
        x = part.x + y[used : used + len(part.x)]
        if number == target.block:
            own = y[used : used + len(part.x)]
            if target.is_scale:
                assert log_sigma is not None
                x[target.number] = t * exp(-log_sigma) / target.unit
            elif target.kind == "rho":
                x[-1] = t
            else:
                c = _second_diagonal(part)
                s2 = float(np.hypot(part.x[1], part.x[c])) * exp(own[c])
                x[0] = part.x[0] * exp(own[0])
                x[1] = s2 * sin(t)
                x[c] = s2 * max(cos(t), 0.0) if abs(t) < np.pi / 2 else 0.0
        out.append(x)
        used += len(part.x)
    return out


def _second_diagonal(part: Part) -> int:
    """Number of the entry (1, 1) of L among the free entries of a block: after the first column."""
    return round((sqrt(8 * len(part.x) + 1) - 1) / 2)
