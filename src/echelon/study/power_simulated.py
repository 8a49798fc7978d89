"""What a plan is called by the simulation, and how the two are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError
from echelon.study.analytic import BETWEEN
from echelon.study.powers import Powers

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Plans by formula, and the same plans simulated.

    Attributes
    ----------
    found : the plans by formula
    measured : (m,) arrays by name: "power", "type_1_error", "coverage", "sd", each with its Monte
        Carlo standard error "<name>_mcse"
    estimator : what was simulated
    reps : replicates of each plan
    seed : that repeats the simulation
    remarks : what the simulation leaves out
    """

    found: Powers
    measured: Mapping[str, Array]
    estimator: str
    reps: int
    seed: int
    remarks: tuple[str, ...]


def study_options(found: Powers, place: int) -> tuple[str, dict[str, object]]:
    """The term of interest, and the options of `design_study` for one plan.

    Raises
    ------
    DataError : a plan without an effect; fixed sites; a one-sided test
    """
    setting, cells = found.setting, found.cells
    _check(found)
    icc, sd2 = float(cells.icc[place]), setting.sd**2
    left = 1 - float(cells.r2_2[place]) if setting.design in BETWEEN else 1.0
    options: dict[str, object] = {
        "J": int(cells.J[place]),
        "tau2": icc * left * sd2,
        "sigma2": (1 - icc) * (1 - float(cells.r2_1[place])) * sd2,
        **_sizes(found, place),
    }
    effect = float(found.effect[place])
    if setting.design == "mean":
        return "(Intercept)", options | {"mean": effect}
    kind: object = "normal" if setting.share is None else float(setting.share)
    if setting.design in ("cluster", "level-2"):
        level2 = {"w": kind if setting.design == "cluster" else "normal"}
        return "w", options | {"level2": level2, "effects": {"w": effect}}
    if setting.varying:
        spread = float(cells.effect_sd[place]) * setting.sd * np.sqrt(1 - float(cells.r2_2[place]))
        options["effect_sd"] = {"x": spread}
    if setting.design == "interaction":
        inner: object = "normal" if setting.x_share is None else float(setting.x_share)
        both = {"level2": {"w": kind}, "level1": {"x": inner}, "effects": {"w:x": effect}}
        return "w:x", options | both
    level1 = {"x": kind if setting.design == "multisite" else "normal"}
    return "x", options | {"level1": level1, "effects": {"x": effect}}


def _sizes(found: Powers, place: int) -> dict[str, object]:
    cells = found.cells
    law = int(cells.law[place])
    if law < 0:
        cv = float(cells.cv[place])
        return {"n": round(float(cells.n[place]))} | ({"cv": cv} if cv else {})
    sizes = cells.sizes[law].astype(int)
    if found.labels[place].endswith("given"):
        return {"n": tuple(sizes.tolist())}
    return {"n": f"uniform({sizes[0]}, {sizes[-1]})"}


def _check(found: Powers) -> None:
    if np.isnan(found.effect).any():
        raise DataError("A simulation of power needs effect=; this plan is for precision alone.")
    if np.isnan(found.power).any():
        raise DataError("No size of the groups is enough: there is no plan to simulate.")
    if found.setting.sites == "fixed":
        raise DataError('Groups are drawn in a simulation: sites="fixed" cannot be simulated.')
    if not found.setting.two_sided:
        raise DataError("Tests are two-sided in a simulation: leave out the one-sided alternative.")
