"""48 random one-factor designs and 32 of several factors, written once.

Files: designs.csv.gz and designs.json; several.csv.gz and several.json. Unbalanced groups (down to single rows), predictors with offsets and scales up to 2000, weights, zero
and large variances, categorical slopes. Run `python make_designs.py`, then
`Rscript run_lme4.R designs` and `Rscript run_lme4.R several`.
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


SEVERAL = [
    "y ~ x + (1|g) + (1|h)",
    "y ~ x + (x|g) + (1|h)",
    "y ~ x + z + (1|g) + (z|h)",
    "y ~ x + (1|g/h)",
    "y ~ x + z + (x|g/h)",
    "y ~ x + (1|k/g) + (1|h)",
    "y ~ x + (1|k/g/h)",
    "y ~ f + (1|g) + (1|h) + (1|g:f)",
    "y ~ x + (x||g) + (x||h)",
    "y ~ x + z + (x+z|g) + (1|h)",
    "y ~ 0 + f + (0+f|h) + (1|g)",
    "y ~ x + (0+x|g) + (1|h) + (1|k)",
    "y ~ x*f + (x|k/g)",
    "y ~ x + I(x^2) + (x|h) + (1|g)",
    "y ~ z + (1|g) + (1|h) + (1|k) + (1|g:h)",
    "y ~ x + (f|h) + (1|g)",
]


def several(rng: np.random.Generator, case: int) -> pd.DataFrame:
    """Partially crossed g and h, g inside k."""
    J, K, L, n = (
        rng.integers(10, 20),
        rng.integers(4, 8),
        rng.integers(4, 8),
        rng.integers(280, 360),
    )
    g, h = rng.choice(J, n, p=rng.dirichlet(np.ones(J))), rng.integers(0, K, n)
    k = rng.integers(0, L, J)[g]
    scale, offset = 10.0 ** rng.integers(-3, 4), rng.choice([0, 0, 50, 2000])
    x, z, f = rng.standard_normal(n), rng.standard_normal(n), rng.integers(0, 3, n)
    sd = rng.choice([0.0, 0.3, 1.0, 3.0], 4)
    y = 0.5 * x + 0.3 * z + sd[0] * rng.standard_normal(J)[g] + sd[1] * rng.standard_normal(K)[h]
    y += sd[2] * rng.standard_normal(L)[k] + sd[3] * rng.standard_normal(J)[g] * x
    y += rng.standard_normal(n)
    frame = {"case": case, "y": y, "x": scale * (offset + x), "z": z, "f": np.array(list("abc"))[f]}
    groups = {name: [f"{name}{i}" for i in codes] for name, codes in (("g", g), ("h", h), ("k", k))}
    return pd.DataFrame({**frame, **groups, "wt": rng.uniform(0.5, 3, n)})


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
    write("designs", specs, frames)
    rng, specs, frames = np.random.default_rng(20261123), [], []
    for formula in SEVERAL * 2:
        case = len(specs)
        frames.append(several(rng, case))
        reml, weighted = bool(rng.random() < 0.6), bool(rng.random() < 0.3)
        specs.append({"case": case, "formula": formula, "reml": reml, "weighted": weighted})
    write("several", specs, frames)


def write(name: str, specs: list[dict[str, object]], frames: list[pd.DataFrame]) -> None:
    here = Path(__file__).parent
    with gzip.open(here / f"{name}.csv.gz", "wt") as out:
        pd.concat(frames).to_csv(out, index=False, float_format="%.8g")
    (here / f"{name}.json").write_text(json.dumps(specs, indent=1))


if __name__ == "__main__":
    main()
