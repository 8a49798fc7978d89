"""From a formula and a table to a design: complete cases, fixed columns, random columns, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column, Frame, Missing, complete_cases
from echelon.design.design import Design, EffectColumns, FactorDesign
from echelon.design.factors import interaction
from echelon.errors import DataError, FormulaError
from echelon.formula import (
    ModelSpec,
    RandomTerm,
    Recipe,
    columns_in,
    evaluate,
    independent,
    materialise,
)

Array = NDArray[np.float64]
Extra = str | Sequence[float] | NDArray[np.float64] | None
"""A per-row quantity given by column name or by its values."""


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A design with what was needed to make it.

    Attributes
    ----------
    design : the columns
    recipe : how the fixed columns are laid out again for new data
    effect_recipes : the same for each random term of each factor
    missing : rows in the table, rows used, rows lost by variable
    used : (n_total,) mask of the rows used, None when all are
    fixed_only : variables whose `contrasts` hold in the fixed part only (as in lme4), because they
        have random effects too
    columns : the variables of the fixed part and of the formula's offsets over the rows used, kept
        by reference: what reference grids and predictions are made of
    shift : the values of `offset=` over the rows used, None without
    offset_name, precision_name : the columns that `offset=` and `precision=` named; "" for none
    behind : of a design made from summaries, rows and standard deviation behind each of its rows
    """

    design: Design
    recipe: Recipe
    effect_recipes: tuple[tuple[Recipe, ...], ...]
    missing: Missing
    used: NDArray[np.bool_] | None
    fixed_only: tuple[str, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    shift: Array | None = None
    offset_name: str = ""
    precision_name: str = ""
    behind: tuple[Array, Array] | None = None


def build(
    spec: ModelSpec,
    frame: Frame,
    *,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
    also: Sequence[Column] = (),
) -> Built:
    """Lay out a formula over a table.

    Parameters
    ----------
    precision, offset : column name or (n,) values
    contrasts : coding of categorical variables by name, e.g. {"sector": "sum"}
    also : further columns whose missing values count (sizes and SDs of summaries)

    Raises
    ------
    UnknownColumn, DataError, FormulaError : see the messages; nothing is reinterpreted
    """
    grouping = {name for term in spec.random for name in term.group}
    plain = {
        name: frame.column(name, _where(spec, name))
        for name in spec.variables
        if name not in grouping or name in _measured(spec)
    }
    groups = {name: frame.groups(name, _where(spec, name)) for name in sorted(grouping)}
    weight = _extra(precision, "precision", frame)
    shift = _extra(offset, "offset", frame)
    extras = [column for column in (weight, shift) if column is not None]
    keep, missing = complete_cases([*_distinct(plain, groups), *extras, *also])
    if keep is not None:
        plain = {name: column.take(keep) for name, column in plain.items()}
        groups = {name: column.take(keep) for name, column in groups.items()}
        weight = None if weight is None else weight.take(keep)
        shift = None if shift is None else shift.take(keep)
    plain = {name: _used_levels(column) for name, column in plain.items()}
    groups = {name: _used_levels(column) for name, column in groups.items()}
    fixed = materialise(spec.fixed, plain, contrasts=contrasts)
    factors, effect_recipes = _factors(spec, plain, groups)
    design = Design(
        names=fixed.names,
        arrays=fixed.arrays,
        assign=fixed.assign,
        intercept=spec.fixed.intercept,
        response=spec.response,
        y=evaluate(spec.response, plain)[0],
        offset=_total_offset(spec, plain, shift),
        precision=None if weight is None else _positive(weight),
        factors=factors,
    )
    return Built(
        design=design,
        recipe=fixed.recipe,
        effect_recipes=effect_recipes,
        missing=missing,
        used=keep,
        fixed_only=_recoded(spec, contrasts),
        columns={name: plain[name] for name in _predictors(spec)},
        shift=None if shift is None else shift.values.astype(np.float64, copy=False),
        offset_name=offset if isinstance(offset, str) else "",
        precision_name=precision if isinstance(precision, str) else "",
    )


def _where(spec: ModelSpec, name: str) -> str:
    for term in spec.random:
        if name in term.group:
            return f"random term ({term.text})"
    return f"formula {spec.formula!r}"


def _measured(spec: ModelSpec) -> set[str]:
    """The columns used for their values, not only to form groups."""
    sides = (spec.fixed, *(term.effects for term in spec.random))
    texts = {text for side in sides for term in side.terms for text in term}
    return {name for text in (spec.response, *texts, *spec.offsets) for name in columns_in(text)}


def _predictors(spec: ModelSpec) -> list[str]:
    """The columns of the fixed part and of the formula's offsets, in order of first use."""
    texts = (*(text for term in spec.fixed.terms for text in term), *spec.offsets)
    return list(dict.fromkeys(name for text in texts for name in columns_in(text)))


def _distinct(plain: Mapping[str, Column], groups: Mapping[str, Column]) -> list[Column]:
    return list({**groups, **plain}.values())


def _used_levels(column: Column) -> Column:
    """Without categories that no row has, as R's model frame."""
    if column.levels is None:
        return column
    if (np.bincount(column.values, minlength=len(column.levels)) > 0).all():
        return column
    return column.take(np.ones(len(column.values), dtype=bool))


def _extra(given: Extra, option: str, frame: Frame) -> Column | None:
    if given is None:
        return None
    if isinstance(given, str):
        column = frame.column(given, f"{option}={given!r}")
        if column.levels is not None:
            raise DataError(f"{option}={given!r} is not numeric. Give a column of numbers.")
        return column
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{option}= holds values that are not numbers.") from None
    if values.shape != (frame.n,):
        raise DataError(
            f"{option}= has shape {values.shape}, expected one value for each of {frame.n} rows."
        )
    return Column(f"{option}=", values)


def _positive(weight: Column) -> Array:
    values = weight.values.astype(np.float64, copy=False)
    if not (values > 0).all():
        raise DataError(
            f"Precision weights must be positive: {weight.name!r} has "
            f"{int((values <= 0).sum())} values of 0 or less. Leave those rows out instead."
        )
    return values


def _total_offset(
    spec: ModelSpec, plain: Mapping[str, Column], shift: Column | None
) -> Array | None:
    parts = [evaluate(text, plain)[0] for text in spec.offsets]
    if shift is not None:
        parts.append(shift.values.astype(np.float64, copy=False))
    return sum(parts[1:], start=parts[0]) if parts else None


def _factors(
    spec: ModelSpec,
    plain: Mapping[str, Column],
    groups: Mapping[str, Column],
) -> tuple[tuple[FactorDesign, ...], tuple[tuple[Recipe, ...], ...]]:
    """The random terms gathered by grouping factor, in order of first appearance."""
    by_factor: dict[tuple[str, ...], list[RandomTerm]] = {}
    for term in spec.random:
        by_factor.setdefault(term.group, []).append(term)
    factors, recipes = [], []
    for group, terms in by_factor.items():
        parts = [part for term in terms for part in independent(term)]
        laid = [_effects(spec, part, plain) for part in parts]
        _check_repeats(spec, terms, [columns for columns, _ in laid])
        codes, levels = interaction([groups[name] for name in group])
        factors.append(
            FactorDesign(":".join(group), levels, codes, tuple(columns for columns, _ in laid))
        )
        recipes.append(tuple(recipe for _, recipe in laid))
    return tuple(factors), tuple(recipes)


def _effects(
    spec: ModelSpec, term: RandomTerm, plain: Mapping[str, Column]
) -> tuple[EffectColumns, Recipe]:
    terms = term.effects
    matrix = materialise(terms, plain)
    lead = ("(Intercept)",) if terms.intercept else ()
    if term.covariance in ("ar1", "hetar1") and terms.terms[0][0] not in matrix.recipe.codings:
        time, call = terms.terms[0][0], spec.formula[term.span[0] :].split("(")[0].strip()
        raise FormulaError(
            f"{call}(...) runs over the levels of a category, and {time!r} is numeric. Write "
            f"{call}(0 + factor({time}) | {':'.join(term.group)}).",
            spec.formula,
            term.span,
        )
    names = (*lead, *matrix.names)
    if term.covariance == "unstructured" or term.covariance == "diagonal":
        columns = EffectColumns(names, matrix.arrays, terms.intercept, assign=matrix.assign)
        return columns, matrix.recipe
    kind = term.covariance
    columns = EffectColumns(names, matrix.arrays, terms.intercept, kind, matrix.assign)
    return columns, matrix.recipe


def _recoded(spec: ModelSpec, contrasts: Mapping[str, str] | None) -> tuple[str, ...]:
    """Variables with a coding asked for that have random effects, which keep their own coding."""
    used = {
        name
        for term in spec.random
        for words in term.effects.terms
        for text in words
        for name in columns_in(text)
    }
    return tuple(name for name in contrasts or {} if name in used)


def _check_repeats(
    spec: ModelSpec, terms: Sequence[RandomTerm], laid: Sequence[EffectColumns]
) -> None:
    seen: set[str] = set()
    for columns in laid:
        for name in columns.names:
            if name in seen:
                raise FormulaError(
                    f"The random effect {name!r} of {':'.join(terms[0].group)!r} appears twice; "
                    "its variance could not be divided between the two.",
                    spec.formula,
                    terms[-1].span,
                )
            seen.add(name)
