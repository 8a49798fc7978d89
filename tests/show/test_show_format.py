from __future__ import annotations

import numpy as np
import pytest

from echelon.show.format import clean, integer, number, p_value, percent, typeset, written

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        (7620.94, 1, "7,620.9"),
        (0.0, 3, "0.000"),
        (-0.0, 3, "0.000"),
        (-0.25, 3, "-0.250"),
        (0.00049, 3, "4.90e-04"),
        (0.000501, 3, "0.001"),
        (-0.00004, 3, "-4.00e-05"),
        (0.4, 0, "0"),
        (-0.4, 0, "0"),
        (9_999_999.0, 1, "9,999,999.0"),
        (1e7, 1, "1.00e+07"),
        (-123456789.0, 5, "-1.2346e+08"),
        (NAN, 3, "—"),
        (INF, 3, "inf"),
        (-INF, 3, "-inf"),
        (np.float64(1.5), 2, "1.50"),
        (12, 2, "12.00"),
    ],
)
def test_numbers(x, digits, text):
    assert number(x, digits) == text


@pytest.mark.parametrize(
    ("p", "digits", "text"),
    [(0.05, 3, "0.050"), (0.001, 3, "0.001"), (0.00099, 3, "<0.001"), (0.0, 4, "<0.0001"),
     (1.0, 3, "1.000"), (NAN, 3, "—"), (0.5, 0, "0.5")],
)  # fmt: skip
def test_p_values(p, digits, text):
    assert p_value(p, digits) == text


def test_no_p_value_is_written_as_zero():
    for p in np.geomspace(1e-300, 1, 500):
        for digits in (2, 3, 4):
            assert set(p_value(p, digits)) - set("0."), p


def test_counts_and_shares():
    assert integer(11091) == "11,091"
    assert integer(3_000_000_000) == "3,000,000,000"
    assert integer(np.int64(-12)) == "-12"
    assert integer(NAN) == "—"
    assert percent(0.2754) == "27.5%"
    assert percent(-0.00001) == "0.0%"
    assert percent(1e-9, 2) == "<0.01%"
    assert percent(1.5, 0) == "150%"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(None, "number", ""), ("(ref.)", "number", "(ref.)"), ("", "p", ""),
     (NAN, "text", "—"),
     (1001, "text", "1001"), (1001.0, "text", "1001"), (1.5, "text", "1.5"),
     (True, "number", "True"), (np.bool_(False), "integer", "False"),
     (np.int64(3), "number", "3.000")],
)  # fmt: skip
def test_every_value_follows_its_kind(value, kind, text):
    assert written(value, kind, 3) == text


def test_each_medium_has_its_own_signs():
    assert typeset("-1.500", "ascii") == "-1.500"
    assert typeset("-1.500", "unicode") == "−1.500"
    assert typeset("-1.500", "latex") == "$-$1.500"
    assert typeset("1.23e+08", "unicode") == "1.23×10⁸"
    assert typeset("-1.23e-12", "latex") == r"$-$1.23$\times 10^{-12}$"
    assert typeset("-inf", "latex") == r"$-\infty$"
    assert typeset("inf", "unicode") == "∞"
    assert typeset("—", "latex") == "---"
    assert typeset("<0.001", "latex") == "$<$0.001"


def test_control_characters_are_removed():
    assert clean("a\x00b\ud800c\nd") == "abc d"
