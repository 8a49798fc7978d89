"""`ec.contrast(fit, "sector = 0, ses = meanses")`: linear hypotheses on the fixed effects."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from numpy.typing import ArrayLike

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.infer.asked import Hypothesis
from echelon.infer.contrasts import Contrasts, contrast_frame, contrast_values
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit

if TYPE_CHECKING:
    from echelon.show.table import Table


def _contrast_table(values: Contrasts, *, digits: int = 3, stars: bool = True) -> Table:
    """The tests as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.hypotheses import contrast_table

    return contrast_table(values, digits=digits, stars=stars)


class ContrastResult(Shown, Contrasts):
    """Tests of linear hypotheses; see `Contrasts` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Contrasts) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Contrasts)})

    frame = contrast_frame
    table = _contrast_table


@known_options
def contrast(
    fit: LmmFit | OlsFit,
    hypothesis: Hypothesis,
    *,
    rhs: ArrayLike | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> ContrastResult:
    """Test linear hypotheses on the fixed effects, each by itself and all at once.

    Parameters
    ----------
    fit : of `lmer` or `lm`
    hypothesis : equations between linear functions of the fixed effects, named as in the table of
        coefficients: "sector = 0", "sector = 0, ses = meanses", "2*ses - 3 = meanses", "a = b = c".
        Names with unusual characters go in backticks; the mark of a coding may be left out,
        "sector[Catholic]" for "sector[T.Catholic]". Or a list of such texts; a mapping of labels
        to texts or to weights by name, {"difference": {"ses": 1, "meanses": -1}}; a matrix with one
        column for each fixed effect
    rhs : what weights or the rows of a matrix are tested against; 0 without
    df : method of the degrees of freedom; None for the choice made when fitting
    robust : "CR0", "CR1", "CR1S" or "CR2" for cluster-robust standard errors
    cluster : for robust: a grouping factor by name, or one label a row; None for the outermost
    level : coverage of the intervals

    Returns
    -------
    ContrastResult : frozen; print it; arrays `estimate`, `null`, `std_error`, `df`, `statistic`,
        `p_value`, `conf_low`, `conf_high` with one value a hypothesis; `joint_test` of all at once
        with `statistic` (F), `df1`, `df2`, `p_value`; `.frame()` in the caller's library,
        `.table()` for Word, PowerPoint, HTML, LaTeX. The estimate is without the constants:
        of 2*ses - meanses in "2*ses - 3 = meanses", tested against 3

    Raises
    ------
    FormulaError : a name that is no fixed effect, or an equation that is not linear
    DataError : hypotheses that contradict each other; a matrix of another shape
    UnknownOption : `df` is none of the methods offered

    Notes
    -----
    `contrast-t`, `contrast-joint`; kuznetsova2017.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses + meanses + sector + (1 | school)", hsb)
    >>> found = ec.contrast(fit, "ses = meanses, sector = 1")
    >>> found.names, found.joint_test.df1, round(found.joint_test.statistic, 3)
    (('ses = meanses', 'sector = 1'), 2, 3.59)
    """
    found = contrast_values(
        fit, hypothesis, rhs=rhs, df=df, robust=robust, cluster=cluster, level=level
    )
    return ContrastResult.of(found)
