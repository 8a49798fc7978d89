"""How far x'beta + z'u of a row may be from its estimate; leverages.

Both are one matrix: the covariance of the estimates of all fixed and random effects about their
true values is sigma^2 C^-1, C the matrix of Henderson's equations, and the hat matrix of the rows
is [X Z] C^-1 [X Z]'W (`row-variance`, `hat-matrix`; henderson1975).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.effects.empirical_bayes import Effects, all_effects
from echelon.effects.residual_inverse import residual_inverse
from echelon.effects.rows import Rows, own_rows
from echelon.errors import NotYetSupported
from echelon.estimate.iterative.engine import Iterative
from echelon.model.fit import LmmFit

Array = NDArray[np.float64]


def row_variance(fit: LmmFit, rows: Rows) -> Array:
    """Variance (m,) of x'beta + z'u about its estimate, given the variance parameters.

    Parameters
    ----------
    rows : rows of [X Z]; a group that the fit has not seen adds z'T z, its whole variance

    Notes
    -----
    The conditional variance z'Var(u | y) z, over all factors, and what the estimation of beta adds,
    a'(X'V^-1X)^-1 a with a = x - X'V^-1 Z T z (`row-variance`). Cost O(m (p + q)^2); with crossed
    factors one product of the border with the dense part besides. After the iterative method one
    solution for every different row.

    Raises
    ------
    NotYetSupported : too many different rows after the iterative method
    """
    if isinstance(fit.problem.engine, Iterative):
        out = _solved(fit, fit.problem.engine, rows)
    else:
        out = row_covariance(fit, rows, rows)
    for part, Z, codes in zip(fit.problem.blocks.parts, rows.Z, rows.codes, strict=True):
        new = codes < 0
        lam = fit.optimum.sigma * fit.optimum.lam[part, part]
        out[new] += np.square(Z[new] @ lam).sum(axis=1)
    return np.maximum(out, 0.0)


def _solved(fit: LmmFit, engine: Iterative, rows: Rows) -> Array:
    """The variance without new groups by one solution for every different row of Z."""
    sweep, sigma2 = engine.sweep(fit.lam_working), fit.optimum.sigma2
    out = np.square(_leverage(fit, all_effects(fit, sweep), rows)).sum(axis=1)
    whiten = [fit.problem.whiten[part, part] for part in fit.problem.blocks.parts]
    parts = [
        (np.where((codes >= 0)[:, None], Z, 0.0), np.where(Z.any(axis=1), codes, -1))
        for Z, codes in _whitened(rows, whiten)
    ]
    keys = np.column_stack([np.column_stack(part) for part in parts])
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    if len(first) > tolerances.SOLVED_ROWS and any((codes >= 0).any() for _, codes in parts):
        raise NotYetSupported(
            f"Standard errors with random effects of {len(first):,} different rows: after "
            'method="iterative" each takes a solution of its own, and at most '
            f'{tolerances.SOLVED_ROWS} are made. Give fewer rows; random="none" has intervals for '
            "any number."
        )
    columns = [np.zeros((engine.system.effects(f), len(first))) for f in range(len(parts))]
    for f, (Z, codes) in enumerate(parts):
        at = np.flatnonzero(codes[first] >= 0)
        for a in range(Z.shape[1]):
            columns[f][codes[first][at] * Z.shape[1] + a, at] = Z[first][at, a]
    others = [columns[g] for g in engine.system.starts]
    found = sweep.forms(columns[engine.system.first], np.concatenate(others))
    total: Array = out + sigma2 * found[place.ravel()]
    return total


def row_covariance(fit: LmmFit, left: Rows, right: Rows) -> Array:
    """Covariances (m,) of the errors of row i of `left` and row i of `right`.

    Groups that the fit has not seen are left out.
    """
    sweep, task, sigma2 = fit.problem.engine.sweep(fit.lam_working), fit.problem, fit.optimum.sigma2
    whiten = [task.whiten[part, part] for part in task.blocks.parts]
    seen = [_whitened(rows, whiten) for rows in (left, right)]
    effects = all_effects(fit, sweep)
    shared = _leverage(fit, effects, left)
    other = shared if left is right else _leverage(fit, effects, right)
    out: Array = np.einsum("mi,mi->m", shared, other)
    for f, (Zf, j) in enumerate(seen[0]):
        for g, (Zg, k) in enumerate(seen[1]):
            if left is right and g < f:  # the mirror of a pair that is counted twice below
                continue
            both = np.flatnonzero((j >= 0) & (k >= 0))
            for start in range(0, len(both), tolerances.ROW_BLOCK):
                some = both[start : start + tolerances.ROW_BLOCK]
                W = sweep.between(f, g, j[some], k[some])
                twice = 2.0 if left is right and g > f else 1.0
                out[some] += twice * sigma2 * np.einsum("ma,abm,mb->m", Zf[some], W, Zg[some])
    return out


def _whitened(rows: Rows, whiten: list[Array]) -> list[tuple[Array, NDArray[np.intp]]]:
    """Z in the coordinates of the search, and groups, by factor."""
    return [(Z @ T, codes) for Z, T, codes in zip(rows.Z, whiten, rows.codes, strict=True)]


def _leverage(fit: LmmFit, found: tuple[Effects, ...], rows: Rows) -> Array:
    """(m, p) of which products are what the estimation of beta adds."""
    a = rows.X @ fit.problem.fixed.back
    for effects, Z, codes in zip(found, rows.Z, rows.codes, strict=True):
        seen = codes >= 0
        a[seen] -= np.einsum("mq,mqp->mp", Z[seen], effects.leverage[codes[seen]])
    scaled: Array = a @ fit.optimum.root
    return scaled


def hat_values(fit: LmmFit) -> Array:
    """Leverages (n,): the diagonal of the hat matrix, d fitted_i / d y_i, variances held.

    Their sum is the effective number of parameters of the fixed and random effects together.

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    The diagonal of [X Z] C^-1 [X Z]'R^-1 (`hat-matrix`), which is w_i [x_i z_i] C^-1 [x_i z_i]' for
    independent residuals, as lme4's hatvalues. Correlated residuals may have leverages beyond 0
    to 1: a row is then fitted from its neighbours' residuals too.
    """
    rows = own_rows(fit)
    if fit.residual is not None and fit.residual.correlation is not None:
        return _correlated(fit, rows)
    h = row_variance(fit, rows) / fit.optimum.sigma2
    if rows.precision is not None:
        h *= rows.precision
    if fit.residual is not None:
        h /= np.square(fit.residual.ratio[fit.residual.stratum])
    return np.asarray(h)


def _correlated(fit: LmmFit, rows: Rows) -> Array:
    """Leverages with R^-1 off the diagonal: a covariance for every product of two rows in it."""
    inverse = residual_inverse(fit)
    every = inverse.extended(rows)
    K, E = inverse.K.tocoo(), inverse.E
    # the rows behind each entry of K: one, or all those of a cell
    size = np.diff(E.indptr)[K.row]
    entry = np.repeat(np.arange(K.nnz), size)
    within = np.arange(len(entry)) - np.repeat(np.cumsum(size) - size, size)
    row = E.indices[E.indptr[K.row[entry]] + within]
    covariance = row_covariance(fit, every.take(K.col[entry]), every.take(row))
    return np.bincount(row, K.data[entry] * covariance, rows.m) / fit.optimum.sigma2
