from __future__ import annotations

import numpy as np
import pandas as pd

from echelon.data import Column
from echelon.data.labelled import attach_notes, neutral_columns


def test_text_codes_can_have_labels():
    table = pd.DataFrame({"c": ["US", "DE", "US"]})
    column = neutral_columns(table, {"c": {"US": "United States", "DE": "Germany"}})["c"]
    assert isinstance(column, Column)
    assert column.levels == ("Germany", "United States")  # in the order of the codes
    assert column.values.tolist() == [1, 0, 1]


def test_integers_and_floats_are_passed_as_they_are():
    table = pd.DataFrame({"i": [1, 2], "f": [0.5, np.nan], "n": pd.array([1, None], dtype="Int64")})
    columns = neutral_columns(table)
    assert columns["i"].dtype == np.int64
    assert columns["f"].dtype == np.float64
    assert columns["n"] == [1, None]


def test_no_labels_leave_no_trace():
    assert attach_notes(pd.DataFrame({"x": [1]}), {}, {}).attrs == {}
