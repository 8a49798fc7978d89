"""What is asked of a fit after its tests: checks, measures, influence, ranks, predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from echelon.cli.asked import ROWS, After
from echelon.cli.extra import Extra
from echelon.cli.prediction import predicted
from echelon.cli.terminal import note, prose
from echelon.errors import DataError, EchelonError, UnknownColumn

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.show import Table

_LISTED = 40  # groups of which all are shown
_OF = " of "
_CODE = "What to type is Python: ec is the library, fit this model."
_COUNTED = "Rows of the data are counted from 0."
_PYTHON = (
    ("; .frame() has all, .table(top=...) more", ""),
    ("; refit=True estimates them again", ""),
    ("; refit=True refits exactly", ""),
)
"""Words of notes that say what to type in Python; in the shell the JSON has all."""


def after_extras(fitted: LMM | OLS, asked: After, data: object) -> list[Extra]:
    """Make all that was asked for, in the order in which it is shown.

    Parameters
    ----------
    data : the table of the fit, where columns to group by may be
    """
    return [*_measures(fitted, asked), *_groups(fitted, asked, data), *_predictions(fitted, asked)]


def _measures(fitted: LMM | OLS, asked: After) -> Iterator[Extra]:
    if asked.performance:
        yield _extra("performance", "", fitted.performance())
    if asked.r2:
        yield from _explained(cast("LMM", fitted))
    if asked.check:
        found = fitted.check()
        table = found.table()
        if any(one.code for one in found.findings):
            table = replace(table, notes=(*table.notes, _CODE))
        yield Extra("check", "", found, table)


def _explained(fit: LMM) -> Iterator[Extra]:
    """R squared in both ways; what a model cannot have is said, and refused where nothing is left.

    Raises
    ------
    DataError : neither can be had
    """
    ways = (("r2_decomposition", fit.r2_decomposition), ("r2_levels", fit.r2_levels))
    made: list[Extra] = []
    reasons: list[EchelonError] = []
    for key, way in ways:
        try:
            made.append(_extra(key, "", cast(Any, way)()))
        except EchelonError as reason:
            reasons.append(reason)
    if not made:
        raise DataError(f"{reasons[0]} Marginal and conditional R squared: --performance.")
    for lacking in reasons:
        note(f"Note: --r2 shows one of its two tables. {lacking}")
    yield from made


def _groups(fitted: LMM | OLS, asked: After, data: object) -> Iterator[Extra]:
    for text in asked.influence:
        found: Any = fitted.influence(_by(fitted, text, data))
        table = _in_shell_words(found.table())
        if text.lower() == ROWS:
            table = replace(table, notes=(*table.notes, _COUNTED))
        yield Extra("influence", text, found, table)
    for text in asked.ranks:
        term, factor = _of(cast("LMM", fitted), text)
        ranks = cast("LMM", fitted).ranks(factor or None, term or None)
        yield Extra("ranks", text, ranks, _in_shell_words(ranks.table(most=_LISTED)))
    for text in asked.explain:
        label, factor = _of(cast("LMM", fitted), text)
        told = cast("LMM", fitted).explain(label or factor, factor if label else None)
        paragraphs = told.text.split("\n\n")
        table = told.table()
        table = replace(table, notes=(*paragraphs, *table.notes))  # files hold no text but tables
        yield Extra("explain", text, told, table, "\n\n".join(map(prose, paragraphs)))


def _of(fit: LMM, text: str) -> tuple[str, str]:
    """What is asked for, and of which factor: ("ses", "school") of "ses of school"; ("", text).

    Only the name of a factor ends what is asked for: labels may hold the word.
    """
    what, found, factor = text.rpartition(_OF)
    if found and factor.strip() in fit.factors:
        return what.strip(), factor.strip()
    return "", text.strip()


def _by(fitted: LMM | OLS, text: str, data: object) -> object:
    """The groups to leave out: None for rows, a name that the fit knows, a column of the table."""
    from echelon.data import Frame
    from echelon.model.fit import LmmFit

    if text.lower() == ROWS:
        return None
    factors = fitted.factors if isinstance(fitted, LmmFit) else ()
    known = fitted.built.columns if fitted.built is not None else ()
    columns = Frame.of(data).columns
    if text in factors or text in known or fitted.built is None:
        return text
    if text not in columns:
        raise UnknownColumn(text, [*factors, *columns], "--influence")
    return cast(Any, data)[text]


def _predictions(fitted: LMM | OLS, asked: After) -> Iterator[Extra]:
    if asked.predict is not None:
        yield _extra("predictions", asked.predict, predicted(fitted, asked))


def _extra(key: str, typed: str, result: Any) -> Extra:
    return Extra(key, typed, result, _in_shell_words(result.table()))


def _in_shell_words(table: Table) -> Table:
    """The same table, its notes without what to type in Python."""
    notes = []
    for text in table.notes:
        for theirs, ours in _PYTHON:
            text = text.replace(theirs, ours)
        notes.append(text)
    return replace(table, notes=tuple(notes))
