"""The derivative of a design: products exactly, everything else by extrapolated differences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from echelon.data import Column
from echelon.errors import DataError
from echelon.formula import materialise, parse
from echelon.formula.derivative import design_derivative, richardson
from tolerances import SAME

X = np.linspace(0.5, 9.5, 40)
Z = np.cos(X) * 3
COLUMNS = {
    "x": Column("x", X),
    "z": Column("z", Z),
    "f": Column("f", np.arange(40) % 3, ("a", "b", "c")),
}


def derivative(rhs: str, variable: str = "x") -> dict[str, np.ndarray]:
    terms = parse(f"y ~ {rhs}").fixed
    recipe = materialise(terms, COLUMNS).recipe
    return design_derivative(terms, COLUMNS, recipe, variable, float(X.std()))


def test_products_are_exact() -> None:
    found = derivative("x * z * f")
    assert (found["x"] == 1).all() and (found["x:z"] == Z).all()
    b = (COLUMNS["f"].values == 1).astype(float)
    assert (found["x:f[T.b]"] == b).all() and (found["x:z:f[T.b]"] == Z * b).all()
    assert set(found) == {"x", "x:z", "x:f[T.b]", "x:f[T.c]", "x:z:f[T.b]", "x:z:f[T.c]"}


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("I(x^2)", 2 * X),
        ("I(x^5)", 5 * X**4),
        ("log(x)", 1 / X),
        ("sqrt(x)", 0.5 / np.sqrt(X)),
        ("exp(x)", np.exp(X)),
        ("I(1 / (1 + x^2))", -2 * X / (1 + X**2) ** 2),
        ("scale(x)", np.full(40, 1 / X.std(ddof=1))),
        ("I(x * z)", Z),
        ("I((x - 5) / 3)", np.full(40, 1 / 3)),
        ("sin(x)", np.cos(X)),
    ],
)
def test_smooth_functions_to_twelve_digits(text: str, slope: np.ndarray) -> None:
    found = next(iter(derivative(text).values()))
    assert_allclose(found, slope, rtol=1e-11, atol=1e-11)


def test_product_rule() -> None:
    assert_allclose(derivative("x:log(x)")["x:log(x)"], np.log(X) + 1, rtol=1e-11)


@pytest.mark.parametrize("basis", ["poly(x, 3)", "bs(x, df=5)", "ns(x, df=4)", "cr(x, df=4)"])
def test_bases_integrate_back(basis: str) -> None:
    """The integral of the derivative is the difference of the columns (Gauss-Legendre)."""
    terms = parse(f"y ~ {basis}").fixed
    laid = materialise(terms, COLUMNS)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(2.0, 3.0, 201)
    half = np.diff(edges) / 2
    points = (edges[:-1, None] + half[:, None] * (1 + nodes)).ravel()
    w = (half[:, None] * weights).ravel()
    inside = {"x": Column("x", points)}
    slope = design_derivative(terms, inside, laid.recipe, "x", float(X.std()))
    ends = materialise(terms, {"x": Column("x", np.array([2.0, 3.0]))}, recipe=laid.recipe)
    for name, array in zip(ends.names, ends.arrays, strict=True):
        assert_allclose(w @ slope[name], array[1] - array[0], rtol=1e-6, atol=1e-9)


def test_what_does_not_depend_on_it_is_absent() -> None:
    assert derivative("z + f") == {}


def test_beside_the_edge_of_a_logarithm() -> None:
    """Long steps leave the domain; shorter ones do not."""
    x = np.array([0.01, 0.1, 5.0])
    terms = parse("y ~ log(x)").fixed
    recipe = materialise(terms, COLUMNS).recipe
    found = design_derivative(terms, {"x": Column("x", x)}, recipe, "x", 2.0)["log(x)"]
    assert_allclose(found, 1 / x, rtol=1e-7)


def test_refusals() -> None:
    for text in ("factor(x)", "I(x > 3)"):
        with pytest.raises(DataError, match="makes categories of 'x'"):
            derivative(text)
    with pytest.raises(DataError, match="has no derivative"):
        richardson(lambda x: np.floor(x)[None], np.array([3.0]), 1.0, "floor(x)")


def test_richardson_is_exact_for_powers() -> None:
    found = richardson(lambda x: np.stack([x, x**2, x**3]), X, 1.0, "powers")
    assert_allclose(found, [np.ones(40), 2 * X, 3 * X**2], rtol=SAME["rtol"])
