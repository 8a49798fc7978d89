"""The iterative engine: what an engine gives, by conjugate gradients and random signs.

Exact to the tolerance of the conjugate gradients: [X y]'V0^-1[X y], so beta and its covariance,
Z'V0^-1[X y], so the modes of all random effects, and every quadratic form. Estimated by probes:
log|V0| and the traces in gradient and Hessian (`iterative-trace`, `iterative-logdet`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotYetSupported
from echelon.estimate.blocks import Blocks
from echelon.estimate.engine import FactorEffects, Second
from echelon.estimate.iterative.gradients import Solved, conjugate_gradients, solve
from echelon.estimate.iterative.logdet import LogDeterminant, log_determinant
from echelon.estimate.iterative.probes import Probes, Traces, entries, spread_out
from echelon.estimate.iterative.reduced import Reduced, reduced
from echelon.estimate.iterative.system import System, each, system

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(slots=True)
class Recall:
    """What one evaluation of a search leaves to the next; the only state of a search.

    Attributes
    ----------
    x : solutions by right-hand side, where the next conjugate gradients start
    noise : (t, t) Monte Carlo covariance of the slopes of the last evaluation
    iterations : conjugate-gradient steps so far
    """

    x: dict[object, Array] = field(default_factory=dict)
    noise: Array | None = None
    iterations: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Iterative:
    """The engine of very large crossed designs.

    Attributes
    ----------
    system : the blocks, sparse
    probes : random signs
    recall : memory of a search, in which log|V0| is left at its known part; None outside
    """

    system: System
    probes: Probes
    recall: Recall | None = None
    name: str = "iterative"

    @classmethod
    def of(cls, blocks: Blocks, probes: Probes) -> Iterative:
        """Prepare the engine; two factors or more."""
        return cls(system(blocks), probes)

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """Order of the system that is solved by iteration, entries of its sparse blocks."""
        system = self.system
        return (
            ("order of the system", system.n),
            ("pairs of groups", int(system.N.nnz + system.M.nnz)),
        )

    def sweep(self, lam: Array) -> IterativeSweep:
        """Eliminate the largest factor and solve for [X y]."""
        at = reduced(self.system, lam)
        C0, C2 = self.system.C0, self.system.C2
        found = self.solve(at, "fixed", C0, C2, tolerances.CG_FIXED)
        explained = C0.T @ each(at.W, C0) + found.gained
        return IterativeSweep(self, lam, at, found, (explained + explained.T) / 2)

    def solve(self, at: Reduced, what: object, C0: Array, C2: Array, tol: float) -> Solved:
        """Z'V0^-1 v for C = Z'W v, from where the same right-hand side ended last."""
        if self.recall is None:
            return solve(at, C0, C2, tol=tol)
        found = solve(at, C0, C2, tol=tol, start=self.recall.x.get(what))
        self.recall.x[what] = found.x
        self.recall.iterations += found.iterations
        return found


@dataclass(frozen=True, slots=True, eq=False)
class IterativeSweep:
    """Several factors at one covariance factor, nothing dense.

    Attributes
    ----------
    at : the reduced system
    found : Z'V0^-1[X y]
    """

    engine: Iterative
    lam: Array
    at: Reduced
    found: Solved
    explained: Array

    @property
    def logdet(self) -> float:
        """log|I + Z'WZ D|; during a search only its known part."""
        searching = self.engine.recall is not None
        return self.at.known if searching else self.log_determinant().value

    def log_determinant(self) -> LogDeterminant:
        """log|I + Z'WZ D| with its Monte Carlo standard error."""
        return log_determinant(self.at, self.engine.probes)

    def second(self, solve: Array, reml: bool) -> Second:
        """Exact quadratic forms, estimated traces.

        `trace` is given net of the fixed effects under REML and `mixed` is zero, so that what is
        made of both is the estimate of tr(P V_i P V_l).
        """
        TE0, TE2 = self.found.F0 @ solve.T, self.found.F2 @ solve.T
        gram, quadratic = self._forms(TE0, TE2)
        fixed = gram[:, :-1, :-1]
        traces = self.traces(TE0[:, :-1], TE2[:, :-1], reml=reml)
        if self.engine.recall is not None:
            self.engine.recall.noise = traces.noise
        slope = traces.slope + np.trace(fixed, axis1=1, axis2=2)
        if not reml:
            return Second(slope, traces.trace, gram, quadratic, None)
        net = traces.trace - np.einsum("ixy,lyx->il", fixed, fixed)
        return Second(slope, net, gram, quadratic, np.zeros_like(net))

    def traces(self, T0: Array, T2: Array, *, reml: bool) -> Traces:
        """Slopes and traces by the probes, factor after factor.

        Parameters
        ----------
        T0, T2 : Z'V0^-1 X L^-T
        """
        system, probes = self.engine.system, self.engine.probes
        t = len(system.blocks.pairs.row)
        slope, noise, trace = np.zeros(t), np.zeros((t, t)), np.zeros((t, t))
        iterations = 0
        for f, factor in enumerate(system.blocks.factors):
            numbers, E = entries(system.blocks, f)
            signs = probes.signs(f, factor.J)
            S = spread_out(signs.of, factor.q)
            found = self.engine.solve(self.at, f, *system.times(f, S), tolerances.CG_PROBES)
            iterations += found.iterations
            seen = system.part(f, T0, T2)
            along = seen.reshape(-1, seen.shape[2]).T @ S.reshape(-1, S.shape[2])
            P0, P2 = found.F0 - T0 @ along, found.F2 - T2 @ along
            shape = (factor.J, factor.q, signs.of.shape[1], factor.q)
            own = system.part(f, P0, P2).reshape(shape)
            by_probe = np.einsum("jm,jbma,iab->mi", signs.of, own, E, optimize=True)
            slope[numbers], noise[np.ix_(numbers, numbers)] = signs.mean(by_probe)
            seen_by = (P0, P2) if reml else (found.F0, found.F2)
            trace[numbers] = signs.share * self._trace_rows(E, seen_by)
        return Traces(slope, noise, (trace + trace.T) / 2, iterations)

    def _trace_rows(self, E: Array, seen: tuple[Array, Array]) -> Array:
        """(t_f, t) forms of a factor's entries E (t_f, q, q) with all, over its probes' images."""
        system, q = self.engine.system, E.shape[1]
        rows = np.zeros((len(E), len(system.blocks.pairs.row)))
        for g, factor in enumerate(system.blocks.factors):
            numbers, G = entries(system.blocks, g)
            U = system.part(g, *seen).reshape(factor.J, factor.q, -1, q)
            flat = U.transpose(1, 3, 0, 2).reshape(factor.q * q, -1)
            tensor = (flat @ flat.T).reshape(factor.q, q, factor.q, q)  # [c, a, d, b]
            rows[:, numbers] = np.einsum("iab,cadb,lcd->il", E, tensor, G, optimize=True)
        return rows

    def _forms(self, TE0: Array, TE2: Array) -> tuple[Array, Array]:
        """[T e]'E_i[T e] and e'E_i K E_l e, exactly."""
        system = self.engine.system
        t, k = len(system.blocks.pairs.row), TE0.shape[1]
        gram = np.empty((t, k, k))
        at0, at2 = np.zeros((len(TE0), t)), np.zeros((len(TE2), t))
        for f in range(len(system.blocks.factors)):
            V = system.part(f, TE0, TE2)
            for i, E in zip(*entries(system.blocks, f), strict=True):
                EV = np.matmul(E, V)
                gram[i] = np.tensordot(V, EV, ((0, 1), (0, 1)))
                U0, U2 = system.whole(f, EV[:, :, -1:])
                at0[:, i], at2[:, i] = U0[:, 0], U2[:, 0]
        C0 = each(system.own, at0) + system.N @ at2
        C2 = system.N.T @ at0 + system.M @ at2
        found = self.engine.solve(self.at, "forms", C0, C2, tolerances.CG_FIXED)
        return gram, at0.T @ found.F0 + at2.T @ found.F2

    def mixed(self, solve: Array, weights: Array) -> Array:
        """Not offered: what it is needed for takes traces without Monte Carlo error."""
        raise NotYetSupported('This needs exact traces, which method="iterative" does not have.')

    def between(self, f: int, g: int, j: Places, k: Places) -> Array:
        """Not offered: it takes a solution for every group."""
        raise NotYetSupported(
            "Covariances of the effects of two groups take exact solutions for every group, which "
            'method="iterative" does not make. conditional_sd() solves for groups that are named.'
        )

    def forms(self, Z0: Array, Z2: Array) -> Array:
        """z'(D - D K D) z, exactly, for columns z: (J q, r) of the first factor, (n, r) the rest.

        With what is left of a column when the first factor is eliminated, v = z_2 - N'W z_0, it is
        z_0'W z_0 + v'W_22 v: one solution of the core for each column (`iterative-conditional`).
        """
        out = []
        for start in range(0, Z0.shape[1], tolerances.SOLVED_AT_ONCE):
            some = slice(start, start + tolerances.SOLVED_AT_ONCE)
            WZ = each(self.at.W, Z0[:, some])
            b = self.at.lam_transposed(Z2[:, some] - self.engine.system.N.T @ WZ)
            x, _ = conjugate_gradients(self.at, b, tol=tolerances.CG_FIXED)
            own = np.einsum("jr,jr->r", Z0[:, some], WZ)
            out.append(own + np.einsum("jr,jr->r", b, x))
        return np.concatenate(out) if out else np.zeros(0)

    def effects(self) -> tuple[FactorEffects, ...]:
        """F of every group; the conditional covariance of factors small enough to be solved for.

        The others' is nan: no estimate of a diagonal of an inverse by probes is good enough to be
        shown as a standard error. `spread` gives it for groups that are named.
        """
        system = self.engine.system
        out = []
        for f, factor in enumerate(system.blocks.factors):
            if system.effects(f) * system.N.nnz <= tolerances.SOLVED_WORK:
                W = self.spread(f, range(factor.J))
            else:
                W = np.full((factor.q, factor.q, factor.J), np.nan)
            F = system.part(f, self.found.F0, self.found.F2).transpose(1, 2, 0)
            out.append(FactorEffects(np.ascontiguousarray(F), W))
        return tuple(out)

    def spread(self, factor: int, groups: Sequence[int]) -> Array:
        """(q, q, len(groups)) conditional covariance over sigma^2 of some groups, exactly.

        One solution of the core for each group and effect (`iterative-conditional`).
        """
        q = self.engine.system.blocks.factors[factor].q
        wide = max(1, tolerances.SOLVED_AT_ONCE // q)
        chunks = [groups[a : a + wide] for a in range(0, len(groups), wide)]
        return np.concatenate([self._spread(factor, np.asarray(c)) for c in chunks], axis=2)

    def _spread(self, f: int, groups: NDArray[np.intp]) -> Array:
        system, at = self.engine.system, self.at
        q, m = system.blocks.factors[f].q, len(groups)
        rows = (groups[:, None] * q + np.arange(q)).ravel()
        if f == system.first:
            B = system.N[rows].toarray().T
        else:
            B = np.zeros((system.n, m * q))
            B[system.rows(f).start + rows, np.arange(m * q)] = 1.0
        b = at.lam_transposed(B)
        x, _ = conjugate_gradients(at, b, tol=tolerances.CG_FIXED)
        all_pairs = np.einsum("nja,njb->jab", b.reshape(-1, m, q), x.reshape(-1, m, q))
        if f == system.first:
            W = at.W[groups]
            all_pairs = W + W @ all_pairs @ W
        return (
            np.ascontiguousarray((all_pairs + all_pairs.transpose(0, 2, 1)).transpose(1, 2, 0)) / 2
        )
