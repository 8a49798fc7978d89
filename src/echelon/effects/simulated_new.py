"""Responses drawn for the rows of a new table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.data import Frame
from echelon.effects.empirical_bayes import all_effects
from echelon.effects.predict_rows import NewRows, new_rows
from echelon.errors import NeedsRows, NotYetSupported
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def simulated_new(
    fit: LmmFit | OlsFit, table: object, R: int, rng: np.random.Generator, random: str
) -> tuple[Array, str]:
    """R responses (rows, R), nan where a predictor is missing; and the library of the table.

    Rows that share a label of a grouping factor share its drawn effect; a row without a label is a
    group of its own. Groups that the fit has not seen are drawn also when the fitted ones are held.

    Raises
    ------
    NeedsRows : the fit was made from moments, without a table
    NotYetSupported : correlated residuals
    """
    if isinstance(fit, LmmFit) and fit.residual is not None and fit.residual.correlation:
        raise NotYetSupported(
            f"simulate(new=...) draws independent residuals, and this model has "
            f"residual={fit.residual.structure!r}. Without new= the rows of the fit are drawn."
        )
    if fit.built is None:
        raise NeedsRows("New rows need a fit made from a table; this one was made from moments.")
    frame = Frame.of(table)
    mixed = isinstance(fit, LmmFit)
    every = range(len(fit.built.effect_recipes))
    held = every if mixed and random == "fitted" else ()
    laid = new_rows(fit, fit.built, frame, factors=held, columns_of=every, noise=True)
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    Y = np.repeat((laid.rows.X @ beta + laid.rows.offset)[:, None], R, axis=1)
    if isinstance(fit, LmmFit):
        Y += _random_part(fit, frame, laid, R, rng, random)
    Y += _sd(fit, laid)[:, None] * rng.standard_normal(Y.shape)
    out = np.full((frame.n, R), np.nan)
    out[laid.present] = Y
    return out, frame.backend


def _random_part(
    fit: LmmFit, frame: Frame, laid: NewRows, R: int, rng: np.random.Generator, random: str
) -> Array:
    out = np.zeros((laid.rows.m, R))
    lam, modes = fit.optimum.sigma * fit.optimum.lam, all_effects(fit)
    for f, part in enumerate(fit.problem.blocks.parts):
        codes = _labels(fit, f, frame, laid.present)
        J = int(codes.max(initial=-1)) + 1
        q = part.stop - part.start
        b = np.einsum("ab,jbr->jar", lam[part, part], rng.standard_normal((J, q, R)))
        if random == "fitted":
            seen = laid.rows.codes[f] >= 0
            b[codes[seen]] = modes[f].mode[laid.rows.codes[f][seen]][:, :, None]
        for a, column in enumerate(laid.rows.Z[f].T):
            out += column[:, None] * b[codes, a]
    return out


def _labels(fit: LmmFit, f: int, frame: Frame, present: NDArray[np.bool_]) -> Places:
    """(m,) number of each row's group among those of the new table."""
    names = next(t.group for t in fit.spec.random if ":".join(t.group) == fit.factors[f])
    columns = [frame.groups(name, f"simulate(new=...): {name!r}") for name in names]
    keys = np.column_stack([column.values[present] for column in columns])
    alone = np.flatnonzero((keys < 0).any(axis=1))
    apart = np.zeros(len(keys), dtype=keys.dtype)
    apart[alone] = 1 + np.arange(len(alone))
    _, codes = np.unique(np.column_stack([keys, apart]), axis=0, return_inverse=True)
    return codes.ravel().astype(np.intp)


def _sd(fit: LmmFit | OlsFit, laid: NewRows) -> Array:
    """Residual SD of each new row."""
    sd = np.full(laid.rows.m, np.sqrt(fit.sigma2) if isinstance(fit, OlsFit) else fit.optimum.sigma)
    if isinstance(fit, LmmFit) and fit.residual is not None and laid.stratum is not None:
        sd = fit.residual.sd[laid.stratum]
    if laid.rows.precision is not None:
        sd = sd / np.sqrt(laid.rows.precision)
    return sd
