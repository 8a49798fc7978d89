"""Likelihood-ratio tests: `ec.anova(m0, m1)`, `fit.ranova()`, `fit.drop1()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Literal, Self

from echelon.api.anova import AnovaResult, anova_of_terms
from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.errors import DataError, UnknownOption
from echelon.infer.anova import AnovaType, drop1_f
from echelon.infer.likelihood import (
    Comparison,
    TermTests,
    compare_likelihoods,
    comparison_frame,
    fixed_term_tests,
    random_term_tests,
    term_tests_frame,
)
from echelon.model.fit import LmmFit, OlsFit

if TYPE_CHECKING:
    from echelon.show.table import Table


def _comparison_table(found: Comparison, *, digits: int = 3, stars: bool = True) -> Table:
    """The comparison as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.likelihood import comparison_table

    return comparison_table(found, digits=digits, stars=stars)


def _term_tests_table(tests: TermTests, *, digits: int = 3, stars: bool = True) -> Table:
    """The tests as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.likelihood import term_tests_table

    return term_tests_table(tests, digits=digits, stars=stars)


class ComparisonResult(Shown, Comparison):
    """Models compared by likelihood; see `Comparison` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Comparison) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Comparison)})

    frame = comparison_frame
    table = _comparison_table


class TermTestsResult(Shown, TermTests):
    """Tests of single terms; see `TermTests` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: TermTests) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(TermTests)})

    frame = term_tests_frame
    table = _term_tests_table


@known_options
def ranova(fit: LmmFit, *, reduce: bool = True) -> TermTestsResult:
    """Test every random term: the likelihood ratio of the model with less of it.

    Parameters
    ----------
    reduce : True to take slopes out one at a time, (x | g) to (1 | g), and (1 | g) altogether;
        False to take out whole terms

    Returns
    -------
    TermTestsResult : frozen; print it; `.frame()` in the caller's library, `.table()` for Word,
        PowerPoint, HTML, LaTeX. p_value is from chi-square, as lmerTest's; p_mixture is of the
        law that holds for a variance, which cannot be negative

    Raises
    ------
    NotYetSupported : the fit was made by the iterative method

    Notes
    -----
    By the criterion of the fit, REML or ML, from its moments: rows are not read again (`lrt`,
    `mixture-one`; kuznetsova2017, stramlee1994).

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> found = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).ranova()
    >>> found.terms[1], round(float(found.chi_square[1]), 3), found.mixtures[1]
    ('Days in (Days | Subject)', 42.837, '0.5 chi-square(1) + 0.5 chi-square(2)')
    """
    return TermTestsResult.of(random_term_tests(fit, reduce=reduce))


@known_options
def anova(
    *fits: LmmFit | OlsFit,
    names: Sequence[str] | None = None,
    refit: bool | None = None,
    type: AnovaType | int | None = None,
    df: str | None = None,
) -> ComparisonResult | AnovaResult:
    """Compare models of the same data by likelihood-ratio tests; of one model, test its terms.

    Models are sorted by their number of parameters, and each is tested against the one before.

    Parameters
    ----------
    fits : fits of `lmer` and `lm`. A single fit gives `fit.anova()`, the tests of its terms
    names : of the models; None for their formulas
    refit : whether REML fits are refitted by maximum likelihood. None: where they must be, that
        is unless all are REML fits with one fixed part. True: always, as lme4. False: never
    type, df : of the table of a single fit; see `fit.anova()`

    Returns
    -------
    ComparisonResult : frozen; print it; `.frame()` in the caller's library, `.table()` for Word,
        PowerPoint, HTML, LaTeX. p_mixture stands beside p_value where a variance is tested

    Raises
    ------
    DataError : models of different responses or rows; refit=False where likelihoods cannot be
        compared; type= or df= with several models

    Notes
    -----
    `lrt`, `mixture-one`; wilks1938, selfliang1987, pinheiro2000.

    Examples
    --------
    >>> import echelon as ec
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> m0 = ec.lmer("mathach ~ 1 + (1 | school)", hsb)
    >>> m1 = ec.lmer("mathach ~ ses + (1 | school)", hsb)
    >>> found = ec.anova(m0, m1, names=["empty", "ses"])
    >>> found.models, found.refitted, bool(found.p_value[1] < 0.001)
    (('empty', 'ses'), ('empty', 'ses'), True)
    """
    if len(fits) == 1 and isinstance(fits[0], LmmFit | OlsFit):
        return anova_of_terms(fits[0], type=type, df=df, names=names, refit=refit)
    if type is not None or df is not None:
        raise DataError(
            "type= and df= are of the tests of one model's terms. Models are compared by "
            "likelihood ratios, which have no denominator degrees of freedom."
        )
    return ComparisonResult.of(compare_likelihoods(fits, names=names, refit=refit))


@known_options
def drop1(
    fit: LmmFit | OlsFit, *, test: Literal["LRT", "F"] = "LRT", df: str | None = None
) -> TermTestsResult | AnovaResult:
    """Test every fixed term that may be left out alone: no other term includes its variables.

    Parameters
    ----------
    test : "LRT", likelihood ratios by maximum likelihood (REML fits are refitted, as in lme4);
        "F", F tests of the fit itself
    df : denominator degrees of freedom of F; None for the choice made when fitting

    Returns
    -------
    TermTestsResult (LRT) or AnovaResult (F) : frozen; print it; `.frame()`, `.table()`

    Raises
    ------
    UnknownOption : `test` or `df` is none of these
    DataError : df= with test="LRT"
    NotYetSupported : likelihood ratios of a fit by the iterative method

    Notes
    -----
    `lrt` (pinheiro2000); F: `anova-drop` (kuznetsova2017).

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> found = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).drop1()
    >>> found.terms, round(float(found.chi_square[1]), 3)
    (('<none>', 'Days'), 23.537)
    """
    if test not in ("LRT", "F"):
        raise UnknownOption("test", test, ("LRT", "F"))
    if test == "F":
        return AnovaResult.of(drop1_f(fit, df))
    if df is not None:
        raise DataError(
            "df= is of F tests. Likelihood ratios have no denominator degrees of freedom: give "
            'test="F" with it.'
        )
    return TermTestsResult.of(fixed_term_tests(fit))
