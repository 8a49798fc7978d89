"""What the tests of `echelon fit` after its table share."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import echelon as ec

SLEEP = "Reaction ~ Days + (Days | Subject)"
NESTED = "y ~ x + (1 | school/klass)"


def classes_file(folder):
    """A file of classes in schools with a missing value, and its table."""
    import pandas as pd

    draw = np.random.default_rng(11)
    school = np.repeat(np.arange(8), 30)
    klass = np.tile(np.repeat(np.arange(3), 10), 8)
    x = draw.normal(size=240)
    y = 3 + x + 2 * draw.normal(size=8)[school] + draw.normal(size=24)[3 * school + klass]
    table = pd.DataFrame(
        {"y": y + draw.normal(size=240), "x": x, "school": school + 1, "klass": klass + 1}
    )
    table.loc[5, "x"] = np.nan
    table.to_csv(folder / "pupils.csv", index=False)
    return ec.read(folder / "pupils.csv")


def results(shell, *words):
    found = shell("fit", *words, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def rows(result) -> list[dict[str, object]]:
    """The rows of a result of the API as JSON has them."""
    frame = result if hasattr(result, "to_dict") else result.frame()
    return [{k: plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def plain(value: object) -> object:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
