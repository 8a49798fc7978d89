"""Moments in which every row counts once: for variances over the rows, whatever their precision."""

from __future__ import annotations

from dataclasses import replace

from echelon.model.fit import LmmFit
from echelon.moments import Moments
from echelon.moments.rows import from_rows


def row_moments(fit: LmmFit) -> Moments:
    """Moments of the rows of a fit without precision weights and without a residual structure.

    One more pass over the rows where there are weights. A fit that has weights and no rows, made
    from moments alone, keeps them: rows then count by their weights.
    """
    plain = fit.plain_moments
    weighted = plain.log_weight != 0 or plain.weight != fit.n
    if not weighted or fit.built is None or fit.source.kind == "summaries":
        return plain
    return from_rows(replace(fit.built.design, precision=None))
