"""Fits and a small table that several tests of summaries and tables share."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

import echelon as ec


def sleep(**options: object) -> ec.LMM:
    data = ec.datasets.load("sleepstudy", quiet=True)
    return ec.lmer("Reaction ~ Days + (Days | Subject)", data, **options)


def made(seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "school": np.repeat([f"S{i:02d}" for i in range(12)], 10),
        "sector": np.repeat(["Public", "Private", "Other"], 40),
        "x": rng.normal(size=120),
        "y": rng.normal(50, 2, size=120) + np.repeat(rng.normal(size=12), 10),
    })  # fmt: skip


def rows(text: str) -> dict[str, list[str]]:
    """Cells of a text table by row label; labels end at two spaces."""
    found = {}
    for line in text.splitlines():
        label, *cells = re.split(r"\s{2,}", line.strip())
        found[label] = cells
    return found
