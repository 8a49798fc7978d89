"""Several models side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from echelon.errors import DataError, UnknownOption
from echelon.infer.coefficients import coefficient_values
from echelon.infer.components import component_values
from echelon.infer.criteria import criteria
from echelon.infer.ols import r_squared
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import notes
from echelon.show.cells import STAR_KEY, Row, amount, fixed_cells, places
from echelon.show.components import component_label
from echelon.show.format import clean
from echelon.show.table import Entry, Heading, Kind, Section, Table
from echelon.show.words import (
    Fit,
    comparability,
    icc_label,
    icc_parts,
    inference,
    intraclass,
    reference_levels,
)

Layout = Literal["wide", "stacked"]

_RESIDUAL = "Residual, SD"
_LAST = (_RESIDUAL, "R²")  # rows below those that only multilevel models have
_WIDE = 3  # more models than this are stacked unless asked otherwise
_Cells = dict[str, Entry]


@dataclass(frozen=True, slots=True)
class _Model:
    """One model of the comparison, its cells by row label.

    Attributes
    ----------
    columns : headings when wide
    fixed : cells of a fixed effect by heading
    random, shares, criteria : one cell a row
    """

    name: str
    fit: Fit
    columns: tuple[str, ...]
    fixed: dict[str, _Cells]
    random: _Cells
    shares: _Cells
    criteria: _Cells


def compare_table(
    fits: Sequence[Fit],
    names: Sequence[str] | None = None,
    *,
    stars: bool = True,
    layout: Layout | None = None,
    digits: int = 3,
    title: str | None = None,
) -> Table:
    """Several models side by side, their terms matched by name.

    Parameters
    ----------
    fits : fits of `lm` and `lmer`, in the order of the columns
    names : what stands above each; None for the method, numbered where it repeats
    stars : mark p-values (wide) or estimates (stacked)
    layout : "wide" with estimate, SE, df, t and p in columns of their own; "stacked" with the SE in
        parentheses below the estimate; None for wide up to three models
    digits : decimals; more where a standard error would otherwise show fewer than two digits
    title : None for the response; "" for none

    Returns
    -------
    Table : fixed effects in order of first appearance, random effects as SDs, fit. Notes say which
        degrees of freedom each model uses and which likelihoods may be compared.

    Raises
    ------
    DataError : no model, something that is no fit, as many names as not, or a name twice
    UnknownOption : `layout` is none of these

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> ols = ec.lm("g1rscore ~ sector", eclsk)
    >>> multilevel = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)
    >>> table = compare_table([ols, multilevel], ["OLS", "Two levels"], layout="stacked")
    >>> for line in table.to_text().splitlines()[4:9]:
    ...     print(line)
    Fixed effects
      (Intercept)                94.847***      94.657***
                                 (0.175)        (0.317)
      sector                      6.553***       6.512***
                                 (0.566)        (1.030)
    """
    if layout is not None and layout not in get_args(Layout):
        raise UnknownOption("layout", layout, get_args(Layout))
    named = zip(fits, _names(fits, names), strict=True)
    models = [_model(fit, name, digits, stars=stars) for fit, name in named]
    wide = (layout or ("wide" if len(fits) <= _WIDE else "stacked")) == "wide"
    responses = dict.fromkeys(model.fit.response for model in models)
    return Table(
        (Heading("Term", "text"), *(h for m in models for h in _headings(m, digits, wide=wide))),
        tuple(_sections(models, wide=wide)),
        f"Models of {', '.join(responses)}" if title is None else title,
        (*_notes(models, wide=wide), *((STAR_KEY,) if stars else ())),
    )


def _names(fits: Sequence[Fit], names: Sequence[str] | None) -> list[str]:
    if not fits:
        raise DataError("compare() needs at least one fitted model.")
    for fit in fits:
        if not isinstance(fit, LmmFit | OlsFit):
            raise DataError(f"compare() takes fits of lm() and lmer(), not {type(fit).__name__}.")
    if names is None:
        return _numbered([_kind(fit) for fit in fits])
    given = [names] if isinstance(names, str) else names
    if len(given) != len(fits):
        raise DataError(f"{len(given)} names for {len(fits)} models: give one name a model.")
    shown = [clean(str(name)).strip() for name in given]
    for name in shown:
        if not name or shown.count(name) > 1:
            raise DataError(f"The model name {name!r} is empty or used twice: names must differ.")
    return shown


def _kind(fit: Fit) -> str:
    if isinstance(fit, OlsFit):
        return "OLS" if fit.built.design.precision is None else "Weighted least squares"
    return f"Multilevel ({'REML' if fit.reml else 'ML'})"


def _numbered(kinds: Sequence[str]) -> list[str]:
    """Names with a number where one repeats.

    >>> _numbered(["OLS", "OLS", "Multilevel (REML)"])
    ['OLS 1', 'OLS 2', 'Multilevel (REML)']
    """
    return [
        f"{kind} {kinds[: k + 1].count(kind)}" if kinds.count(kind) > 1 else kind
        for k, kind in enumerate(kinds)
    ]


def _model(fit: Fit, name: str, digits: int, *, stars: bool) -> _Model:
    values = coefficient_values(fit)
    tests = ("df", "t", "p") if values.method != "none" else ("z", "p")
    fixed = {
        term: fixed_cells(values, i, digits, stars=stars) for i, term in enumerate(values.names)
    }
    columns = ("Estimate", "SE", *tests)
    return _Model(name, fit, columns, fixed, _random(fit, digits), _shares(fit), _criteria(fit))


def _random(fit: Fit, digits: int) -> _Cells:
    if isinstance(fit, OlsFit):
        sigma = float(np.sqrt(fit.sigma2))
        return {_RESIDUAL: amount(sigma, places(sigma, digits))}
    rows = component_values(fit).rows
    labels = (component_label(row) + ("" if row.with_term else ", SD") for row in rows)
    cells = (amount(row.sd, places(row.sd, digits)) for row in rows)
    return dict(zip(labels, cells, strict=True))


def _shares(fit: Fit) -> _Cells:
    if isinstance(fit, LmmFit):
        share = intraclass(fit)
        if share is None:
            return {}
        parts = {f"ICC: {factor}": Entry(x, digits=3) for factor, x in icc_parts(fit)}
        return {icc_label(fit): Entry(share, digits=3), **parts}
    share = r_squared(fit)
    return {"R²": Entry(share, digits=places(share, 3, 3))}


def _criteria(fit: Fit) -> _Cells:
    found = criteria(fit)
    sizes = (("Log-likelihood", found.loglik), ("AIC", found.aic), ("BIC", found.bic))
    made = {name: amount(value, 1) for name, value in sizes} | {"Rows": Entry(fit.n, "integer")}
    if isinstance(fit, LmmFit):
        for group in fit.moments.groups:
            made[f"Groups of {group.factor}"] = Entry(len(group.levels), "integer")
    return made


def _headings(model: _Model, digits: int, *, wide: bool) -> tuple[Heading, ...]:
    if not wide:
        return (Heading(model.name, digits=digits),)
    form: dict[str, tuple[Kind, int]] = {"df": ("number", 0), "p": ("p", max(digits, 3))}
    plain: tuple[Kind, int] = ("number", digits)
    return tuple(Heading(name, *form.get(name, plain), model.name) for name in model.columns)


def _sections(models: Sequence[_Model], *, wide: bool) -> Iterator[Section]:
    """Fixed effects, random effects and fit, every label once."""
    terms = _union([model.fixed for model in models])
    rows = [(x, *(c for m in models for c in _fixed(m, x, wide=wide))) for x in terms]
    multilevel = any(isinstance(model.fit, LmmFit) for model in models)
    yield Section(tuple(rows), "Fixed effects" if multilevel else "Coefficients")
    for title, cells in (
        ("Random effects" if multilevel else "Residual", [m.random for m in models]),
        ("Shares of variance", [m.shares for m in models]),
        ("Fit", [m.criteria for m in models]),
    ):
        labels = sorted(_union(cells), key=_late)
        pairs = list(zip(models, cells, strict=True))
        rows = [
            (x, *(c for m, own in pairs for c in _one(m, own.get(x), wide=wide))) for x in labels
        ]
        if rows:
            yield Section(tuple(rows), title)


def _late(label: str) -> tuple[bool, bool]:
    """What comes later: the parts of an intraclass correlation, and last the rows of `_LAST`."""
    return label in _LAST, label.startswith("ICC: ")


def _union(labels: Sequence[Iterable[str]]) -> list[str]:
    """Labels of all models in order of first appearance."""
    return list(dict.fromkeys(label for some in labels for label in some))


def _fixed(model: _Model, term: str, *, wide: bool) -> Row:
    cells = model.fixed.get(term)
    if cells is None:
        return _one(model, None, wide=wide)
    if wide:
        return tuple(cells[name] for name in model.columns)
    return (replace(cells["Estimate"], stars=cells["p"].stars, below=cells["SE"]),)


def _one(model: _Model, cell: Entry | None, *, wide: bool) -> Row:
    """A cell in the first column of a model."""
    return (cell, *[None] * (len(model.columns) - 1)) if wide else (cell,)


def _notes(models: Sequence[_Model], *, wide: bool) -> Iterator[str]:
    if not wide:
        yield "Standard errors in parentheses."
    by_method: dict[str, list[str]] = {}
    for model in models:
        by_method.setdefault(inference(model.fit), []).append(model.name)
    yield "; ".join(f"{', '.join(who)}: {how}" for how, who in by_method.items()) + "."
    yield comparability([model.fit for model in models], [model.name for model in models])
    yield from dict.fromkeys(x for m in models for x in reference_levels(m.fit))
    said: dict[str, list[str]] = {}
    for model in models:
        for note in notes(model.fit):
            said.setdefault(note, []).append(model.name)
    for note, who in said.items():
        yield note if len(who) == len(models) else f"{', '.join(who)}: {note}"
