"""A design study: what was asked, what was found, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from echelon.data import Values, to_native
from echelon.errors import DataError, UnknownOption
from echelon.study.estimators import ESTIMATORS, LABELS
from echelon.study.grid import Cell
from echelon.study.predictors import Predictor
from echelon.study.run import Row
from echelon.study.sizes import sizes_of

MEASURES = (
    "bias",
    "relative_bias",
    "rmse",
    "sd",
    "efficiency",
    "std_error",
    "se_ratio",
    "coverage",
    "length",
    "type_1_error",
    "power",
    "detectable",
    "at_zero",
)
"""What is measured; each has a Monte Carlo standard error, `<name>_mcse`."""

Factors = dict[str, list[object]]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The estimators of a design study, cell by cell.

    Attributes
    ----------
    cells : designs with their parameters
    shapes : of each, mean and coefficient of variation of the sizes (as asked for where they were)
        and the smallest and largest size
    predictors : of all designs
    estimators : names
    rows : what was found, one entry a cell, estimator and term
    reps : replicates of a cell;  designs : how many designs they are shared among
    alpha : level of tests;  power : at which the smallest detectable effect is found
    seed : that repeats the study
    """

    cells: tuple[Cell, ...]
    shapes: tuple[tuple[float, float, int, int], ...]
    predictors: tuple[Predictor, ...]
    estimators: tuple[str, ...]
    rows: tuple[Row, ...]
    reps: int
    designs: int
    alpha: float
    power: float
    seed: int

    @property
    def terms(self) -> tuple[str, ...]:
        """Parameters: effects, then variances ("var (Intercept)")."""
        found = dict.fromkeys((row.kind, row.term) for row in self.rows)
        return tuple(term for kind in ("effect", "variance") for k, term in found if k == kind)

    @property
    def main_term(self) -> str:
        """The term that is shown when none is named: the last effect, or the grand mean."""
        effects = [name for name, _ in self.cells[0].effects]
        return effects[-1] if effects else self.terms[0]

    def factors(self) -> Factors:
        """What describes the cells, one value a cell, by name of column.

        J, n (in words), n_mean, n_cv, icc; besides, where they differ between cells or are not
        zero: tau2, sigma2, mean, effect_<name>, sd_<name>, effect_correlation, size_correlation.
        """
        found: Factors = {
            "J": [cell.J for cell in self.cells],
            "n": [cell.sizes.label for cell in self.cells],
            "n_mean": [shape[0] for shape in self.shapes],
            "n_cv": [shape[1] for shape in self.shapes],
            "icc": [cell.icc for cell in self.cells],
        }
        totals = {round(cell.tau2 + cell.sigma2, 9) for cell in self.cells}
        if totals != {1.0}:
            found["tau2"] = [cell.tau2 for cell in self.cells]
            found["sigma2"] = [cell.sigma2 for cell in self.cells]
        for prefix, place in (("effect", "effects"), ("sd", "slopes")):
            for i, (name, _) in enumerate(getattr(self.cells[0], place)):
                values = [getattr(cell, place)[i][1] for cell in self.cells]
                if len(set(values)) > 1 or prefix == "sd":
                    found[f"{prefix}_{name}"] = list(values)
        for name in ("mean", "effect_correlation", "size_correlation"):
            values = [getattr(cell, name) for cell in self.cells]
            if any(values):
                found[name] = list(values)
        return found

    def varied(self) -> tuple[str, ...]:
        """Factors with several values; of the sizes, their names in words when mean and cv vary."""
        found = [name for name, values in self.factors().items() if len(set(values)) > 1]
        numbers = [name for name in ("n_mean", "n_cv") if name in found]
        if "n" in found and (len(numbers) != 1 or not self._by_number(numbers[0])):
            return tuple(name for name in found if name not in numbers)
        return tuple(name for name in found if name != "n")

    def _by_number(self, name: str) -> bool:
        """Whether every kind of sizes has its own mean, or its own spread, in every cell."""
        factors = self.factors()
        pairs = set(zip(factors["n"], factors[name], strict=True))
        return len(pairs) == len(set(factors["n"])) == len(set(factors[name]))

    def pick(
        self, term: str | None = None, estimators: Sequence[str] | str | None = None
    ) -> tuple[Row, ...]:
        """The rows of one term, and of some estimators.

        Raises
        ------
        UnknownOption : a term or estimator that the study does not have
        """
        term = self.main_term if term is None else term
        if term not in self.terms:
            raise UnknownOption("term", term, self.terms)
        names = self.estimators if estimators is None else estimators
        names = (names,) if isinstance(names, str) else tuple(names)
        for name in names:
            if name not in self.estimators:
                choices = self.estimators if name in ESTIMATORS else tuple(ESTIMATORS)
                raise UnknownOption("estimators", name, choices)
        return tuple(row for row in self.rows if row.term == term and row.estimator in names)


def study_frame(study: Study, *, backend: str = "pandas") -> object:
    """Everything that was found, long and tidy.

    Parameters
    ----------
    backend : "pandas", "polars" or "pyarrow"

    Returns
    -------
    one row a cell, estimator and term: cell, the factors (`Study.factors`), estimator, term,
    truth, replicates, failed, then the measures, each with its Monte Carlo standard error
    ("coverage", "coverage_mcse"); missing where a measure does not apply
    """
    factors, rows = study.factors(), study.rows
    columns: dict[str, Values] = {"cell": [row.cell + 1 for row in rows]}
    for name, values in factors.items():
        columns[name] = [values[row.cell] for row in rows]
    columns["estimator"] = [row.estimator for row in rows]
    columns["term"] = [row.term for row in rows]
    columns["truth"] = np.array([row.truth for row in rows])
    for name in ("replicates", "failed"):
        columns[name] = [int(row.values[name]) for row in rows]
    for name in MEASURES:
        for each in (name, f"{name}_mcse"):
            columns[each] = np.array([row.values.get(each, np.nan) for row in rows])
    return to_native(columns, backend)


def where_of(study: Study, where: Mapping[str, Any] | None) -> set[int]:
    """Cells at the values of factors asked for.

    Raises
    ------
    UnknownOption : no such factor
    DataError : no cell has the value
    """
    factors, kept = study.factors(), set(range(len(study.cells)))
    for name, value in (where or {}).items():
        name = factor_name(study, name)
        values = factors[name]
        wanted = _label(value) if name == "n" else value
        hits = {i for i, x in enumerate(values) if _same(x, wanted)}
        if not hits:
            shown = ", ".join(str(_short(x)) for x in dict.fromkeys(values))
            raise DataError(f"where={{{name!r}: {value!r}}}: no cell has it. There are: {shown}.")
        kept &= hits
    return kept


def factor_name(study: Study, name: str) -> str:
    """The column of a factor: "cv" and the name of a predictor will do."""
    factors = study.factors()
    if name == "n" and "n_mean" in study.varied():
        return "n_mean"
    for each in (name, f"n_{name}", f"effect_{name}"):
        if each in factors:
            return each
    raise UnknownOption("factor", name, tuple(factors))


def shown_factor(name: str, value: object) -> str:
    """A factor at a value, in words.

    >>> shown_factor("n_cv", 0.5), shown_factor("J", 10)
    ('cv of n = 0.5', 'J = 10')
    """
    return f"{factor_words(name)} = {_short(value)}"


def factor_words(name: str) -> str:
    """What a table calls a factor."""
    known = {
        "icc": "ICC",
        "n_mean": "n",
        "n_cv": "cv of n",
        "tau2": "variance between groups",
        "sigma2": "variance within groups",
        "mean": "grand mean",
        "effect_correlation": "correlation of intercept and effect",
        "size_correlation": "correlation of group and size",
    }
    if name in known:
        return known[name]
    prefix, _, rest = name.partition("_")
    return {"effect": f"effect of {rest}", "sd": f"SD of {rest}"}.get(prefix, name)


def label(estimator: str) -> str:
    """What a table calls an estimator."""
    return LABELS[estimator]


def _label(value: object) -> str:
    """Sizes in words, or as they were given."""
    try:
        return sizes_of(value).label
    except DataError:
        return str(value)


def _short(value: object) -> object:
    return f"{value:.3g}" if isinstance(value, float) else value


def _same(x: object, value: object) -> bool:
    if isinstance(x, float) and isinstance(value, int | float):
        return abs(x - value) <= 0.005 * max(1.0, abs(x))
    return x == value
