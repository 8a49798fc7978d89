from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import echelon as ec
from echelon.data import Frame
from echelon.errors import DataError, UnknownColumn
from echelon.multilevel import describe_values, description_frame
from tolerances import SAME

SLIDES = Path(__file__).parents[1] / "lecture" / "slide_numbers.json"
BACKENDS = ("pandas", "polars", "pyarrow")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_lectures_descriptives(backend):
    table = ec.datasets.load("eclsk", backend=backend, quiet=True)
    found = describe_values(table, ["g1rscore", "ses"], by="sector", level="schid")
    place = dict(zip(zip(found.variables, found.values, strict=True), range(6), strict=True))
    variable = {"read": "g1rscore", "ses": "ses"}
    sector = {"pub": "0", "priv": "1", "all": "all"}
    numbers = json.loads(SLIDES.read_text("utf-8"))["numbers"]
    seen = 0
    for entry in numbers:
        words = entry["what"].split()
        if entry["where"] != "ECLSK/descriptives" or words[0] not in variable:
            continue
        at = place[variable[words[0]], sector[words[1]]]
        value = getattr(found, words[2].lower())[at]
        np.testing.assert_allclose(value, entry["value"], **SAME, err_msg=entry["what"])
        seen += 1
    assert seen == 30
    assert (found.counts, found.rows, found.groups) == ((672, 70), 11091, 742)
    assert (found.n_min, found.n_max) == (10, 25)
    np.testing.assert_allclose(found.percent[1], 9.43396226415094, **SAME)
    frame = Frame.of(description_frame(found))
    assert frame.backend == backend
    assert frame.columns[:3] == ("variable", "sector", "n")


def test_rows_by_category_and_overall(hsb):
    found = describe_values(hsb, "mathach", by="sex")
    assert found.values == ("Male", "Female", "all")
    girls = hsb.loc[hsb["sex"] == "Female", "mathach"]
    expected = [girls.mean(), girls.std(), girls.median(), girls.min(), girls.max()]
    np.testing.assert_allclose(
        [found.mean[1], found.sd[1], found.median[1], found.min[1], found.max[1]], expected, **SAME
    )
    assert found.n.tolist() == [3390, 3795, 7185]
    assert np.isnan(found.n_min)


def test_missing_values_count_where_they_are():
    table = {
        "x": [1.0, np.nan, 3.0, np.nan, np.nan, 7.0],
        "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "g": ["a", "a", "b", "c", "c", None],
        "w": ["u", "u", "v", "v", None, "v"],
    }
    rows = describe_values(table, ["x", "y"])
    assert (rows.n.tolist(), rows.missing.tolist()) == ([3, 6], [3, 0])
    groups = describe_values(table, ["x", "y"], by="w", level="g")
    assert groups.values == ("u", "v", "all") * 2
    assert groups.n.tolist() == [1, 1, 2, 1, 2, 3]
    assert groups.missing.tolist() == [0, 1, 1, 0, 0, 0]
    assert groups.mean[5] == pytest.approx((1.5 + 3 + 4.5) / 3)
    assert np.isnan(groups.sd[0])
    assert groups.counts == (1, 2)


def test_unused_categories_are_left_out(hsb):
    boys = hsb[hsb["sex"] == "Male"]
    assert describe_values(boys, "mathach", by="sex").values == ("Male", "all")


def test_by_must_be_a_property_of_the_groups(hsb):
    with pytest.raises(DataError, match=r"'sex' varies within groups .* first in group 1224"):
        describe_values(hsb, "mathach", by="sex", level="school")


def test_refusals(hsb):
    with pytest.raises(DataError, match="'sex' holds categories"):
        describe_values(hsb, "sex")
    with pytest.raises(UnknownColumn, match="Did you mean 'mathach'"):
        describe_values(hsb, "matach")
    with pytest.raises(DataError, match="at least one column"):
        describe_values(hsb, [])


def test_a_by_column_with_the_name_of_a_statistic():
    frame = description_frame(describe_values({"x": [1.0, 2.0], "n": [0, 1]}, "x", by="n"))
    assert list(frame.columns)[:3] == ["variable", "by", "n"]
