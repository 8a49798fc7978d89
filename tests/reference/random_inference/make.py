"""57 small random designs for tests and intervals, written once: designs.csv.gz and designs.json.

Each of the 19 kinds three times. Unbalanced factors of 2 to 4 levels, few groups, predictors with offsets and scales,
no variance between groups in some, other codings, weights, missing values, an empty cell, columns
that depend on others. Run `python make.py`, then `Rscript make.R` (two minutes; it writes results.json.gz).
"""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

KINDS = [
    ("y ~ a + (1 | g)", {}),
    ("y ~ a * b + (1 | g)", {}),
    ("y ~ a * x + (1 | g)", {}),
    ("y ~ a * x + (x | g)", {}),
    ("y ~ a * b + x + (x || g)", {}),
    ("y ~ 0 + a + x + (1 | g)", {}),
    ("y ~ poly(x, 2) + a + (1 | g)", {}),
    ("y ~ x + I(x^2) + a:x + (1 | g)", {}),
    ("y ~ a + x + (1 | g/h)", {}),
    ("y ~ a * x + (1 | g) + (1 | h)", {"crossed": True}),
    ("y ~ b + x + (b | g)", {"coded": False}),
    ("y ~ a * b * x + (1 | g)", {}),
    ("y ~ a + b + offset(off) + (1 | g)", {}),
    ("y ~ x + dup + a + z + (1 | g)", {}),
    ("y ~ x + near + a + (1 | g)", {}),
    ("y ~ w * x + (x | g)", {"groups": 18}),
    ("y ~ a * b + (1 | g)", {"hole": True}),
    ("y ~ a:b + z + (1 | g) + (0 + x | g)", {}),
    ("y ~ a + x * z + (1 | h) + (x | g)", {"crossed": True}),
]
"""Formula, and what is special about the data."""


def design(rng: np.random.Generator, crossed=False, groups=8, hole=False, coded=True):
    """One table, and how it is to be fitted."""
    J = int(rng.choice([4, 5, 6, 7])) if groups == 8 and rng.random() < 0.5 else groups
    J += int(rng.integers(0, 8)) if groups > 7 and groups == J else 0
    g = np.repeat(np.arange(J), rng.integers(5, 12, J) if groups == 8 else rng.integers(3, 6, J))
    n = len(g)
    h = rng.integers(0, 5, n) if crossed else rng.integers(0, 3, n)
    names = {
        "a": list("pqrs")[: rng.integers(2, 5)],
        "b": ["no", "yes", "zoo"][: rng.integers(2, 4)],
    }
    codes = {
        k: rng.choice(len(v), n, p=rng.dirichlet(np.full(len(v), 8.0))) for k, v in names.items()
    }
    x, z, w = rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(J)[g]
    between = rng.choice([0.0, 0.5, 1.5, 3.0], p=[0.15, 0.3, 0.4, 0.15])
    effects = rng.standard_normal((J, 3)) * between
    y = effects[g, 0] + effects[g, 1] * x * 0.6 + 0.8 * effects[g, 2] * (codes["b"] == 1)
    y += rng.standard_normal(5)[h] * between * 0.7 + 0.5 * x - 0.4 * z + 0.5 * codes["a"]
    y += 0.3 * w * x + 0.4 * codes["b"] * (codes["a"] == 1) + rng.standard_normal(n)
    shift, unit = rng.choice([0.0, 0.0, 5.0, 300.0]), 10.0 ** rng.integers(-2, 3)
    x = digits((x + shift) * unit, 7)
    frame = {
        "y": digits(y * 10.0 ** rng.integers(-2, 4), 6),
        "x": x,
        "z": z.round(4),
        "w": w.round(4),
        "off": rng.standard_normal(n).cumsum().round(3),
        "wt": rng.uniform(0.3, 3, n).round(3),
        "dup": 2 * x,
        "near": digits(x + 1e-3 * unit * rng.standard_normal(n), 9),
        **{k: np.array(v)[codes[k]] for k, v in names.items()},
        "g": [f"g{i:02d}" for i in g],
        "h": [f"h{i}" for i in h],
    }
    table = pd.DataFrame(frame)
    if hole:
        table = table[~((codes["a"] == 1) & (codes["b"] == 1))]
    if rng.random() < 0.25:
        table.loc[rng.choice(table.index, 4, replace=False), "y"] = np.nan
    coding = str(rng.choice(["treatment", "treatment", "sum", "helmert"]))
    return table, {
        "reml": bool(rng.random() < 0.85),
        "weighted": bool(rng.random() < 0.15),
        "contrasts": coding if coded else "treatment",
    }


def digits(values, count: int) -> np.ndarray:
    return np.array([float(f"{v:.{count}g}") for v in values])


def main() -> None:
    rng = np.random.default_rng(20261124)
    frames, specs = [], []
    for formula, special in KINDS * 3:
        table, spec = design(rng, **special)
        used = [c for c in table if c == "y" or re.search(rf"\b{c}\b", formula.split("~")[1])]
        used += ["wt"] if spec["weighted"] else []
        frames.append(table[used].assign(case=len(specs)))
        specs.append({"case": len(specs), "formula": formula, **spec})
    here = Path(__file__).parent
    with gzip.open(here / "designs.csv.gz", "wt") as out:
        pd.concat(frames).to_csv(out, index=False, float_format="%.10g")
    (here / "designs.json").write_text(
        "[\n" + ",\n".join(json.dumps(spec) for spec in specs) + "\n]\n"
    )


if __name__ == "__main__":
    main()
