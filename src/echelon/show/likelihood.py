"""Likelihood-ratio tests as tables."""

from __future__ import annotations

import numpy as np

from echelon.infer.likelihood import Comparison, TermTests
from echelon.show.cells import STAR_KEY, Row, mark
from echelon.show.table import Cell, Entry, Heading, Section, Table


def comparison_table(found: Comparison, *, digits: int = 3, stars: bool = True) -> Table:
    """Models, their likelihoods, and the test of each against the next smaller one.

    Parameters
    ----------
    digits : decimals of chi-squares; log-likelihoods and criteria have one
    stars : mark p-values

    Returns
    -------
    Table : one row a model; a column for the mixture where one is used

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> m0 = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> m1 = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> print(comparison_table(ec.anova(m0, m1, names=["m0", "m1"])).notes[0])
    m0: Reaction ~ Days + (1 | Subject).
    """
    mixed = bool(np.isfinite(found.p_mixture).any())
    heads = (
        Heading("Model", "text"),
        Heading("Parameters", "integer"),
        *(Heading(name, digits=1) for name in ("AIC", "BIC", "Log-likelihood", "Deviance")),
        Heading("Chi-square", digits=digits),
        Heading("df", "integer"),
        Heading("p", "p", digits),
        *((Heading("p (mixture)", "p", digits),) if mixed else ()),
    )
    rows = tuple(
        (
            name,
            int(found.parameters[i]),
            *(float(x[i]) for x in (found.aic, found.bic, found.loglik, found.deviance)),
            *_test(found, i, mixed=mixed, stars=stars),
        )
        for i, name in enumerate(found.models)
    )
    shown = dict(zip(found.models, found.formulas, strict=True))
    named = [f"{name}: {text}." for name, text in shown.items() if text not in name]
    title = "Likelihood-ratio tests, each model against the one above"
    return Table(heads, (Section(rows),), title, (*named, *found.notes, *_key(found, stars)))


def term_tests_table(tests: TermTests, *, digits: int = 3, stars: bool = True) -> Table:
    """The whole model, and the model without each of its terms.

    Parameters
    ----------
    digits : decimals of chi-squares; log-likelihoods and criteria have one
    stars : mark p-values

    Returns
    -------
    Table : one row a term; a column for the mixture where one is used
    """
    mixed = bool(np.isfinite(tests.p_mixture).any())
    heads = (
        Heading("Without", "text"),
        Heading("Parameters", "integer"),
        Heading("Log-likelihood", digits=1),
        Heading("AIC", digits=1),
        Heading("Chi-square", digits=digits),
        Heading("df", "integer"),
        Heading("p", "p", digits),
        *((Heading("p (mixture)", "p", digits),) if mixed else ()),
    )
    rows = tuple(
        (
            name,
            int(tests.parameters[i]),
            float(tests.loglik[i]),
            float(tests.aic[i]),
            *_test(tests, i, mixed=mixed, stars=stars),
        )
        for i, name in enumerate(tests.terms)
    )
    title = f"Likelihood-ratio tests of the {tests.kind} terms of {tests.formula}"
    return Table(heads, (Section(rows),), title, (*tests.notes, *_key(tests, stars)))


def _test(found: Comparison | TermTests, i: int, *, mixed: bool, stars: bool) -> Row:
    """Chi-square, df and p of one row; stars by the mixture where there is one."""
    p, q = float(found.p_value[i]), float(found.p_mixture[i])
    df = float(found.df[i])
    cells: list[Cell | Entry] = [_shown(float(found.chi_square[i]))]
    cells.append(int(df) if np.isfinite(df) else None)
    cells.append(Entry(_shown(p), stars=mark(p) if stars and not mixed else ""))
    if mixed:
        judged = q if np.isfinite(q) else p
        cells[-1] = Entry(_shown(p), stars=mark(p) if stars and not np.isfinite(q) else "")
        cells.append(Entry(_shown(q), stars=mark(judged) if stars and np.isfinite(q) else ""))
    return tuple(cells)


def _shown(x: float) -> float | None:
    """An empty cell for what there is not."""
    return x if np.isfinite(x) else None


def _key(found: Comparison | TermTests, stars: bool) -> tuple[str, ...]:
    both = np.where(np.isfinite(found.p_mixture), found.p_mixture, found.p_value)
    return (f"Stars: {STAR_KEY}.",) if stars and (both < 0.05).any() else ()
