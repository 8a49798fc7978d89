"""Bootstrap a fit: draw, refit, gather."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, NoConvergence, NotYetSupported, UnknownOption
from echelon.infer.bootstrap.draws import Kind, fits, pieces
from echelon.infer.bootstrap.parameters import parameters
from echelon.infer.bootstrap.result import Bootstrap
from echelon.infer.bootstrap.statistic import Statistic, again, first
from echelon.linalg.generators import generator
from echelon.linalg.threads import serial
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used

Array = NDArray[np.float64]
Rng = int | np.random.Generator | None
Tell = Callable[[int], None]
"""Is told how many replicates are done."""


@serial
def bootstrap_values(
    fit: LmmFit,
    statistic: Statistic | None = None,
    *,
    n: int = 1000,
    kind: str = "parametric",
    rng: Rng = None,
    tell: Tell | None = None,
) -> Bootstrap:
    """Replicate a fit n times.

    Parameters
    ----------
    statistic : computed of each replicate's full fit; None for the parameters, whose replicates
        are fitted together
    n : replicates, at least 2
    kind : see `Kind`
    rng : seed or generator; None for fresh entropy
    tell : called with the number of replicates done

    Raises
    ------
    DataError : `n` or `rng` is not of its kind; a statistic that returns no numbers, that is not
        finite for the fit itself, or that failed every time
    NoConvergence : every fit failed
    UnknownOption : `kind` is none of those offered
    NotYetSupported : residual structures; the iterative method; cases of crossed factors
    NeedsRows : cases or residuals of a fit from summaries

    Notes
    -----
    `bootstrap-parametric`, `bootstrap-case`, `bootstrap-residual`; davison1997, vanderleeden2008.
    """
    n, chosen, source = _count(n), _kind(kind), generator(rng)
    _require_exact(fit)
    if statistic is None:
        return _of_parameters(fit, chosen, n, source, tell)
    return _of_statistic(fit, statistic, chosen, n, source, tell)


def _of_parameters(
    fit: LmmFit, kind: Kind, n: int, rng: np.random.Generator, tell: Tell | None
) -> Bootstrap:
    known, values, status, done = parameters(fit), [], [], 0
    for found, ended in pieces(fit, known, kind, n, rng):
        values.append(found)
        status.append(ended)
        done += len(ended)
        if tell is not None:
            tell(done)
    ended = np.concatenate(status)
    failed = int(np.count_nonzero(ended == "failed"))
    if failed == n:
        raise NoConvergence(f"All {n:,} replicates failed: none of the refits has an optimum.")
    return Bootstrap(
        fit=fit,
        kind=kind,
        terms=known.names,
        fixed=known.fixed,
        estimate=known.of(fit),
        replicates=np.concatenate(values),
        status=ended,
        reasons=(("no optimum, or other fixed effects than the fit", failed),) if failed else (),
        statistic=None,
    )


def _of_statistic(
    fit: LmmFit,
    statistic: Statistic,
    kind: Kind,
    n: int,
    rng: np.random.Generator,
    tell: Tell | None,
) -> Bootstrap:
    if not callable(statistic):
        raise DataError(
            f"statistic={statistic!r} is no function. Give one that takes a fit, as in "
            "fit.bootstrap(lambda fit: fit.icc()), or none for all parameters; the number of "
            "replicates is n=."
        )
    like = first(statistic, fit)
    values = np.full((n, len(like.names)), np.nan)
    status, reasons = np.full(n, "failed", dtype="<U9"), Counter[str]()
    for r, found in enumerate(fits(fit, kind, n, rng)):
        value = again(statistic, found, like, r)
        if isinstance(value, str):
            reasons[value] += 1
        else:
            values[r] = value
            status[r] = cast(LmmFit, found).verdict.status
        if tell is not None:
            tell(r + 1)
    ranked = tuple(reasons.most_common())
    if sum(reasons.values()) == n:
        raise DataError(f"The statistic failed in all {n:,} replicates: {ranked[0][0]}.")
    return Bootstrap(
        fit=fit,
        kind=kind,
        terms=like.names,
        fixed=0,
        estimate=like.values,
        replicates=values,
        status=status,
        reasons=ranked,
        statistic=statistic,
    )


def _count(n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 2:
        raise DataError(f"n={n!r}: a whole number of replicates, at least 2, as in n=1000.")
    return int(n)


def _kind(kind: str) -> Kind:
    if kind not in get_args(Kind):
        raise UnknownOption("kind", kind, get_args(Kind))
    return cast(Kind, kind)


def _require_exact(fit: LmmFit) -> None:
    fit.require_plain("bootstrap()")
    if probes_used(fit) is not None:
        raise NotYetSupported(
            'bootstrap() needs method="exact"; this model was fitted by the iterative method.'
        )
