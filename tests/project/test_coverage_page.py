"""docs/coverage.md shows what the stored simulation found, and says of it what is so."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
from documents import ROOT

_PATH = ROOT / "tests" / "simulation" / "intervals.py"
_SPEC = importlib.util.spec_from_file_location("intervals", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
study = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(study)

KEPT = json.loads(study.STORED.read_text("utf-8"))
PAGE = (ROOT / "docs" / "coverage.md").read_text("utf-8")


def coverage(method: str, term: str) -> np.ndarray:
    return np.array([cell["coverage"][f"{method}: {term}"] for cell in KEPT["cells"]])


def test_the_page_has_the_stored_numbers() -> None:
    assert study.page_table(KEPT, study.FIXED) in PAGE
    assert study.page_table(KEPT, study.VARIANCE) in PAGE


def test_the_stored_study_is_the_one_described() -> None:
    assert [(c["J"], c["icc"]) for c in KEPT["cells"]] == [
        (J, icc) for J in study.GROUPS for icc in study.ICCS
    ]
    assert all(c["replicates"] == study.REPLICATES and c["failed"] == 0 for c in KEPT["cells"])
    assert (KEPT["seed"], KEPT["level"]) == (study.SEED, study.LEVEL)


def test_what_the_page_says_of_the_methods() -> None:
    error = np.sqrt(0.95 * 0.05 / study.REPLICATES)
    for method in ("Satterthwaite", "Kenward-Roger", "CR2"):
        for term in study.BETA:
            assert coverage(method, term).min() > 0.95 - 3 * error
    assert abs(coverage("profile (REML)", "sd_(Intercept)|g") - 0.95).max() < 2 * error
    few = slice(0, 3)
    for method in ("profile (ML)", "bootstrap, percentile"):
        assert coverage(method, "sd_(Intercept)|g")[few].max() < 0.95 - 3 * error
    assert coverage("z", "w")[few].max() < 0.95 - 3 * error
