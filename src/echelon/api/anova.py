"""`fit.anova()`: the terms of one model tested, one row a term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self, cast

from echelon.api.shown import Shown
from echelon.errors import DataError
from echelon.infer.anova import Anova, AnovaType, Containment, anova_frame, anova_values
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit

if TYPE_CHECKING:
    from echelon.api.likelihood import ComparisonResult
    from echelon.show.table import Table


def _anova_table(values: Anova, *, digits: int = 3, stars: bool = True) -> Table:
    """The tests as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.hypotheses import anova_table

    return anova_table(values, digits=digits, stars=stars)


class AnovaResult(Shown, Anova):
    """Tests of the terms of a model; see `Anova` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Anova) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Anova)})

    frame = anova_frame
    table = _anova_table


def anova_of_terms(
    fit: LmmFit | OlsFit,
    *others: LmmFit | OlsFit,
    type: AnovaType | int | None = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    containment: Containment | None = None,
    names: Sequence[str] | None = None,
    refit: bool | None = None,
) -> AnovaResult | ComparisonResult:
    """Test every term of the fixed part by F tests: an analysis of variance table.

    Parameters
    ----------
    others : further fits: then the models are compared, as `ec.anova(fit, *others)`
    type : "I", each term after those before it; "II", after all but those that contain it; "III"
        (the default), after all others, whatever the coding of the factors. Or 1, 2, 3
    df : "satterthwaite", "kenward-roger", "between-within", or "none" for Wald chi-square tests;
        None for the choice made when fitting
    robust : "CR0", "CR1", "CR1S" or "CR2" for F tests by a cluster-robust covariance
    cluster : for robust: a grouping factor by name, or one label a row; None for the outermost
    containment : which terms contain another in type II. "sas", as SAS and lmerTest: those with all
        its variables, more factors and the same covariates. "car", as R's car::Anova: all with its
        variables, `x:f` for `f` too; with type III the coefficients as they are coded
    names, refit : with `others`, as in `ec.anova`

    Returns
    -------
    AnovaResult : frozen; print it; arrays `sum_sq`, `mean_sq`, `df1`, `df2`, `statistic`,
        `p_value` with one value a term, `names`, `hypotheses`; `.frame()` in the caller's library,
        `.table()` for Word, PowerPoint, HTML, LaTeX

    Raises
    ------
    UnknownOption : an option that is none of these
    DataError : options of one model's tests with `others`, or the other way round
    NeedsRows : the fit was made from moments, without a formula laid over a table

    Notes
    -----
    `anova-sequential`, `anova-two`, `anova-three`, `anova-squares`; kuznetsova2017, goodnight1980.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (1 | school)", hsb)
    >>> found = fit.anova()
    >>> found.names, found.statistic.round(1).tolist()
    (('ses', 'sector', 'ses:sector'), [468.7, 39.2, 38.4])
    """
    if others:
        of_terms = (robust, cluster, containment)
        return _against(fit, others, of_terms, type=type, df=df, names=names, refit=refit)
    if names is not None or refit is not None:
        raise DataError(
            "names= and refit= compare models, and anova() was given one. Give it two or more."
        )
    found = anova_values(
        fit,
        type="III" if type is None else type,
        df=df,
        robust=robust,
        cluster=cluster,
        containment="sas" if containment is None else containment,
    )
    return AnovaResult.of(found)


def _against(
    fit: LmmFit | OlsFit,
    others: tuple[LmmFit | OlsFit, ...],
    of_terms: tuple[object, ...],
    *,
    type: AnovaType | int | None,
    df: str | None,
    names: Sequence[str] | None,
    refit: bool | None,
) -> ComparisonResult:
    """The models compared; options that belong to the tests of terms refused."""
    for other in others:
        if not isinstance(other, LmmFit | OlsFit):
            short = repr(other) if isinstance(other, str | int | float) else f"a {_kind(other)}"
            raise DataError(
                f"anova() was given {short}, which is no fit. Options are named, as in "
                'fit.anova(type="II").'
            )
    if any(option is not None for option in of_terms):
        raise DataError(
            "robust=, cluster= and containment= are of the tests of one model's terms; several "
            "models are compared by their likelihoods."
        )
    from echelon.api.likelihood import anova

    return cast("ComparisonResult", anova(fit, *others, type=type, df=df, names=names, refit=refit))


def _kind(value: object) -> str:
    return value.__class__.__name__
