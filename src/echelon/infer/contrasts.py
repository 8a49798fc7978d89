"""Linear hypotheses on the fixed effects: each by itself, and all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echelon import tolerances
from echelon.data import Values, to_native
from echelon.errors import DataError
from echelon.infer.anova.table import tested
from echelon.infer.asked import Hypothesis, asked
from echelon.infer.choose import uncertainty
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.hypotheses import Hypotheses
from echelon.infer.robust import Sandwich
from echelon.infer.robust.clusters import Cluster
from echelon.infer.uncertainty import Joint
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Linear functions of the fixed effects, each tested against a value, and all together.

    Attributes
    ----------
    rows : estimates, tests and intervals of L beta, one a hypothesis
    null : (m,) the values they are tested against
    L : (m, p)
    joint_test : the test of all at once: F, df1, df2, p
    redundant : hypotheses that follow from those before them, which do not count in the joint test
    formula, backend : of the fit
    sandwich : the robust covariance, if it was asked for
    """

    rows: Estimates
    null: Array
    L: Array
    joint_test: Joint
    redundant: tuple[str, ...]
    formula: str
    backend: str
    sandwich: Sandwich | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The hypotheses as written."""
        return self.rows.names

    @property
    def estimate(self) -> Array:
        """(m,) L beta."""
        return self.rows.estimate

    @property
    def std_error(self) -> Array:
        """(m,) standard errors."""
        return self.rows.std_error

    @property
    def df(self) -> Array:
        """(m,) degrees of freedom; inf for z tests."""
        return self.rows.df

    @property
    def statistic(self) -> Array:
        """(m,) (estimate - null) / standard error."""
        return self.rows.statistic

    @property
    def p_value(self) -> Array:
        """(m,) two-sided."""
        return self.rows.p_value

    @property
    def conf_low(self) -> Array:
        """(m,) lower limits of L beta."""
        return self.rows.conf_low

    @property
    def conf_high(self) -> Array:
        """(m,) upper limits of L beta."""
        return self.rows.conf_high


def contrast_values(
    fit: LmmFit | OlsFit,
    hypothesis: Hypothesis,
    *,
    rhs: ArrayLike | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> Contrasts:
    """Test linear hypotheses on the fixed effects.

    Parameters
    ----------
    hypothesis : text or texts ("sector = 0, ses = schmeansesc"), a mapping of labels to texts or to
        weights by name, or a matrix L (m, p)
    rhs : (m,) what L beta is tested against, with a matrix or weights; 0 without
    df, robust, cluster : method of the degrees of freedom, and robust standard errors; see
        `uncertainty`
    level : coverage of the intervals

    Raises
    ------
    FormulaError : a text that is not understood; DataError : a matrix of another shape, hypotheses
        that contradict each other
    UnknownOption : `df` is none of the methods offered

    Notes
    -----
    t = (L beta - null) / SE by row (`contrast-t`), F of the independent rows (`contrast-joint`).
    """
    given = asked(fit, hypothesis, rhs)
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    rows = estimates(given.labels, given.L, beta, known, level=level, null=given.null)
    kept, redundant = _independent(given, np.sqrt(np.diagonal(known.vcov)))
    L, distance = given.L[kept], (rows.estimate - given.null)[kept]
    return Contrasts(
        rows=rows,
        null=given.null,
        L=given.L,
        joint_test=tested(known, L, distance),
        redundant=tuple(given.labels[i] for i in redundant),
        formula=" ".join(fit.spec.formula.split()),
        backend=fit.source.backend,
        sandwich=known if isinstance(known, Sandwich) else None,
    )


def contrast_frame(values: Contrasts) -> object:
    """The rows as a table in the caller's dataframe library.

    Returns
    -------
    one row a hypothesis: contrast, estimate, null, std_error, df, statistic, p_value, conf_low,
    conf_high
    """
    columns = values.rows.columns("contrast")
    made: dict[str, Values] = {}
    for name, column in columns.items():
        made[name] = column
        if name == "estimate":
            made["null"] = values.null
    return to_native(made, values.backend)


def _independent(given: Hypotheses, se: Array) -> tuple[list[int], list[int]]:
    """Rows for the joint test, and those that follow from earlier ones.

    Raises
    ------
    DataError : a row that is a combination of earlier ones, with another value
    """
    scaled = given.L * np.where(np.isfinite(se) & (se > 0), se, 1.0)
    size = np.linalg.norm(scaled, axis=1)
    rows, null = scaled / size[:, None], given.null / size
    kept: list[int] = []
    redundant: list[int] = []
    for i, row in enumerate(rows):
        weights = np.linalg.lstsq(rows[kept].T, row, rcond=None)[0] if kept else np.empty(0)
        left = row - weights @ rows[kept] if kept else row
        if np.linalg.norm(left) > tolerances.SAME_HYPOTHESIS:
            kept.append(i)
            continue
        follows = float(weights @ null[kept])
        reach = max(float(np.abs(weights) @ np.abs(null[kept])), abs(float(null[i])))
        if abs(follows - null[i]) > tolerances.SAME_HYPOTHESIS * reach:
            counted = np.flatnonzero(np.abs(weights) > tolerances.SAME_HYPOTHESIS)
            raise _contradiction(given, i, [kept[k] for k in counted])
        redundant.append(i)
    return kept, redundant


def _contradiction(given: Hypotheses, row: int, others: Sequence[int]) -> DataError:
    named = " and ".join(repr(given.labels[k]) for k in others)
    return DataError(
        f"The hypotheses contradict each other: {given.labels[row]!r} cannot hold together with "
        f"{named}. Test them one at a time."
    )
