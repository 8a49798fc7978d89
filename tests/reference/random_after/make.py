"""44 small random designs for what follows a fit, written once: designs.csv.gz and designs.json.

Each of 22 kinds twice. Unbalanced groups down to single rows, no variance between groups in some, other
codings, weights, missing values, columns that depend on others, labels that are numbers; and 12 rows
to predict for, the last four in groups that the fit does not see. Run `python make.py`, then `Rscript make.R`.
"""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

KINDS = [
    ("y ~ x + (x | g)", {}),
    ("y ~ a + x + (1 | g)", {"missing": True}),
    ("y ~ poly(x, 2) + (1 | g)", {}),
    ("y ~ x + (1 | g/h)", {}),
    ("y ~ x + z + (1 | g) + (1 | h)", {"crossed": True}),
    ("y ~ x + (x || g)", {}),
    ("y ~ a + x + (1 | g)", {"weighted": True}),
    ("y ~ x + offset(off) + (1 | g)", {}),
    ("y ~ 0 + a + x + (1 | g)", {}),
    ("y ~ x + dup + z + (1 | g)", {}),
    ("y ~ a * x + (x | g) + (1 | h)", {"crossed": True}),
    ("y ~ b + x + (b | g)", {"coded": False}),
    ("y ~ x + (1 | g) + (1 | g:h)", {"missing": True}),
    ("y ~ x + (0 + x | g)", {}),
    ("y ~ 1 + (1 | g)", {"smallest": 1}),
    ("y ~ a:b + x + (1 | g)", {}),
    ("y ~ x * z + (x + z | g)", {}),
    ("y ~ x + I(x^2) + (x | h) + (1 | g)", {"crossed": True, "weighted": True}),
    ("y ~ log(v) + (1 | g) + (1 | h)", {"crossed": True, "smallest": 1}),
    ("y ~ w + x + (1 | k/g) + (1 | h)", {"crossed": True}),
    ("y ~ x + z + offset(off) + (x | g) + (1 | h)", {"crossed": True, "weighted": True}),
    ("y ~ w + x + (x | k/g)", {"smallest": 1}),
]
"""Formula, and what is special about the data."""
NEW = 12


def design(
    rng: np.random.Generator, crossed=False, smallest=3, coded=True, weighted=False, missing=False
):
    """One table, rows to predict for, and how it is to be fitted."""
    J, L = int(rng.integers(7, 14)), 4
    g = np.repeat(np.arange(J), rng.integers(smallest, 11, J))
    n = len(g)
    h = rng.integers(0, 5, n) if crossed else rng.integers(0, 3, n)
    k = np.arange(J)[g] % L
    names = {"a": list("pqrs")[: rng.integers(2, 5)], "b": ["no", "yes", "zoo"]}
    codes = {
        f: rng.choice(len(v), n, p=rng.dirichlet(np.full(len(v), 8.0))) for f, v in names.items()
    }
    x, z, w = rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(J)[g]
    sd = rng.choice([0.0, 0.6, 1.5, 3.0], 4, p=[0.15, 0.3, 0.4, 0.15])
    u = rng.standard_normal((J, 3)) * sd[0]
    y = u[g, 0] + u[g, 1] * x * 0.7 + 0.8 * u[g, 2] * (codes["b"] == 1)
    y += sd[1] * rng.standard_normal(5)[h] + sd[2] * rng.standard_normal(L)[k]
    y += sd[3] * 0.7 * rng.standard_normal((J, 5))[g, h]
    y += 0.5 * x - 0.4 * z + 0.5 * codes["a"] + 0.3 * w + rng.standard_normal(n)
    x = (x + rng.choice([0.0, 0.5])).round(4)
    numbered = bool(rng.random() < 0.4)
    frame = {
        "y": [float(f"{v:.6g}") for v in y * 10.0 ** rng.integers(-2, 4)],
        "x": x,
        "z": z.round(4),
        "w": w.round(4),
        "v": np.exp(z).round(4),
        "off": rng.standard_normal(n).cumsum().round(3),
        "wt": rng.uniform(0.3, 3, n).round(3),
        "dup": 2 * x,
        **{f: np.array(v)[codes[f]] for f, v in names.items()},
        "g": 7 * g + 3 if numbered else [f"g{i:02d}" for i in g],
        "h": [f"h{i}" for i in h],
        "k": [f"k{i}" for i in k],
    }
    table = pd.DataFrame(frame)
    new = table.sample(NEW, random_state=int(rng.integers(1 << 30))).reset_index(drop=True)
    new["x"] = (new["x"] + 0.3).round(4)
    new["dup"] = 2 * new["x"]
    new.loc[NEW - 4 : NEW - 2, "g"] = 9001 if numbered else "other"
    new.loc[NEW - 2 :, "h"] = "none"
    if missing:
        table.loc[rng.choice(n, 3, replace=False), "y"] = np.nan
        table.loc[rng.choice(n, 3, replace=False), "x"] = np.nan
        table.loc[rng.choice(n, 1), "h"] = None
    coding = str(rng.choice(["treatment", "sum", "helmert"])) if coded else "treatment"
    spec = {"reml": bool(rng.random() < 0.7), "weighted": weighted, "contrasts": coding}
    return table, new, spec


def main() -> None:
    rng = np.random.default_rng(20261207)
    frames, specs = [], []
    for formula, special in KINDS * 2:
        table, new, spec = design(rng, **special)
        used = [c for c in table if c == "y" or re.search(rf"\b{c}\b", formula.split("~")[1])]
        used += ["wt"] if spec["weighted"] else []
        for kind, rows in (("fit", table), ("new", new)):
            frames.append(rows[used].assign(case=len(specs), kind=kind))
        specs.append({"case": len(specs), "formula": formula, **spec})
    here = Path(__file__).parent
    with gzip.open(here / "designs.csv.gz", "wt") as out:
        pd.concat(frames).to_csv(out, index=False, float_format="%.10g")
    (here / "designs.json").write_text(
        "[\n" + ",\n".join(json.dumps(spec) for spec in specs) + "\n]\n"
    )


if __name__ == "__main__":
    main()
