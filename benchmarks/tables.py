"""The data of the benchmarks, written once in a plain binary form that Python and R read alike."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 20240501
RESPONSES = 1000
_HERE = Path(__file__).parent
_PUBLISHED = _HERE.parent / "tests" / "reference" / "data"


def make(name: str, scale: float = 1.0) -> pd.DataFrame:
    """A bundled or published data set, or a simulated one, its sizes times `scale`."""

    def times(number: float) -> int:
        return max(round(number * scale), 20)

    simulated: dict[str, Callable[[], pd.DataFrame]] = {
        "1e6 x 1e4": lambda: grouped(times(1e6), times(1e4), predictors=5),
        "1e6 x 1e4, 10": lambda: grouped(times(1e6), times(1e4), predictors=10),
        "1e6 x 1e5": lambda: grouped(times(1e6), times(1e5), predictors=1, slopes=1),
        "1e6 crossed": lambda: crossed(times(1e6), times(1e4), times(1e3)),
        "1e6 nested": lambda: _nested(times(1e6), times(2500), times(40_000)),
        "1e6 ratings": lambda: _ratings(times(1e6), times(1e5), times(1e4)),
        "sleepstudy x 1000": lambda: _responses(RESPONSES),
    }
    if name in simulated:
        return simulated[name]()
    if name == "InstEval":
        return _insteval()
    if name in ("Chem97", "InstEval_sub"):
        return _published(name)
    import echelon

    return echelon.datasets.load(name, quiet=True)


def grouped(n: int, J: int, *, predictors: int, slopes: int = 0) -> pd.DataFrame:
    """Rows in random order, groups of unequal size, integer group ids; x1 .. x<slopes> vary."""
    rng = np.random.default_rng(SEED)
    group = _skewed(rng, n, J)
    X = rng.normal(size=(predictors, n))
    y = 2.0 + np.linspace(0.5, -0.3, predictors) @ X + rng.normal(0, 0.7, J)[group]
    for x in X[:slopes]:
        y += rng.normal(0, 0.4, J)[group] * x
    y += rng.normal(size=n)
    columns = {"y": y, **{f"x{i + 1}": np.ascontiguousarray(x) for i, x in enumerate(X)}}
    return pd.DataFrame({**columns, "g": group + 1}, copy=False)


def crossed(n: int, J: int, K: int) -> pd.DataFrame:
    """Two crossed factors, levels drawn independently of each other."""
    rng = np.random.default_rng(SEED)
    g, h, x = _skewed(rng, n, J), _skewed(rng, n, K), rng.normal(size=n)
    y = 1.0 + 0.4 * x + rng.normal(0, 0.6, J)[g] + rng.normal(0, 0.5, K)[h] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x1": x, "g": g + 1, "h": h + 1}, copy=False)


def _skewed(rng: np.random.Generator, n: int, J: int) -> np.ndarray:
    """Group of every row (n,), sizes unequal, every group there."""
    share = rng.gamma(4.0, size=J)
    group = np.append(np.arange(J), rng.choice(J, n - J, p=share / share.sum()))
    return rng.permutation(group)


def _nested(n: int, schools: int, classes: int) -> pd.DataFrame:
    """Classes in schools with a predictor at each level and a random slope of the schools."""
    rng = np.random.default_rng(SEED)
    group = _skewed(rng, n, classes)
    school = _skewed(rng, classes, schools)[group]
    x1, x2, x3 = rng.normal(size=n), rng.normal(size=classes)[group], rng.normal(size=schools)
    x3 = x3[school]
    y = 2.0 + 0.5 * x1 - 0.3 * x2 + 0.2 * x3 + rng.normal(0, 0.4, classes)[group]
    y += rng.normal(0, 0.6, schools)[school] + rng.normal(0, 0.3, schools)[school] * x1
    y += rng.normal(size=n)
    columns = {"y": y, "x1": x1, "x2": x2, "x3": x3, "school": school + 1, "class": group + 1}
    return pd.DataFrame(columns, copy=False)


def _ratings(n: int, users: int, items: int) -> pd.DataFrame:
    """Users of log-normal activity, items of Zipf popularity, every pair once at most."""
    rng = np.random.default_rng(SEED)
    active = rng.lognormal(size=users)
    popular = rng.permutation((np.arange(items) + 10.0) ** -0.8)
    draws = 3 * n // 2
    user = np.append(np.arange(users), rng.choice(users, draws, p=active / active.sum()))
    item = rng.choice(items, draws + users, p=popular / popular.sum())
    item[:items] = np.arange(items)
    _, first = np.unique(user * items + item, return_index=True)
    kept = rng.permutation(np.sort(first)[:n])  # the first draws hold every user and every item
    user, item = user[kept], item[kept]
    x = rng.normal(size=n)
    y = 3.3 + 0.2 * x + rng.normal(0, 0.45, users)[user] + rng.normal(0, 0.5, items)[item]
    y += rng.normal(0, 0.85, n)
    return pd.DataFrame({"y": y, "x1": x, "user": user + 1, "item": item + 1}, copy=False)


def _responses(count: int) -> pd.DataFrame:
    """sleepstudy with responses r1 .. r<count> drawn from about its own fit."""
    import echelon

    table = echelon.datasets.load("sleepstudy", quiet=True)
    rng = np.random.default_rng(SEED)
    days, subject = table["Days"].to_numpy(float), table["Subject"].cat.codes.to_numpy()
    b = rng.multivariate_normal([251.4, 10.5], [[612.0, 9.6], [9.6, 35.1]], (count, 18))
    Y = b[:, subject, 0] + b[:, subject, 1] * days + rng.normal(0, 25.6, (count, len(days)))
    return pd.concat([table, pd.DataFrame({f"r{i + 1}": y for i, y in enumerate(Y)})], axis=1)


def _insteval() -> pd.DataFrame:
    """InstEval of lme4. The tests' copy lacks the department, which the lecturer determines."""
    table = _published("InstEval")
    if "dept" not in table:
        of = pd.read_csv(_HERE / "insteval_dept.csv", dtype=str).set_index("d")["dept"]
        table["dept"] = pd.Categorical(of[table["d"].astype(str)].to_numpy())
    return table


def _published(name: str) -> pd.DataFrame:
    """A table of the tests' references, unordered factors for R's (ordered) factors."""
    sidecar = json.loads((_PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    packed = gzip.decompress((_PUBLISHED / f"{name}.csv.gz").read_bytes()).decode("utf-8")
    kinds = {column["name"]: column for column in sidecar["columns"]}
    factors = {key: str for key, column in kinds.items() if "levels" in column}
    table = pd.read_csv(StringIO(packed), dtype=factors)
    for key in factors:
        table[key] = pd.Categorical(table[key], kinds[key]["levels"])
    return table


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
