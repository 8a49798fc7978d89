"""From a formula and a table to a design."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from echelon.data import Frame
from echelon.design.build import Built, build
from echelon.errors import DataError, UnknownColumn
from echelon.formula import parse


def built(formula: str, data: pd.DataFrame, **options: object) -> Built:
    frame = Frame.of(data)
    return build(parse(formula, frame.columns), frame, **options)


@pytest.fixture
def data() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "y": [1.0, 2.0, 4.0, 3.0, np.nan, 5.0],
            "x": [0.0, 1.0, 0.0, np.nan, 1.0, 2.0],
            "f": ["a", "b", "a", "c", "c", "b"],
            "k": [1.0, 2.0, 1.0, 1.0, 1.0, 0.5],
            "g": [3, 3, 1, 1, 2, 2],
        }
    )


def test_rows_with_missing_values_go_and_are_counted(data: pd.DataFrame) -> None:
    made = built("y ~ x + f + (1 | g)", data)
    assert made.used is not None and made.used.tolist() == [True, True, True, False, False, True]
    assert str(made.missing) == "4 of 6 rows used; 2 left out (missing: y 1, x 1)" or set(
        made.missing.by_variable
    ) == {("y", 1), ("x", 1)}
    assert made.design.y.tolist() == [1.0, 2.0, 4.0, 5.0]
    (factor,) = made.design.factors
    assert factor.levels == (1, 2, 3) and factor.codes.tolist() == [2, 2, 0, 1]
    assert len(made.design.names) == 2  # level c has no row left


def test_columns_not_in_the_formula_do_not_count(data: pd.DataFrame) -> None:
    made = built("y ~ f + (1 | g)", data.assign(other=np.nan))
    assert made.missing.n_used == 5


def test_nothing_is_copied_that_need_not_be() -> None:
    data = pd.DataFrame({"y": np.arange(6.0), "x": np.arange(6.0) ** 2, "g": [0, 0, 1, 1, 2, 2]})
    design = built("y ~ x + (x | g)", data).design
    assert np.shares_memory(design.y, data["y"].to_numpy())
    assert design.arrays[0] is design.factors[0].terms[0].arrays[0]


def test_fixed_matrix(data: pd.DataFrame) -> None:
    X = built("y ~ x + (1 | g)", data).design.fixed_matrix()
    assert_allclose(X, [[1, 0], [1, 1], [1, 0], [1, 2]])
    assert built("y ~ 0 + (1 | g)", data).design.fixed_matrix().shape == (5, 0)


def test_offsets_add_up(data: pd.DataFrame) -> None:
    made = built("y ~ offset(x) + offset(2 * k) + (1 | g)", data, offset="k")
    assert_allclose(made.design.offset, np.array([0, 1, 0, 2]) + 3 * np.array([1, 2, 1, 0.5]))


def test_terms_on_one_factor_are_gathered(data: pd.DataFrame) -> None:
    (factor,) = built("y ~ x + (x || g)", data).design.factors
    assert [term.names for term in factor.terms] == [("(Intercept)",), ("x",)]
    assert [term.intercept for term in factor.terms] == [True, False]


@pytest.mark.parametrize("option", ["precision", "offset"])
def test_given_values_or_a_name(data: pd.DataFrame, option: str) -> None:
    values = getattr(built("y ~ x + (1 | g)", data, **{option: data["k"]}).design, option)
    named = getattr(built("y ~ x + (1 | g)", data, **{option: "k"}).design, option)
    assert values.tolist() == named.tolist() == [1.0, 2.0, 1.0, 0.5]
    with pytest.raises(UnknownColumn, match=f"{option}='kk'"):
        built("y ~ x + (1 | g)", data, **{option: "kk"})
    with pytest.raises(DataError, match="shape"):
        built("y ~ x + (1 | g)", data, **{option: [1.0, 2.0]})


def test_categories_are_no_weights(data: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="Give a column of numbers"):
        built("y ~ x + (1 | g)", data, precision="f")


def test_missing_weights_count_as_missing(data: pd.DataFrame) -> None:
    data["k"] = [np.nan, *data["k"][1:]]
    made = built("y ~ x + (1 | g)", data, precision="k")
    assert made.missing.n_used == 3 and ("k", 1) in made.missing.by_variable


def test_a_column_may_group_and_predict(data: pd.DataFrame) -> None:
    made = built("y ~ g + (1 | g)", data)
    assert made.design.names == ("g",) and made.design.arrays[0].tolist() == [3, 3, 1, 1, 2]
