"""docs/theory/prediction.md shows what the stored simulation found, and says of it what is so."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
from documents import ROOT

_PATH = ROOT / "tests" / "simulation" / "predictions.py"
_SPEC = importlib.util.spec_from_file_location("simulated_predictions", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
study = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(study)

KEPT = json.loads(study.STORED.read_text("utf-8"))
PAGE = (ROOT / "docs" / "theory" / "prediction.md").read_text("utf-8")


def coverage(question: str, how: str) -> np.ndarray:
    return np.array([cell["coverage"][f"{question}: {how}"] for cell in KEPT["cells"]])


def test_the_page_has_the_stored_numbers() -> None:
    assert study.page_table(KEPT) in PAGE


def test_the_stored_study_is_the_one_described() -> None:
    assert [(c["J"], c["icc"]) for c in KEPT["cells"]] == [
        (J, icc) for J in study.GROUPS for icc in study.ICCS
    ]
    assert all(c["replicates"] == study.REPLICATES and c["failed"] == 0 for c in KEPT["cells"])
    assert (KEPT["seed"], KEPT["level"]) == (study.SEED, study.LEVEL)


def test_intervals_of_observations_cover_at_the_nominal_rate() -> None:
    for how in study.COUNTED:
        for question in ("new group, new observation", "any group, new observation"):
            assert np.abs(coverage(question, how) - 0.95).max() < 0.01
    counted = coverage("observed group, new observation", "variances estimated")
    assert np.abs(counted - 0.95).max() < 0.01


def test_means_of_observed_groups_need_the_estimation_of_variances_counted() -> None:
    name = "observed group, its mean"
    known, counted = (coverage(name, how) for how in study.COUNTED)
    error = np.array([cell["error"][f"{name}: variances known"] for cell in KEPT["cells"]])
    few = np.array([cell["J"] == 10 for cell in KEPT["cells"]])
    assert (counted > known).all()
    assert (known[few] < 0.95 - 3 * error[few]).all()
    assert (counted > 0.95 - 3 * error).all()


def test_the_mean_of_a_new_group_is_held_too_often_where_variances_run_to_zero() -> None:
    kept = coverage("new group, its mean", "variances known")
    assert (kept > 0.95).all() and kept[:3].min() > 0.97
