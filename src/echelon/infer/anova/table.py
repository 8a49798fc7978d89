"""Analysis of variance tables: a test of every term of the fixed part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.errors import DataError, UnknownOption
from echelon.infer.anova.hypotheses import by_marginality, own, type_one, type_three, type_two
from echelon.infer.anova.notes import Kind, notes
from echelon.infer.anova.terms import FixedTerms, fixed_terms
from echelon.infer.choose import uncertainty
from echelon.infer.robust import Sandwich
from echelon.infer.robust.clusters import Cluster
from echelon.infer.uncertainty import Joint, Uncertainty
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
AnovaType = Literal["I", "II", "III"]
Containment = Literal["sas", "car"]
_TYPES: dict[str, AnovaType] = {"1": "I", "2": "II", "3": "III", "I": "I", "II": "II", "III": "III"}


@dataclass(frozen=True, slots=True, eq=False)
class Anova:
    """One test a term, arrays of length t.

    Attributes
    ----------
    names : the terms, in the order of the formula
    sum_sq, mean_sq : F sigma^2 df1 and F sigma^2, F before any scaling: for balanced data and for
        linear models the sums of squares of the analysis of variance; nan with robust covariances
    df1, df2 : degrees of freedom; df1 = 0 where no coefficient of the term is left to test
    statistic : F; where `chi_square`, chi-square on df1
    p_value : upper tail area
    kind : "I", "II", "III", or "drop" (see `drop1_f`)
    containment : which terms contain others, "sas" or "car"
    method : of the degrees of freedom
    formula, backend : of the fit
    residual : residual sum of squares and degrees of freedom of a linear model; None for others
    hypotheses : L (df1, p) of each term: what is tested is L beta = 0
    notes : what was tested, and where care is needed, one sentence each
    chi_square : whether the tests are Wald tests without denominator degrees of freedom
    sandwich : the robust covariance, if it was asked for
    """

    names: tuple[str, ...]
    sum_sq: Array
    mean_sq: Array
    df1: Array
    df2: Array
    statistic: Array
    p_value: Array
    kind: Kind
    containment: Containment
    method: str
    formula: str
    backend: str
    residual: tuple[float, int] | None
    hypotheses: tuple[Array, ...]
    notes: tuple[str, ...]
    chi_square: bool
    sandwich: Sandwich | None = None


def anova_values(
    fit: LmmFit | OlsFit,
    *,
    type: AnovaType | int | str = "III",
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    containment: Containment = "sas",
) -> Anova:
    """Test each term of the fixed part.

    Parameters
    ----------
    type : "I", "II", "III" or 1, 2, 3
    df, robust, cluster : method of the denominator degrees of freedom, and robust covariance; see
        `uncertainty`
    containment : "sas" as SAS and lmerTest; "car" as R's car::Anova

    Raises
    ------
    UnknownOption : an option that is none of these
    NeedsRows : the fit was made from moments, without a formula laid over a table
    """
    kind, terms = _kind(type), fixed_terms(fit)
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    if containment not in ("sas", "car"):
        raise UnknownOption("containment", containment, ("sas", "car"))
    names, tested = terms.names, _hypotheses(kind, containment, terms, known)
    if kind == "III" and containment == "car" and -1 in terms.owner:
        names = ("(Intercept)", *names)
        tested = [np.eye(len(terms.owner))[:1], *tested]
    return table_of(
        fit, terms, known, names=names, hypotheses=tested, kind=kind, containment=containment
    )


def _kind(type: object) -> AnovaType:
    """The type in Roman numerals."""
    named = str(type).strip().upper()
    if named not in _TYPES:
        raise UnknownOption("type", type, ("I", "II", "III"))
    return _TYPES[named]


def _hypotheses(
    kind: AnovaType, containment: Containment, terms: FixedTerms, known: Uncertainty
) -> list[Array]:
    """L of each term."""
    if containment == "car":
        if kind == "I":
            raise DataError('containment="car" has types II and III; type I is one and the same.')
        return own(terms) if kind == "III" else by_marginality(terms, known.vcov)
    if kind == "I" or len(terms.names) == 1:
        return type_one(terms)
    types: dict[AnovaType, Callable[[FixedTerms], list[Array]]]
    types = {"II": type_two, "III": type_three}
    return types[kind](terms)


def table_of(
    fit: LmmFit | OlsFit,
    terms: FixedTerms,
    known: Uncertainty,
    *,
    names: Sequence[str],
    hypotheses: Sequence[Array],
    kind: Kind,
    containment: Containment = "sas",
) -> Anova:
    """Test L beta = 0 for each L of independent rows.

    Notes
    -----
    Mean square = sigma^2 F, F before any scaling by the method, and sum of squares = df1 times it
    (`anova-squares`; kuznetsova2017).
    """
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    sigma2 = fit.optimum.sigma**2 if isinstance(fit, LmmFit) else fit.sigma2
    tests = [tested(known, L, L @ beta) for L in hypotheses]
    F, df1, df2, p, scale = (
        np.array([getattr(test, name) for test in tests], dtype=np.float64)
        for name in ("statistic", "df1", "df2", "p_value", "scale")
    )
    wald = known.method == "none"
    if isinstance(known, Sandwich):
        sigma2, wald = np.nan, bool(np.isinf(df2[df1 > 0]).all())
    mean_sq = sigma2 * F / scale
    return Anova(
        names=tuple(names),
        sum_sq=mean_sq * df1,
        mean_sq=mean_sq,
        df1=df1,
        df2=df2,
        statistic=df1 * F if wald else F,
        p_value=p,
        kind=kind,
        containment=containment,
        method=known.method,
        formula=" ".join(fit.spec.formula.split()),
        backend=fit.source.backend,
        residual=(fit.rss, fit.df_resid) if isinstance(fit, OlsFit) else None,
        hypotheses=tuple(hypotheses),
        notes=notes(terms, kind, containment, names, df1.tolist()),
        sandwich=known if isinstance(known, Sandwich) else None,
        chi_square=wald,
    )


def tested(known: Uncertainty, L: Array, distance: Array) -> Joint:
    """The joint test of independent rows; nan where there are none, or no variance is known."""
    variances = np.einsum("mp,pr,mr->m", L, known.vcov, L)
    if not len(L) or not (variances > 0).all():  # no residual degrees of freedom, a perfect fit
        return Joint(np.nan, len(L), np.nan, np.nan)
    return known.denominator(L, distance)


def anova_frame(values: Anova) -> object:
    """The tests as a table in the caller's dataframe library.

    Returns
    -------
    one row a term: term, sum_sq, mean_sq, df1, df2, statistic (F), p_value, the squares not with
    robust covariances; of Wald tests: term, statistic (chi-square), df, p_value
    """
    tail: dict[str, Values] = {"statistic": values.statistic, "p_value": values.p_value}
    names: dict[str, Values] = {"term": list(values.names)}
    df1 = values.df1.astype(np.int64)
    if values.chi_square:
        columns = {**names, "statistic": values.statistic, "df": df1, **tail}
        return to_native(columns, values.backend)
    squares: dict[str, Values] = {}
    if values.sandwich is None:
        squares = {"sum_sq": values.sum_sq, "mean_sq": values.mean_sq}
    return to_native({**names, **squares, "df1": df1, "df2": values.df2, **tail}, values.backend)
