"""Simulated data with several grouping factors, for the tests of the rooms above the engine."""

from __future__ import annotations

import numpy as np
import pandas as pd


def schools() -> pd.DataFrame:
    """Pupils in classes of 4 to 9, in 16 schools of 2 to 5 classes."""
    rng = np.random.default_rng(42)
    school = np.repeat(np.arange(16), 2 + np.arange(16) % 4)  # of each class
    sizes = rng.integers(4, 10, len(school))
    room = np.repeat(np.arange(len(school)), sizes)
    at = school[room]
    ses = rng.normal(size=len(room)) + rng.normal(size=16)[at]
    funds = rng.normal(size=16)
    skill = rng.normal(size=len(school))
    y = (
        50
        + 2 * ses
        + 1.5 * skill[room]
        + funds[at]
        + rng.normal(0, 3, 16)[at]
        + rng.normal(0, 2, len(school))[room]
        + (rng.normal(0, 2, 16)[at] + rng.normal(0, 1, len(school))[room]) * ses
        + rng.normal(0, 4, len(room))
    )
    return pd.DataFrame(
        {
            "y": y,
            "ses": ses,
            "skill": skill[room],
            "funds": funds[at],
            "sector": np.where(at % 2, "private", "public"),
            "school": at,
            "room": room - np.searchsorted(school, at),  # 0, 1, ... in every school
            "district": at // 4,
        }
    )


def answers() -> pd.DataFrame:
    """20 pupils answer 12 items, a fifth of the answers missing."""
    rng = np.random.default_rng(43)
    pupil, item = (x.ravel() for x in np.meshgrid(np.arange(20), np.arange(12), indexing="ij"))
    load = rng.normal(size=240)
    y = (
        10
        + load
        + rng.normal(0, 2, 20)[pupil]
        + rng.normal(0, 1.5, 12)[item]
        + rng.normal(0, 0.8, 20)[pupil] * load
        + rng.normal(0, 0.8, 12)[item] * load
        + rng.normal(size=240)
    )
    data = pd.DataFrame({"y": y, "load": load, "pupil": pupil, "item": item})
    data["pupil"] = "p" + data["pupil"].astype(str).str.zfill(2)
    return data[rng.random(240) > 0.2].reset_index(drop=True)


THREE = "y ~ ses + skill + funds + (1 | school/room)"
THREE_SLOPES = "y ~ ses * funds + skill + (ses | school/room)"
CROSSED = "y ~ 1 + (1 | pupil) + (1 | item)"
CROSSED_SLOPES = "y ~ load + (load | pupil) + (load | item)"
