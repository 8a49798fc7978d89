"""The stored simulation of intervals can be made again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from intervals import REPLICATES, STORED, cell

pytestmark = pytest.mark.slow


def test_a_part_of_a_cell_is_like_the_stored_whole() -> None:
    """The first 120 of its samples; a change of any interval's method shows as a shift."""
    count = 120
    found = cell(10, 0.2, count, processes=1)
    stored = next(
        c for c in json.loads(STORED.read_text("utf-8"))["cells"] if (c["J"], c["icc"]) == (10, 0.2)
    )
    assert found["coverage"].keys() == stored["coverage"].keys()
    for name, share in stored["coverage"].items():
        error = np.sqrt(max(share * (1 - share), 0.01) * (1 / count - 1 / REPLICATES))
        assert abs(found["coverage"][name] - share) < 4 * error, name
