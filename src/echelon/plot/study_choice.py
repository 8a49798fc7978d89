"""What of a design study is drawn: rows of one measure, the factor along the axis, the panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from echelon.errors import DataError, UnknownOption
from echelon.study.result import MEASURES, Study, factor_name, shown_factor
from echelon.study.run import Row

_MOST_PANELS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What is drawn: rows that have the measure; factors along the axis and of the panels."""

    study: Study
    rows: tuple[Row, ...]
    measure: str
    across: str
    apart: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Estimators."""
        return tuple(dict.fromkeys(row.estimator for row in self.rows))

    @property
    def levels(self) -> list[tuple[object, ...]]:
        """The values of the factors of each panel."""
        found = list(dict.fromkeys(self.level(row.cell) for row in self.rows))
        if len(found) > _MOST_PANELS:
            raise DataError(
                f"{' and '.join(self.apart)} would make {len(found)} panels; {_MOST_PANELS} is "
                "most. Pick some cells with where=, or other factors with panel= and x=."
            )
        return sorted(found, key=lambda level: [_order(value) for value in level])

    def level(self, cell: int) -> tuple[object, ...]:
        """The values of the panels' factors in a cell."""
        values = self.study.factors()
        return tuple(values[name][cell] for name in self.apart)


def measure_of(rows: Sequence[Row], asked: str | None) -> str:
    """The measure asked for; else power, coverage, or a variance's relative bias."""
    if asked is not None and asked not in MEASURES:
        raise UnknownOption("measure", asked, MEASURES)
    if asked is not None:
        return asked
    if rows and rows[0].kind == "variance":
        return "relative_bias"
    return "power" if any(row.truth for row in rows) else "coverage"


def factors_of(
    study: Study, kept: set[int], x: str | None, panel: Sequence[str] | str | None
) -> tuple[str, tuple[str, ...]]:
    """The factor along the axis and those of the panels; whatever else varies is an error."""
    values = study.factors()
    varied = [name for name in study.varied() if len({str(values[name][i]) for i in kept}) > 1]
    numeric = [name for name in varied if name != "n"]
    effects = [name for name in numeric if name.startswith("effect_")]
    across = factor_name(study, x) if x is not None else (effects or numeric or varied or ["J"])[0]
    left = [name for name in varied if name not in (across, *_twin(across))]
    asked = (panel,) if isinstance(panel, str) else panel
    apart = tuple(left[:2]) if asked is None else tuple(factor_name(study, p) for p in asked)
    taken = {*apart, *(twin for name in apart for twin in _twin(name))}
    more = [name for name in left if name not in taken]
    if more:
        name = more[0]
        found = list(dict.fromkeys(values[name][i] for i in sorted(kept)))
        shown = ", ".join(shown_factor(name, value).rpartition(" = ")[2] for value in found)
        raise DataError(
            f"{name} varies too ({shown}), besides {' and '.join((across, *apart))}. Pick one, as "
            f"in where={{{name!r}: {found[0]!r}}}."
        )
    return across, apart


def _twin(name: str) -> tuple[str, ...]:
    """Sizes in words and in numbers are one factor."""
    if name == "n":
        return "n_mean", "n_cv"
    return ("n",) if name in ("n_mean", "n_cv") else ()


def _order(value: object) -> tuple[int, float, str]:
    """Numbers in their order, then words."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, str(value)
