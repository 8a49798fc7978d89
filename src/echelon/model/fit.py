"""The frozen result of a linear mixed model and of a linear model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.data import Missing
from echelon.design.build import Built
from echelon.errors import DataError, NeedsRows, NotYetSupported, UnknownOption
from echelon.estimate.optimum import Optimum
from echelon.estimate.problem import Problem
from echelon.estimate.verdict import Verdict
from echelon.formula import ModelSpec
from echelon.model.residual import Residual
from echelon.moments import GroupMoments, Moments

Array = NDArray[np.float64]
DfMethod = Literal["satterthwaite", "kenward-roger", "between-within", "none"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the data came from.

    Attributes
    ----------
    kind : "rows" or "summaries"
    backend : the caller's dataframe library, in which result tables come back
    missing : rows in the table, rows used, rows lost by variable
    about : what every reader should know of the data, e.g. that they are synthetic; ""
    seconds : wall time by stage: "design", "compress", "prepare", "search", "finish"
    index : the row labels of a pandas table, to give back what has one value a row; None elsewhere
    """

    kind: Literal["rows", "summaries"]
    backend: str
    missing: Missing
    about: str = ""
    seconds: tuple[tuple[str, float], ...] = ()
    index: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LmmFit:
    """A fitted linear mixed model: complete when built, never changed.

    Attributes
    ----------
    spec : the formula
    reml : True for REML, False for maximum likelihood
    df_method : how denominator degrees of freedom are found
    moments : sufficient statistics of the data
    problem : the same in working units
    lam_working : (q, q) covariance factor of all factors' effects in working units
    optimum : estimates in the user's units
    verdict : whether they are the optimum
    source : where the data came from
    built : the design over rows; None when the fit was made from moments alone
    residual : the residual structure (`lmer(residual=...)`); None for independent residuals of one
        variance. Then `moments` are those under the structure at the estimates, and `sigma` is the
        residual SD of its first stratum.
    """

    spec: ModelSpec
    reml: bool
    df_method: DfMethod
    moments: Moments
    problem: Problem
    lam_working: Array
    optimum: Optimum
    verdict: Verdict
    source: Source
    built: Built | None
    residual: Residual | None = None

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the grouping factors, in the order of the formula."""
        return tuple(group.factor for group in self.moments.groups)

    def place(self, factor: str | None = None) -> int:
        """Number of a grouping factor; of the only one when none is named.

        Raises
        ------
        UnknownOption : no such factor
        DataError : several factors and none named
        """
        if factor is None and len(self.factors) > 1:
            raise DataError(
                f"This model has {len(self.factors)} grouping factors. Name one of them: "
                f"{', '.join(map(repr, self.factors))}."
            )
        if factor is not None and factor not in self.factors:
            raise UnknownOption("factor", factor, self.factors)
        return 0 if factor is None else self.factors.index(factor)

    def group(self, factor: str | None = None) -> GroupMoments:
        """Moments of a grouping factor; of the only one when none is named."""
        return self.moments.groups[self.place(factor)]

    @property
    def group_moments(self) -> GroupMoments:
        """Moments of the only grouping factor."""
        return self.group()

    @property
    def factor(self) -> str:
        """Name of the only grouping factor."""
        return self.group().factor

    @property
    def effects(self) -> tuple[str, ...]:
        """Names of the random effects of the only grouping factor, in order."""
        return self.group().effects

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fixed effects, in order."""
        return self.problem.fixed.names

    @property
    def dropped(self) -> tuple[str, ...]:
        """Fixed columns left out because they are combinations of earlier ones."""
        return self.problem.fixed.dropped

    @property
    def response(self) -> str:
        """The response as typed."""
        return self.spec.response

    @property
    def n(self) -> int:
        """Rows used (behind the summaries, when fitted from summaries)."""
        return self.moments.n

    @property
    def J(self) -> int:
        """Groups of the only grouping factor."""
        return len(self.group().levels)

    @property
    def plain_moments(self) -> Moments:
        """Moments of the rows as they are, whatever the residual structure: means, same data."""
        return self.moments if self.residual is None else self.residual.plain

    def require_plain(self, what: str) -> None:
        """Refuse what has no one meaning under a residual structure.

        Raises
        ------
        NotYetSupported : the fit has one
        """
        if self.residual is not None:
            raise NotYetSupported(
                f"{what} assumes independent residuals of one variance, and this model has "
                f"residual={self.residual.structure!r}. The variances are in "
                "variance_components() and in fit.residual."
            )

    def rows(self, what: str) -> Built:
        """The design over rows.

        Raises
        ------
        NeedsRows : the fit was made from summaries
        """
        if self.built is None or self.source.kind == "summaries":
            raise NeedsRows(
                f"{what}: this takes single rows, and the model was fitted from summaries "
                "(n, mean, sd)."
            )
        return self.built


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OlsFit:
    """A fitted linear model.

    Attributes
    ----------
    spec, moments, source, built : as in `LmmFit`
    names, dropped : fixed columns kept and left out
    beta : (p,);  vcov_beta : (p, p)
    sigma2 : residual variance (residual sum of squares over n - p)
    rss, tss : residual and total sum of squares (about the mean when there is a constant)
    """

    spec: ModelSpec
    moments: Moments
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    beta: Array
    vcov_beta: Array
    sigma2: float
    rss: float
    tss: float
    source: Source
    built: Built

    @property
    def n(self) -> int:
        """Rows used."""
        return self.moments.n

    @property
    def response(self) -> str:
        """The response as typed."""
        return self.spec.response

    @property
    def df_resid(self) -> int:
        """Residual degrees of freedom n - p."""
        return self.n - len(self.names)
