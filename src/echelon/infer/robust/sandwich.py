"""The cluster-robust covariance of the fixed effects as one more `Uncertainty`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, UnknownOption
from echelon.infer.robust.clusters import Cluster, Clusters, clusters
from echelon.infer.robust.freedom import SandwichFreedom, approximate_hotelling
from echelon.infer.robust.gather import Gathered, gathered, plain_meat
from echelon.infer.robust.working import working
from echelon.infer.uncertainty import FixedFreedom, Joint, Uncertainty, joint, wald_per_df
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Correction = Literal["CR0", "CR1", "CR1S", "CR2"]


@dataclass(frozen=True, slots=True, eq=False)
class Sandwich:
    """A covariance of the fixed effects that holds whatever the covariance inside clusters is.

    Attributes
    ----------
    correction : "CR0", "CR1", "CR1S" or "CR2"
    vcov : (p, p) covariance of the fixed effects
    cluster : what the clusters are;  clusters : how many
    freedom : degrees of freedom: of the sandwich itself, or a fixed number, or another method's
    determined : clusters that determine a combination of the fixed effects by themselves
    """

    correction: Correction
    vcov: Array
    cluster: str
    clusters: int
    freedom: SandwichFreedom | Uncertainty
    determined: int = 0

    @property
    def method(self) -> str:
        """The correction."""
        return self.correction

    def df(self, L: Array) -> Array:
        """(m,) degrees of freedom of each row of L (m, p)."""
        return self.freedom.df(L)

    def denominator(self, L: Array, distance: Array) -> Joint:
        """F test: an approximate Hotelling T^2 (HTZ), or Wald's F with the df asked for.

        Raises
        ------
        DataError : the clusters do not determine the covariance of so many functions
        """
        if np.linalg.matrix_rank(_correlation(L @ self.vcov @ L.T), hermitian=True) < len(L):
            raise DataError(
                f"{self.clusters} clusters of {self.cluster!r} are too few to test {len(L)} "
                "functions of the fixed effects at once with robust standard errors."
            )
        F, m = wald_per_df(self.vcov, L, distance)
        if isinstance(self.freedom, SandwichFreedom):
            return approximate_hotelling(self.freedom, L, F)
        return joint(F, m, self.freedom.denominator(L, distance).df2)


def sandwich(
    fit: LmmFit | OlsFit,
    robust: str,
    cluster: Cluster = None,
    *,
    freedom: Uncertainty | Literal["satterthwaite", "clusters"] | None = None,
) -> Sandwich:
    """Cluster-robust covariance of the fixed effects.

    Parameters
    ----------
    robust : "CR0" (no correction, what HLM prints), "CR1" (times J / (J - 1)), "CR1S" (times
        J (n - 1) / ((J - 1)(n - p))), "CR2" (unbiased where the fitted model holds)
    cluster : name of a grouping factor, or one label a row; None for the grouping factor in which
        all others are nested
    freedom : "satterthwaite" for the degrees of freedom of the sandwich itself, "clusters" for
        clusters - 1; a method of inference to take its degrees of freedom; None for the first with
        CR2 and the second otherwise

    Raises
    ------
    UnknownOption, DataError, NeedsRows, NotYetSupported, TooLarge : see the messages

    Notes
    -----
    `cr0`, `cr1`, `cr2-adjustment`; liang1986, bell2002, pustejovsky2018. CR0, CR1 and CR1S cost one
    pass over the rows; CR2 and its degrees of freedom O(n p^2) and for each cluster the cube of p +
    its random effects.

    Examples
    --------
    >>> import numpy as np
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ 1 + (1 | school)", hsb)
    >>> known = sandwich(fit, "CR2")
    >>> print(np.sqrt(np.diag(known.vcov)).round(4), known.df(np.eye(1)).round(1))
    [0.2444] [158.8]
    """
    if robust not in get_args(Correction):
        raise UnknownOption("robust", robust, get_args(Correction))
    correction = cast(Correction, robust)
    if freedom is None:
        freedom = "satterthwaite" if correction == "CR2" else "clusters"
    at = working(fit)
    given = clusters(fit, cluster)
    rows = isinstance(fit, OlsFit) or fit.source.kind == "rows"
    found: Gathered
    if correction == "CR2" or freedom == "satterthwaite" or not rows:
        found = gathered(at, given, adjusted=correction == "CR2")
    else:
        found = plain_meat(fit, at, given)
    vcov = _scale(correction, given, fit) * (at.to_user @ found.meat @ at.to_user.T)
    chosen: SandwichFreedom | Uncertainty
    if freedom == "clusters":
        chosen = FixedFreedom("clusters", vcov, float(given.count - 1))
    elif freedom == "satterthwaite":
        assert found.freedom is not None
        chosen = found.freedom
    else:
        chosen = freedom
    return Sandwich(correction, vcov, given.name, given.count, chosen, found.determined)


def _scale(correction: Correction, given: Clusters, fit: LmmFit | OlsFit) -> float:
    J, n, p = given.count, fit.n, len(fit.names)
    if correction == "CR1":
        return J / (J - 1)
    if correction == "CR1S":
        return J * (n - 1) / ((J - 1) * (n - p)) if n > p else np.nan
    return 1.0


def _correlation(A: Array) -> Array:
    size = np.sqrt(np.maximum(np.diagonal(A), 0.0))
    size = np.where(size > 0, size, 1.0)
    return np.asarray(A / np.outer(size, size))
