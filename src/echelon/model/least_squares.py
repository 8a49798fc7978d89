"""A linear model without random effects: least squares from the moments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from echelon import tolerances
from echelon.data import Frame
from echelon.design.build import Built, Extra, build
from echelon.errors import NotIdentified
from echelon.estimate.problem import fixed_part
from echelon.formula import ModelSpec, parse
from echelon.linalg.threads import serial
from echelon.linalg.triangular import inverse
from echelon.model.accepted import linear
from echelon.model.fit import OlsFit, Source
from echelon.moments import from_rows


@serial
def fit_ols(
    formula: str,
    data: object,
    *,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
) -> OlsFit:
    """Fit a linear model by (weighted) least squares, from its moments."""
    frame = Frame.of(data)
    spec = linear(parse(formula, frame.columns))
    built = build(spec, frame, precision=precision, offset=offset, contrasts=contrasts)
    source = Source("rows", frame.backend, built.missing, frame.about, index=frame.index)
    return fit_built(built, spec, source)


@serial
def fit_built(built: Built, spec: ModelSpec, source: Source) -> OlsFit:
    """Fit a linear model to a design that is laid out already."""
    moments = from_rows(built.design)
    fixed = fixed_part(moments)
    cross = fixed.lay.T @ moments.cross @ fixed.lay
    df = moments.n - fixed.p
    if df < 0 or fixed.p == 0:
        raise NotIdentified(f"{moments.n} rows cannot estimate {fixed.p} coefficients.")
    beta = np.linalg.solve(cross[:-1, :-1], cross[:-1, -1])
    root = fixed.back @ inverse(np.linalg.cholesky(cross[:-1, :-1]).astype(np.float64)).T
    rss = max(float(cross[-1, -1] - cross[:-1, -1] @ beta), 0.0)
    raw = float(moments.cross[-1, -1] + moments.weight * moments.centre[-1] ** 2)
    if rss <= tolerances.PERFECT_FIT * float(moments.cross[-1, -1]):
        rss = 0.0
    sigma2 = rss / df if df > 0 else np.nan
    return OlsFit(
        spec=spec,
        moments=moments,
        names=fixed.names,
        dropped=fixed.dropped,
        beta=fixed.back @ beta + fixed.shift,
        vcov_beta=sigma2 * (root @ root.T),
        sigma2=sigma2,
        rss=rss,
        tss=float(moments.cross[-1, -1]) if moments.intercept else raw,
        source=source,
        built=built,
    )
