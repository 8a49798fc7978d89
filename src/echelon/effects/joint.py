"""One coefficient of every group of a factor: estimates, their covariances, draws from their law.

Given the variance parameters, the coefficients of the groups have a joint normal law about their
empirical Bayes estimates, in which they hang together through the fixed effects and, with several
factors, through the groups that share rows with them (`joint-law`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.empirical_bayes import all_effects
from echelon.effects.row_variance import row_covariance, row_variance
from echelon.effects.rows import Rows
from echelon.effects.simulate import drawn_effects
from echelon.errors import UnknownOption
from echelon.estimate.batch.solved import solved
from echelon.estimate.batch.working import working
from echelon.model.fit import LmmFit
from echelon.model.own import own_part
from echelon.moments.span import Span, drawn, span

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Of = Literal["effect", "coefficient"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupCoefficients:
    """One coefficient of the groups of a factor with the law of its errors.

    Attributes
    ----------
    fit, place, at : the fit, the number of the factor, of the effect
    of : "effect" for u, what a group is beyond its prediction; "coefficient" for prediction + u
    estimate : (J,) empirical Bayes estimates, response units per unit of z
    std_error : (J,) of an effect its conditional standard deviation, as `ranef` has it; of a
        coefficient with the estimation of the fixed effects counted
    total_variance : (J,) of the errors, the estimation of the fixed effects counted
    rows : the rows of [X Z] that these coefficients are
    """

    fit: LmmFit
    place: int
    at: int
    of: Of
    estimate: Array
    std_error: Array
    total_variance: Array
    rows: Rows

    @property
    def J(self) -> int:
        """Groups."""
        return len(self.estimate)

    def covariance(self, j: Places, k: Places) -> Array:
        """Covariances (m,) of the errors of groups j and k."""
        return row_covariance(self.fit, self.rows.take(j), self.rows.take(k))

    def difference_se(self, j: Places, k: Places) -> Array:
        """Standard errors (m,) of the differences of groups j and k."""
        own = self.total_variance
        return np.sqrt(np.maximum(own[j] + own[k] - 2 * self.covariance(j, k), 0.0))


def group_coefficients(fit: LmmFit, place: int, at: int, of: Of) -> GroupCoefficients:
    """The coefficients of all groups of a factor.

    Parameters
    ----------
    place, at : numbers of the factor and of the effect

    Raises
    ------
    UnknownOption : another `of`
    NotYetSupported : the fit was made by the iterative method
    """
    if of not in get_args(Of):
        raise UnknownOption("of", of, get_args(Of))
    own = own_part(fit, place).own[:, at]
    rows = _rows(fit, place, at, own if of == "coefficient" else np.zeros_like(own))
    effects, total = all_effects(fit)[place], row_variance(fit, rows)
    variance = effects.var[:, at, at] if of == "effect" else total
    return GroupCoefficients(
        fit=fit,
        place=place,
        at=at,
        of=of,
        estimate=effects.mode[:, at] + rows.X @ fit.optimum.beta,
        std_error=np.sqrt(np.maximum(variance, 0.0)),
        total_variance=total,
        rows=rows,
    )


def _rows(fit: LmmFit, place: int, at: int, X: Array) -> Rows:
    """Rows of [X Z] whose value is the coefficient of a group; one a group."""
    J = len(X)
    Z = [np.zeros((J, len(group.effects))) for group in fit.moments.groups]
    codes = [np.full(J, -1, dtype=np.intp) for _ in Z]
    Z[place][:, at], codes[place] = 1.0, np.arange(J)
    return Rows(X, np.zeros(J), tuple(Z), tuple(codes))


def draws(given: GroupCoefficients, n: int, rng: np.random.Generator) -> Iterator[Array]:
    """Draws from the joint law of the coefficients, a piece (R, J) at a time.

    Parameters
    ----------
    n : draws in all

    Notes
    -----
    With one factor, independent normals and one draw of the error of the fixed effects
    (`joint-one`). With several, the error that the estimator makes on data drawn from the model,
    which has the law in question (`joint-draws`; journel1978). Cost O(n J p), and with several
    factors O(n) sweeps of the engine's solutions; memory `tolerances.DRAWN_ENTRIES`.

    Raises
    ------
    TooLarge : several factors, all but the largest with more effects than are simulated
    """
    fit = given.fit
    effects = sum(len(g.levels) * len(g.effects) for g in fit.moments.groups)
    most = n if len(fit.factors) == 1 else tolerances.DRAWN_TOGETHER
    size = int(np.clip(tolerances.DRAWN_ENTRIES // effects, 1, min(n, most)))
    pieces = [min(size, n - start) for start in range(0, n, size)]
    if len(fit.factors) == 1:
        yield from (_one_factor(given, R, rng) for R in pieces)
        return
    at = span(fit.moments)
    yield from (given.estimate + _errors(given, at, R, rng) for R in pieces)


def _one_factor(given: GroupCoefficients, R: int, rng: np.random.Generator) -> Array:
    fit, (effects,) = given.fit, all_effects(given.fit)
    own = np.sqrt(np.maximum(effects.var[:, given.at, given.at], 0.0))
    shared = given.rows.X @ fit.problem.fixed.back - effects.leverage[:, given.at]
    noise = rng.standard_normal((R, given.J)) * own
    fixed = rng.standard_normal((R, fit.problem.p)) @ (shared @ fit.optimum.root).T
    drawn_: Array = given.estimate + noise + fixed
    return drawn_


def _errors(given: GroupCoefficients, at: Span, R: int, rng: np.random.Generator) -> Array:
    """(R, J) true less estimated coefficients on data drawn from the model with beta = 0."""
    fit, task = given.fit, given.fit.problem
    b = drawn_effects(fit, R, rng)
    centred = tuple(
        np.einsum("ab,jbr->jar", np.linalg.inv(group.user_from_centred()), part)
        for group, part in zip(fit.moments.groups, b, strict=True)
    )
    none = np.zeros(len(fit.moments.columns) - 1)
    products = drawn(at, none, centred, fit.optimum.sigma, 0.0, rng)
    beta, e = solved(task, fit.lam_working, working(task, fit.moments, products)[0])
    part = task.blocks.parts[given.place]
    lam = fit.lam_working[part, part]
    u = np.tensordot((task.whiten[part, part] @ lam @ lam.T)[given.at], e[given.place], 1)
    errors: Array = (b[given.place][:, given.at] - u - given.rows.X @ task.fixed.back @ beta).T
    return errors
