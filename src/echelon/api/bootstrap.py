"""`fit.bootstrap()`: replicates of a fit, their standard errors and intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from echelon.api.options import known_options
from echelon.api.progress import progress as bar
from echelon.api.shown import Shown
from echelon.infer.bootstrap import (
    Bootstrap,
    Interval,
    Scale,
    Statistic,
    bootstrap_frame,
    bootstrap_intervals,
    bootstrap_values,
)
from echelon.model.fit import LmmFit
from echelon.plot.bootstrap import bootstrap_plot

if TYPE_CHECKING:
    from echelon.api.results import LMM
    from echelon.show.table import Table


def _table(
    result: Bootstrap,
    *,
    level: float = 0.95,
    interval: Interval = "percentile",
    scale: Scale = "sd",
    digits: int = 3,
) -> Table:
    """The estimates with bias, standard error and interval, as a `Table`."""
    from echelon.show.bootstrap import bootstrap_table

    return bootstrap_table(result, level=level, interval=interval, scale=scale, digits=digits)


class BootstrapResult(Shown, Bootstrap):
    """Bootstrap replicates of a fit; see `Bootstrap` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Bootstrap) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Bootstrap)})

    frame = bootstrap_frame
    intervals = bootstrap_intervals
    table = _table
    plot = bootstrap_plot


@dataclass(frozen=True, slots=True)
class _OfLmm:
    """A statistic of a fit with methods, as one of a plain fit; saved where the function is."""

    statistic: Callable[[LMM], object]

    def __call__(self, fit: LmmFit) -> object:
        from echelon.api.results import LMM

        return self.statistic(LMM.of(fit))


@known_options
def bootstrap(
    fit: LmmFit,
    statistic: Callable[[LMM], object] | None = None,
    *,
    n: int = 1000,
    kind: Literal["parametric", "case", "residual"] = "parametric",
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> BootstrapResult:
    """Replicate a fit: standard errors, bias and intervals of its parameters, or of anything else.

    Parameters
    ----------
    statistic : None for all parameters (fixed effects, standard deviations and correlations of the
        random effects, sigma). Or a function of a fit that returns a number, a sequence of numbers
        or a dict of names and numbers, as `lambda fit: fit.icc()`
    n : replicates
    kind : "parametric": random effects and residuals are drawn from the fitted model. "case": whole
        groups, with all that is inside them, are drawn with replacement and count as new groups;
        in nested models those of the highest level. "residual": random effects and residuals are
        drawn from the estimated ones, brought to the estimated variances
    rng : seed or generator of the draws; None for other draws at every call
    progress : True shows a progress bar, False none; None shows one on a terminal when it takes
        more than a second

    Returns
    -------
    BootstrapResult : print it; `.frame()` in the caller's dataframe library, `.intervals()`,
        `.table()`; `.replicates` (n, m), `.std_error`, `.bias`, `.counts` of replicates that
        converged, ended on the boundary, failed

    Raises
    ------
    DataError, UnknownOption, UnknownArgument : options that make no sense; a statistic that returns
        no numbers, or other names than before, or that failed every time
    NotYetSupported : residual structures; the iterative method; cases of crossed factors
    NeedsRows : cases and residuals of a fit from summaries
    NoConvergence : every refit failed

    Notes
    -----
    Parameters of a parametric bootstrap cost nothing in n: cross-products are drawn, not rows, and
    with one grouping factor all replicates are fitted together; cases cost one fit each, from
    moments; residuals O(n). A statistic costs a full fit with rows for each replicate, a few
    milliseconds and O(n), and itself. Replicates whose fit or statistic fails are left out, counted
    and shown.

    `bootstrap-parametric`, `bootstrap-case`, `bootstrap-residual`; davison1997, vanderleeden2008,
    carpenter2003.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> found = fit.bootstrap(n=500, rng=1)
    >>> found.terms[-1], round(float(found.std_error[-1]), 1)
    ('sigma', 1.5)
    >>> fit.bootstrap(lambda fit: {"total": fit.sigma**2}, n=20, rng=1).terms
    ('total',)
    """
    wrapped: Statistic | None = _OfLmm(statistic) if callable(statistic) else statistic
    with bar("Bootstrap", n, progress) as tell:
        found = bootstrap_values(fit, wrapped, n=n, kind=kind, rng=rng, tell=tell)
    return BootstrapResult.of(found)
