from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from echelon.data import Frame, center, group_mean, to_native
from echelon.errors import DataError, UnknownColumn, UnknownOption

SAME = {"rtol": 1e-12, "atol": 1e-12}
SES = [1.0, 4.0, None, 2.0, 9.0, 5.0]
SCHOOL = ["b", "b", "b", "a", None, "a"]


@pytest.fixture
def table(backend):
    return to_native(
        {"school": SCHOOL, "ses": SES, "poor": [True, False, True, True, None, False]}, backend
    )


def values(table: object, name: str) -> np.ndarray:
    return np.asarray(Frame.of(table).column(name).values)


def test_grand_mean(table, backend, snapshot):
    before = snapshot(table)
    new = center(table, "ses")
    assert snapshot(table) == before
    assert Frame.of(new).backend == backend
    assert Frame.of(new).columns == ("school", "ses", "poor", "ses_c")
    np.testing.assert_allclose(values(new, "ses_c"), values(table, "ses") - 4.2, **SAME)
    assert Frame.of(new).table.get_column("ses_c").null_count() == 1


def test_group_means_and_what_is_missing(table, snapshot):
    before = snapshot(table)
    new = center(table, "ses", within="school", contextual=True)
    assert snapshot(table) == before
    nan = np.nan
    np.testing.assert_allclose(values(new, "ses_m"), [2.5, 2.5, 2.5, 3.5, nan, 3.5], **SAME)
    np.testing.assert_allclose(values(new, "ses_w"), [-1.5, 1.5, nan, -1.5, nan, 1.5], **SAME)
    alone = group_mean(table, "ses", by="school")
    np.testing.assert_array_equal(values(alone, "ses_m"), values(new, "ses_m"))


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_laws(backend, shift):
    rng = np.random.default_rng(3)
    school = rng.integers(0, 40, 1000)
    x = rng.normal(size=1000) + school + shift
    table = to_native({"school": school, "x": x}, backend)
    new = center(table, "x", within="school", contextual=True)
    within, mean = values(new, "x_w"), values(new, "x_m")
    np.testing.assert_allclose(within + mean, x, rtol=1e-12)
    sums = np.bincount(school, within)
    np.testing.assert_allclose(sums, 0, atol=50 * 2.3e-16 * (shift + 50))
    np.testing.assert_allclose(values(center(table, "x"), "x_c").mean(), 0, atol=1e-9)


def test_of_which_grand_mean(table):
    rows = values(group_mean(table, "ses", by="school", center="rows"), "ses_m")
    groups = values(group_mean(table, "ses", by="school", center="groups"), "ses_m")
    np.testing.assert_allclose(rows[[0, 3]], [2.5 - 4.2, 3.5 - 4.2], **SAME)
    np.testing.assert_allclose(groups[[0, 3]], [-0.5, 0.5], **SAME)
    both = center(table, "ses", within="school", contextual=True, of="groups")
    np.testing.assert_array_equal(values(both, "ses_m"), groups)


def test_several_columns_truth_values_and_names(table):
    new = center(table, ["ses", "poor"])
    assert Frame.of(new).columns[-2:] == ("ses_c", "poor_c")
    np.testing.assert_allclose(values(new, "poor_c")[:2], [0.4, -0.6], **SAME)
    assert Frame.of(center(table, "ses", name="z")).columns[-1] == "z"
    assert Frame.of(center(table, "ses", suffix="_gm")).columns[-1] == "ses_gm"
    assert Frame.of(group_mean(table, "ses", by="school", suffix="_mean")).columns[-1] == "ses_mean"


def test_replace(table):
    once = center(table, "ses", name="ses_c")
    with pytest.raises(DataError, match="'ses_c' exists already"):
        center(once, "ses")
    again = center(once, "ses", replace=True)
    assert Frame.of(again).columns == Frame.of(once).columns


def test_the_index_and_the_labels_of_pandas_stay():
    table = pd.DataFrame({"x": [1.0, 3.0]}, index=[7, 5])
    table.attrs["echelon"] = {"labels": {"x": "Score"}}
    new = center(table, "x")
    assert new.index.tolist() == [7, 5]
    assert new["x_c"].tolist() == [-1.0, 1.0]
    assert new.attrs == table.attrs
    new.loc[7, "x"] = 99.0
    assert table.loc[7, "x"] == 1.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: center(t, "school"), DataError, "categorical .a, b."),
        (lambda t: center(t, "sess"), UnknownColumn, "Did you mean 'ses'"),
        (lambda t: center(t, "ses", within="schol"), UnknownColumn, "Did you mean 'school'"),
        (lambda t: center(t, []), DataError, "No column"),
        (lambda t: center(t, ["ses", "ses"]), DataError, "Two new columns"),
        (lambda t: center(t, ["ses", "poor"], name="z"), DataError, "suffix="),
        (lambda t: center(t, "ses", contextual=True), DataError, "within="),
        (lambda t: center(t, "ses", within="school", of="rows"), DataError, "contextual"),
        (lambda t: group_mean(t, "ses", by="school", center="row"), UnknownOption, "'rows'"),
    ],
)
def test_misuse(table, call, error, message):
    with pytest.raises(error, match=message):
        call(table)
