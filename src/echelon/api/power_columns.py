"""Planned studies as columns, for frames, JSON and CSV."""

from __future__ import annotations

import numpy as np

from echelon.data import Values
from echelon.study.powers import Powers


def power_columns(found: Powers) -> dict[str, Values]:
    """What is known of each plan, by name of column."""
    cells, setting = found.cells, found.setting
    columns: dict[str, Values] = {"J": cells.J, "n": cells.n}
    if found.labels and not all(label.isdigit() for label in found.labels):
        columns["sizes"] = list(found.labels)
    columns |= {"n_total": found.rows, "icc": cells.icc}
    if setting.varying:
        columns["effect_sd"] = cells.effect_sd * setting.sd
    for name in ("r2_1", "r2_2"):
        if name in found.varied or getattr(cells, name).any():
            columns[name] = getattr(cells, name)
    columns |= {
        "effect": found.effect,
        "power": found.power,
        "std_error": found.std_error,
        "df": found.df,
        "half_width": found.half_width,
        "design_effect": found.design_effect,
        "n_effective": found.rows / found.design_effect,
    }
    if found.cost.size:
        columns["cost"] = found.cost
    whole = ("J", "n", "n_total", "df")
    return {name: _whole(value) if name in whole else value for name, value in columns.items()}


def _whole(values: Values) -> Values:
    """Integers where all are whole."""
    numbers = np.asarray(values, dtype=np.float64)
    if np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all():
        return numbers.astype(np.int64)
    return numbers
