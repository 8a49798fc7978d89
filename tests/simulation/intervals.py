"""Do 95% intervals cover? Small unbalanced two-level designs, every interval Echelon offers.

    python tests/simulation/intervals.py                   # all cells, writes intervals.json beside it
    python tests/simulation/intervals.py --cell 10 0.05    # one cell, printed only

Model: y = 1 + 0.5 x + 0.3 w + u_j + e, x a level-1 predictor that varies within and between groups, w
a level-2 predictor, Var(u) + Var(e) = 1, Var(u) = ICC; J groups of 5 to 50 rows. Design and response are
new in every replicate. Each replicate has its own seed, (seed, J, ICC, replicate), so that any of them
can be made again and the number of processes changes nothing. Takes tens of minutes; never part of a
test run. What the results say is in docs/coverage.md.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

import echelon as ec
from echelon.infer.intervals import Intervals

GROUPS = (10, 20, 50)
ICCS = (0.05, 0.2, 0.4)
SIZES = (5, 50)
BETA = {"(Intercept)": 1.0, "x": 0.5, "w": 0.3}
SEED = 20261123
REPLICATES = 2000
BOOTSTRAPS = 399
LEVEL = 0.95

Found = dict[str, tuple[bool, bool]]  # interval: lies above the truth, lies below it


def table(rng: np.random.Generator, J: int, icc: float) -> dict[str, np.ndarray]:
    g = np.repeat(np.arange(J), rng.integers(SIZES[0], SIZES[1] + 1, J))
    w = rng.standard_normal(J)[g]
    x = rng.standard_normal(len(g)) + 0.5 * rng.standard_normal(J)[g]
    u = np.sqrt(icc) * rng.standard_normal(J)[g]
    e = np.sqrt(1 - icc) * rng.standard_normal(len(g))
    y = BETA["(Intercept)"] + BETA["x"] * x + BETA["w"] * w + u + e
    return {"y": y, "x": x, "w": w, "g": g}


def intervals(fit: ec.LMM, seed: list[int]) -> Iterator[tuple[str, dict[str, tuple[float, float]]]]:
    """Every method with its intervals by term."""
    yield "z", rows(fit.confint(df="none", level=LEVEL))
    yield "Satterthwaite", rows(fit.confint(df="satterthwaite", level=LEVEL))
    yield "Kenward-Roger", rows(fit.confint(df="kenward-roger", level=LEVEL))
    yield "CR2", rows(fit.confint(robust="CR2", level=LEVEL))
    yield "profile (ML)", rows(fit.confint(method="profile", level=LEVEL))
    restricted = fit.profile("variance", restricted=True, level=LEVEL)
    yield "profile (REML)", limits(restricted.intervals(level=LEVEL))
    drawn = fit.bootstrap(n=BOOTSTRAPS, rng=np.random.default_rng([*seed, 1]))
    for kind in ("percentile", "basic"):
        yield f"bootstrap, {kind}", limits(drawn.intervals(level=LEVEL, interval=kind))


def rows(frame: object) -> dict[str, tuple[float, float]]:
    found = frame if isinstance(frame, dict) else frame.to_dict("list")
    return {
        term: (low, high)
        for term, low, high in zip(
            found["term"], found["conf_low"], found["conf_high"], strict=True
        )
    }


def limits(found: Intervals) -> dict[str, tuple[float, float]]:
    bounds = zip(found.low.tolist(), found.high.tolist(), strict=True)
    return dict(zip(found.names, bounds, strict=True))


def replicate(J: int, icc: float, number: int) -> tuple[str, Found]:
    """The status of one fit, and on which side each interval misses."""
    seed = [SEED, J, round(1000 * icc), number]
    fit = ec.lmer("y ~ x + w + (1 | g)", table(np.random.default_rng(seed), J, icc))
    truth = {**BETA, "sd_(Intercept)|g": np.sqrt(icc), "sigma": np.sqrt(1 - icc)}
    found = {
        f"{method}: {term}": (bool(low > truth[term]), bool(high < truth[term]))
        for method, terms in intervals(fit, seed)
        for term, (low, high) in terms.items()
    }
    return fit.verdict.status, found


def cell(J: int, icc: float, count: int, processes: int) -> dict[str, object]:
    """Coverage of one cell: shares that miss below and above, and of fits on the boundary."""
    run = partial(replicate, J, icc)
    with ProcessPoolExecutor(processes) as pool:
        done = list(pool.map(run, range(count), chunksize=20))
    names = list(done[0][1])
    missed = np.array([[found[name] for name in names] for _, found in done], dtype=float)
    return {
        "J": J,
        "icc": icc,
        "replicates": count,
        "boundary": float(np.mean([status == "boundary" for status, _ in done])),
        "failed": float(np.mean([status == "failed" for status, _ in done])),
        "coverage": dict(zip(names, (1 - missed.sum(axis=2).mean(axis=0)).tolist(), strict=True)),
        "above": dict(zip(names, missed[:, :, 0].mean(axis=0).tolist(), strict=True)),
        "below": dict(zip(names, missed[:, :, 1].mean(axis=0).tolist(), strict=True)),
    }


_SHOWN = {"(Intercept)": "grand mean", "x": "level-1 effect", "w": "level-2 effect"}
FIXED = {
    f"{method}: {term}": f"{method}, {label}"
    for method in ("z", "Satterthwaite", "Kenward-Roger", "CR2")
    for term, label in _SHOWN.items()
}
"""Intervals of fixed effects in the table of docs/coverage.md, and what they are called there."""

VARIANCE = {
    f"{method}: {term}": f"{method}, {label}"
    for term, label in {"sd_(Intercept)|g": "SD between groups", "sigma": "SD within"}.items()
    for method in ("profile (ML)", "profile (REML)", "bootstrap, percentile", "bootstrap, basic")
}
"""The same of the standard deviations."""

STORED = Path(__file__).with_suffix(".json")


def page_table(kept: dict[str, object], terms: dict[str, str]) -> str:
    """Coverage in per cent as a Markdown table: a row a method and term, a column a cell.

    An asterisk marks what lies more than two Monte Carlo standard errors from the nominal level.
    """
    cells, level = kept["cells"], kept["level"]
    heads = [f"J {c['J']}, ICC {c['icc']}" for c in cells]
    lines = ["| " + " | ".join(["interval", *heads]) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, label in terms.items():
        shown = []
        for c in cells:
            error = np.sqrt(level * (1 - level) / c["replicates"])
            share = c["coverage"][name]
            shown.append(f"{100 * share:.1f}" + ("\\*" if abs(share - level) > 2 * error else ""))
        lines.append("| " + " | ".join([label, *shown]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of 95% intervals.")
    parser.add_argument("--cell", nargs=2, type=float, metavar=("J", "ICC"))
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    cells = [(int(asked.cell[0]), asked.cell[1])] if asked.cell else product(GROUPS, ICCS)
    found = []
    for J, icc in cells:
        found.append(cell(J, icc, asked.replicates, asked.processes))
        print(json.dumps(found[-1], indent=1), flush=True)
    if not asked.cell:
        kept = {"seed": SEED, "echelon": ec.__version__, "level": LEVEL, "cells": found}
        kept |= {"bootstraps": BOOTSTRAPS, "sizes": SIZES, "beta": BETA}
        STORED.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
