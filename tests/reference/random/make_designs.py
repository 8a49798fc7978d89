"""48 random one-factor designs, written once to designs.csv.gz and designs.json.

Unbalanced groups (down to single rows), predictors with offsets and scales up to 2000, weights, zero
and large variances, categorical slopes. Run `python make_designs.py`, then `Rscript run_lme4.R`.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

FORMULAS = [
    "y ~ x + (x|g)",
    "y ~ x + z + (x+z|g)",
    "y ~ x*w + (x|g)",
    "y ~ f + (f|g)",
    "y ~ x + (x||g)",
    "y ~ 0 + f + (1|g)",
    "y ~ x + (1|g) + (0+x|g)",
    "y ~ f*x + (x|g)",
    "y ~ x + I(x^2) + (x|g)",
    "y ~ z + (0+x|g)",
    "y ~ x + z + (x+z||g)",
    "y ~ 0 + x + (x|g)",
    "y ~ x + (f|g)",
    "y ~ w + (1|g)",
    "y ~ x:f + (1|g)",
    "y ~ 0 + f + f:x + (0+f|g)",
]


def design(rng: np.random.Generator, case: int, smallest: int) -> pd.DataFrame:
    J = int(rng.integers(6, 60))
    g = np.repeat(np.arange(J), rng.integers(smallest, 25, J))
    n = len(g)
    scale, offset = 10.0 ** rng.integers(-3, 4), rng.choice([0, 0, 50, 2000])
    x, z, w = rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(J)[g]
    f = rng.integers(0, 3, n)
    b = rng.standard_normal((J, 4)) * rng.choice([0, 0.05, 0.5, 2.0])
    y = 2 + x - 0.5 * z + 0.3 * w + 0.4 * f + b[g, 0] + b[g, 1] * x * rng.choice([0, 1])
    y += b[g, 2] * z + b[g, 3] * (f == 1) * rng.choice([0, 1]) + rng.standard_normal(n)
    columns = {
        "case": case,
        "y": y * scale,
        "x": x * rng.choice([1, 1, 100.0]) + offset,
        "z": z,
        "w": w,
        "f": np.array(list("abc"))[f],
        "g": [f"g{i}" for i in g],
        "wt": rng.uniform(0.2, 3, n),
    }
    return pd.DataFrame(columns)


def main() -> None:
    rng = np.random.default_rng(7)
    frames, specs = [], []
    for smallest in (4, 4, 1):
        for formula in FORMULAS:
            case = len(specs)
            frames.append(design(rng, case, smallest))
            reml, weighted = bool(rng.random() < 0.6), bool(rng.random() < 0.3)
            specs.append({"case": case, "formula": formula, "reml": reml, "weighted": weighted})
    here = Path(__file__).parent
    with gzip.open(here / "designs.csv.gz", "wt") as out:
        pd.concat(frames).to_csv(out, index=False, float_format="%.8g")
    (here / "designs.json").write_text(json.dumps(specs, indent=1))


if __name__ == "__main__":
    main()
