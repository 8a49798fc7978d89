"""Wald intervals of the fixed effects as a result with a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.infer.estimates import Estimates
    from echelon.show import Table


@dataclass(frozen=True, slots=True)
class WaldIntervals:
    """Estimates of the fixed effects with their Wald intervals."""

    values: Estimates
    notes: tuple[str, ...]

    @classmethod
    def of(cls, fitted: LMM | OLS, robust: str | None, cluster: Any) -> WaldIntervals:
        """Those of a fit, by its own standard errors or robust ones."""
        from echelon.show.robust import robust_values
        from echelon.show.words import inference

        values, tests, notes = robust_values(fitted, robust, cluster)
        how = f"Estimate -/+ quantile x SE; {tests or inference(fitted)}."
        return cls(values, (how, *notes))

    def table(self) -> Table:
        """The intervals as a `Table`."""
        from echelon.show import Heading, Section, Table
        from echelon.show.cells import Row, fixed_cells

        level = f"{100 * self.values.level:g}% Wald interval"
        heads = (
            Heading("Term", "text"),
            Heading("Estimate"),
            *(Heading(name, group=level) for name in ("Lower", "Upper")),
        )
        rows: list[Row] = []
        for i, name in enumerate(self.values.names):
            cells = fixed_cells(self.values, i, 3, stars=False)
            rows.append((name, *(cells[head.name] for head in heads[1:])))
        title = "Wald intervals of the fixed effects"
        return Table(heads, (Section(tuple(rows)),), title, self.notes)
