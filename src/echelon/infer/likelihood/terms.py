"""Tests of single terms: what the models without each of them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.infer.likelihood.fitted import Fitted
from echelon.infer.likelihood.ratio import Ratio, ratio
from echelon.infer.likelihood.words import (
    BOUNDARY_UNKNOWN,
    criterion_note,
    mixture_notes,
    perfect_notes,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TermTests:
    """Likelihood-ratio tests of single terms, arrays of length m; the whole model first.

    Attributes
    ----------
    terms : "<none>" for the whole model, then what is tested
    parameters : of the model without the term
    loglik : its log-likelihood, restricted when `restricted`;  aic : deviance + 2 parameters
    chi_square : twice the difference of log-likelihoods;  df : difference of parameters
    p_value : upper tail of chi-square(df), nan where there is no test
    p_mixture : upper tail of the mixture that holds for variances; nan where it is not known
    mixtures : the mixtures in words, "" where there is none
    kind : "random" or "fixed"
    formula : of the whole model
    restricted : True for REML
    notes : what a reader should know, one sentence each
    backend : the caller's dataframe library
    """

    terms: tuple[str, ...]
    parameters: NDArray[np.intp]
    loglik: Array
    aic: Array
    chi_square: Array
    df: Array
    p_value: Array
    p_mixture: Array
    mixtures: tuple[str, ...]
    kind: Literal["random", "fixed"]
    formula: str
    restricted: bool
    notes: tuple[str, ...]
    backend: str


def term_tests_frame(tests: TermTests) -> object:
    """The tests as a table in the caller's dataframe library.

    Returns
    -------
    one row a term, "<none>" first: term, parameters, loglik, aic, chi_square, df, p_value, and for
    random terms p_mixture
    """
    columns: dict[str, Values] = {
        "term": list(tests.terms),
        "parameters": tests.parameters,
        "loglik": tests.loglik,
        "aic": tests.aic,
        "chi_square": tests.chi_square,
        "df": tests.df,
        "p_value": tests.p_value,
    }
    if tests.kind == "random":
        columns["p_mixture"] = tests.p_mixture
    return to_native(columns, tests.backend)


def term_tests(
    whole: Fitted,
    rows: list[tuple[str, Fitted, bool]],
    *,
    kind: Literal["random", "fixed"],
    formula: str,
    restricted: bool,
    notes: tuple[str, ...],
    backend: str,
) -> TermTests:
    """Gather the tests of a model's terms.

    Parameters
    ----------
    rows : name, model without the term, and whether that is a part of the whole model
    """
    ratios = [ratio(whole, small, nested=nested) for _, small, nested in rows]
    fits = [whole, *(small for _, small, _ in rows)]
    first = [np.nan]
    return TermTests(
        terms=("<none>", *(name for name, _, _ in rows)),
        parameters=np.array([f.parameters for f in fits], dtype=np.intp),
        loglik=np.array([f.loglik for f in fits]),
        aic=np.array([f.aic for f in fits]),
        chi_square=np.array([*first, *(r.chi_square for r in ratios)]),
        df=np.array([*first, *(float(r.df) for r in ratios)]),
        p_value=np.array([*first, *(r.p_value for r in ratios)]),
        p_mixture=np.array([*first, *(r.p_mixture for r in ratios)]),
        mixtures=("", *("" if r.mixed is None else str(r.mixed) for r in ratios)),
        kind=kind,
        formula=" ".join(formula.split()),
        restricted=restricted,
        notes=(
            criterion_note(restricted),
            *perfect_notes([("The model", whole.loglik)]),
            *notes,
            *_notes(rows, ratios, kind),
        ),
        backend=backend,
    )


def _notes(
    rows: list[tuple[str, Fitted, bool]], ratios: list[Ratio], kind: Literal["random", "fixed"]
) -> list[str]:
    """The laws used, searches that failed, and smaller models that fit better."""
    names = [name for name, _, _ in rows]
    found = _empty([name for name, r in zip(names, ratios, strict=True) if r.df == 0], kind)
    found += mixture_notes(list(zip(names, ratios, strict=True)))
    unknown = [
        name
        for name, r in zip(names, ratios, strict=True)
        if kind == "random" and r.mixed is None and np.isfinite(r.p_value)
    ]
    found += [BOUNDARY_UNKNOWN.format(", ".join(unknown))] if unknown else []
    found += [
        f"The fit without {name} failed: {small.fit.verdict.message}"
        for name, small, _ in rows
        if small.fit is not None and small.fit.verdict.status == "failed"
    ]
    found += [
        f"The model without {name} has the higher likelihood: one of the two searches ended in "
        "another maximum, and there is no test."
        for (name, _, nested), r in zip(rows, ratios, strict=True)
        if nested and r.chi_square < 0
    ]
    return found


def _empty(names: list[str], kind: Literal["random", "fixed"]) -> list[str]:
    """Fixed terms without a column of their own."""
    if not names or kind == "random":
        return []
    has = "has" if len(names) == 1 else "have"
    return [
        f"{', '.join(names)} {has} nothing to test: the columns depend on those of other terms, so "
        "the model without is the same model."
    ]
