"""The data of the benchmarks, written once in a plain binary form that Python and R read alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240501


def make(name: str) -> pd.DataFrame:
    """A bundled data set, or a simulated one named rows x groups."""
    if name == "1e6 x 1e4":
        return _simulated(10**6, 10**4, predictors=5, slope=False)
    if name == "1e6 x 1e5":
        return _simulated(10**6, 10**5, predictors=1, slope=True)
    import echelon

    return echelon.datasets.load(name, quiet=True)


def _simulated(n: int, J: int, *, predictors: int, slope: bool) -> pd.DataFrame:
    """Rows in random order, groups of unequal size, integer group ids."""
    rng = np.random.default_rng(SEED)
    share = rng.gamma(4.0, size=J)
    group = np.append(np.arange(J), rng.choice(J, n - J, p=share / share.sum()))
    group = rng.permutation(group)
    X = rng.normal(size=(predictors, n))
    y = 2.0 + np.linspace(0.5, -0.3, predictors) @ X + rng.normal(0, 0.7, J)[group]
    if slope:
        y += rng.normal(0, 0.4, J)[group] * X[0]
    y += rng.normal(size=n)
    columns = {"y": y, **{f"x{i + 1}": np.ascontiguousarray(x) for i, x in enumerate(X)}}
    return pd.DataFrame({**columns, "g": group + 1}, copy=False)


def write(table: pd.DataFrame, folder: Path) -> None:
    """A line a column in columns.txt (name, kind, levels, tab-separated), and a file a column."""
    lines = []
    for i, name in enumerate(table.columns):
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            lines.append([name, "factor", *map(str, column.cat.categories)])
            values = column.cat.codes.to_numpy().astype("<i4")
        elif column.dtype.kind == "i":
            lines.append([name, "int"])
            values = column.to_numpy().astype("<i4")
        else:
            lines.append([name, "float"])
            values = column.to_numpy().astype("<f8")
        values.tofile(folder / f"{i}.bin")
    text = "\n".join("\t".join(line) for line in lines) + "\n"
    (folder / "columns.txt").write_text(text, encoding="utf-8")


def read(folder: Path) -> pd.DataFrame:
    """What `write` left, as a pandas DataFrame."""
    columns = {}
    for i, line in enumerate((folder / "columns.txt").read_text(encoding="utf-8").splitlines()):
        name, kind, *levels = line.split("\t")
        values = np.fromfile(folder / f"{i}.bin", dtype="<f8" if kind == "float" else "<i4")
        if kind == "factor":
            columns[name] = pd.Categorical.from_codes(values, levels)
        else:
            columns[name] = values if kind == "float" else values.astype(np.int64)
    return pd.DataFrame(columns, copy=False)
