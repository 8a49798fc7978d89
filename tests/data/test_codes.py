from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from echelon.data.codes import encode_floats, encode_integers, sort_levels

WHOLE = st.lists(st.one_of(st.integers(-30, 30), st.integers(-(2**60), 2**60)), max_size=40)


@given(WHOLE, st.randoms())
def test_integers_come_back_from_their_codes(values, random):
    missing = np.array([random.random() < 0.3 for _ in values], dtype=bool)
    codes, levels = encode_integers(np.array(values, dtype=np.int64), missing)
    assert list(levels) == sorted({v for v, gone in zip(values, missing, strict=True) if not gone})
    for value, gone, code in zip(values, missing, codes, strict=True):
        assert code == -1 if gone else levels[code] == value


def test_floats_are_integers_only_if_all_are_whole():
    assert encode_floats(np.array([2.0, np.nan, -0.0]))[1] == (0, 2)
    assert encode_floats(np.array([2.5, 1.0]))[1] == (1.0, 2.5)
    assert encode_floats(np.array([1e300, 1.0]))[1] == (1.0, 1e300)


def test_sorted_levels_keep_the_values():
    codes, levels = sort_levels(np.array([0, 1, -1, 2]), ("b", "é", "a"))
    assert levels == ("a", "b", "é")
    assert codes.tolist() == [1, 2, -1, 0]
