"""Do 95% intervals of `predict` cover? Groups that were observed, and groups that were not.

    python tests/simulation/predictions.py                   # all cells, writes predictions.json beside it
    python tests/simulation/predictions.py --cell 10 0.1     # one cell, printed only

Model: y = 1 + 0.5 x + u_j + v_j x + e, x a level-1 predictor; Var(u) + Var(e) = 1, Var(u) = ICC,
Var(v) = ICC / 4, correlation of u and v 0.3; J groups of 2 to 20 rows, fitted by
`y ~ x + (x | g)`. Design and response are new in every replicate. In each of them a row with a new x
is predicted for every observed group, and for as many groups that were not observed. Means of
groups are in the interval or not; for new observations the share of their normal distribution that
the interval holds is known, and is averaged. Every replicate has its own seed, (seed, J, ICC,
replicate). What the results say is in docs/theory/prediction.md.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import ndtr

import echelon as ec

GROUPS = (10, 30, 100)
ICCS = (0.1, 0.4)
SIZES = (2, 20)
BETA = (1.0, 0.5)
SEED = 20261124
REPLICATES = 1000
LEVEL = 0.95

QUESTIONS = {
    "new group, new observation": ("new", "all", "prediction"),
    "new group, its mean": ("new", "all", "confidence"),
    "observed group, new observation": ("old", "all", "prediction"),
    "observed group, its mean": ("old", "all", "confidence"),
    "any group, new observation": ("old", "none", "prediction"),
    "mean over groups": ("old", "none", "confidence"),
}
"""Rows to predict for, random effects, interval."""

COUNTED = {"variances known": False, "variances estimated": True}
STORED = Path(__file__).with_suffix(".json")


def covariance(icc: float) -> np.ndarray:
    """Of intercepts and slopes between groups."""
    sd = np.sqrt([icc, icc / 4])
    return np.outer(sd, sd) * np.array([[1.0, 0.3], [0.3, 1.0]])


def replicate(J: int, icc: float, number: int) -> tuple[str, dict[str, float]]:
    """The status of one fit, and the share of each kind of interval that holds what it is for."""
    rng = np.random.default_rng([SEED, J, round(1000 * icc), number])
    T, noise = covariance(icc), 1 - icc
    g = np.repeat(np.arange(J), rng.integers(SIZES[0], SIZES[1] + 1, J))
    b = rng.multivariate_normal(np.zeros(2), T, 2 * J)
    x = rng.standard_normal(len(g))
    y = BETA[0] + BETA[1] * x + b[g, 0] + b[g, 1] * x + np.sqrt(noise) * rng.standard_normal(len(g))
    fit = ec.lmer("y ~ x + (x | g)", {"y": y, "x": x, "g": g})
    at = rng.standard_normal(2 * J)
    rows = {"old": slice(0, J), "new": slice(J, 2 * J)}
    fixed = BETA[0] + BETA[1] * at
    own = fixed + b[:, 0] + b[:, 1] * at
    among = T[0, 0] + 2 * at * T[0, 1] + at**2 * T[1, 1]
    shares = {}
    for (name, (which, random, interval)), (how, counted) in product(
        QUESTIONS.items(), COUNTED.items()
    ):
        part = rows[which]
        found = fit.predict(
            {"x": at[part], "g": np.arange(2 * J)[part]},
            random=random,
            new_groups="population",
            interval=interval,
            variance_parameters=counted,
            level=LEVEL,
        )
        low, high = (found[c].to_numpy() for c in found.columns[-2:])
        known = which == "old" and random == "all"
        centre = own[part] if known else fixed[part]
        spread = (
            np.zeros(J) if known or (random == "none" and interval == "confidence") else among[part]
        )
        spread = spread + (noise if interval == "prediction" else 0.0)
        shares[f"{name}: {how}"] = float(held(low, high, centre, spread).mean())
    return fit.verdict.status, shares


def held(low: np.ndarray, high: np.ndarray, centre: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """The share of N(centre, variance) between the limits."""
    if not variance.any():
        return ((low <= centre) & (centre <= high)).astype(float)
    sd = np.sqrt(variance)
    return np.asarray(ndtr((high - centre) / sd) - ndtr((low - centre) / sd))


def cell(J: int, icc: float, count: int, processes: int) -> dict[str, object]:
    """Coverage of one cell with its Monte Carlo standard errors."""
    if processes == 1:
        done = [replicate(J, icc, number) for number in range(count)]
    else:
        with ProcessPoolExecutor(processes) as pool:
            done = list(pool.map(partial(replicate, J, icc), range(count), chunksize=20))
    names = list(done[0][1])
    shares = np.array([[found[name] for name in names] for _, found in done])
    errors = shares.std(axis=0, ddof=1) / np.sqrt(count)
    return {
        "J": J,
        "icc": icc,
        "replicates": count,
        "boundary": float(np.mean([status == "boundary" for status, _ in done])),
        "failed": float(np.mean([status == "failed" for status, _ in done])),
        "coverage": dict(zip(names, shares.mean(axis=0).tolist(), strict=True)),
        "error": dict(zip(names, errors.tolist(), strict=True)),
    }


def page_table(kept: dict[str, object]) -> str:
    """Coverage in per cent as a Markdown table: a row a question and method, a column a cell.

    An asterisk marks what lies more than two Monte Carlo standard errors from the nominal level.
    """
    cells, level = kept["cells"], kept["level"]
    heads = ["interval", *(f"J {c['J']}, ICC {c['icc']}" for c in cells)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name in cells[0]["coverage"]:
        shown = []
        for c in cells:
            share, error = c["coverage"][name], c["error"][name]
            shown.append(f"{100 * share:.1f}" + ("\\*" if abs(share - level) > 2 * error else ""))
        lines.append("| " + " | ".join([name.replace(": ", ", "), *shown]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of 95% intervals of predictions.")
    parser.add_argument("--cell", nargs=2, type=float, metavar=("J", "ICC"))
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    cells = [(int(asked.cell[0]), asked.cell[1])] if asked.cell else product(GROUPS, ICCS)
    found = []
    for J, icc in cells:
        found.append(cell(J, icc, asked.replicates, asked.processes or 1))
        print(json.dumps(found[-1], indent=1), flush=True)
    if not asked.cell:
        kept = {"seed": SEED, "echelon": ec.__version__, "level": LEVEL, "cells": found}
        kept |= {"sizes": SIZES, "beta": BETA}
        STORED.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
