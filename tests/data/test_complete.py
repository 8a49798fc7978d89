from __future__ import annotations

import numpy as np
import pytest

from echelon.data import Column, Missing, check_finite, complete_cases
from echelon.errors import DataError

X = Column("x", np.array([1.0, np.nan, 3.0, np.nan]))
G = Column("g", np.array([0, 1, -1, -1]), ("a", "b"))
Y = Column("y", np.array([1.0, 2.0, 3.0, 4.0]))


def test_nothing_missing_needs_no_mask():
    keep, missing = complete_cases([Y])
    assert keep is None
    assert missing == Missing(4, 4)
    assert str(missing) == "4 rows, none missing"


def test_rows_and_counts():
    keep, missing = complete_cases([Y, X, G, X])
    assert keep.tolist() == [True, False, False, False]
    assert missing == Missing(4, 1, (("x", 2), ("g", 2)))
    assert str(missing) == "1 of 4 rows used; 3 left out (missing: x 2, g 2)"


def test_nothing_left_says_why():
    empty = Column("empty", np.full(4, np.nan))
    with pytest.raises(DataError, match="'empty' has no value in any of the 4 rows"):
        complete_cases([Y, empty, X])
    other = Column("z", np.array([np.nan, 1.0, np.nan, 1.0]))
    with pytest.raises(DataError, match=r"none of the 4 rows has all .*x 2, z 2"):
        complete_cases([X, other])
    with pytest.raises(DataError, match="no rows"):
        complete_cases([Column("x", np.array([]))])
    with pytest.raises(DataError, match="No columns"):
        complete_cases([])


def test_infinite_values_are_named():
    odd = Column("x", np.array([1.0, np.nan, np.inf, -np.inf]))
    for check in (check_finite, lambda column: complete_cases([column])):
        with pytest.raises(DataError, match=r"'x' has 2 infinite values .first in row 2"):
            check(odd)
    check_finite(G)
    check_finite(X)
