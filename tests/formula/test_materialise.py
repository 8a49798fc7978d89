"""Columns of a design: names, order, coding rule and values, against R 4.2.2's model.matrix."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from echelon.data.column import Column
from echelon.errors import DataError, FormulaError, UnknownColumn, UnknownOption
from echelon.formula import evaluate, materialise, parse

SAME = {"rtol": 1e-12, "atol": 1e-12}
PRINTED = {"rtol": 1e-8, "atol": 1e-9}  # R's output at ten digits


def table():
    columns = [
        Column("x", np.array([1.0, 2.0, 4.0, 7.0, 8.0, 9.0])),
        Column("z", np.array([-1.0, 0.0, 1.0, 2.0, 0.5, 3.0])),
        Column("n", np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])),
        Column("my col", np.arange(6.0)),
        Column("f", np.array([0, 1, 2, 0, 1, 2]), ("a", "b", "c")),
        Column("g", np.array([0, 0, 0, 1, 1, 1]), ("u", "v")),
        Column("o", np.array([0, 1, 2, 0, 1, 2]), ("lo", "mid", "hi"), True),
        Column("flag", np.array([0, 1, 0, 1, 1, 0]), (False, True)),
        Column("one", np.zeros(6, dtype=np.intp), ("only",)),
    ]
    return {column.name: column for column in columns}


def lay(right, **options):
    columns = table()
    spec = parse(f"~ {right}", tuple(columns), one_sided=True)
    return materialise(spec.fixed, columns, **options)


# R's column names with the marker of the coding added: [T.b] is a contrast, [b] an indicator
NAMES = {
    "x + z": "x z",
    "f": "f[T.b] f[T.c]",
    "0 + f": "f[a] f[b] f[c]",
    "0 + f + g": "f[a] f[b] f[c] g[T.v]",
    "0 + x:f + g": "g[u] g[v] x:f[a] x:f[b] x:f[c]",
    "0 + x + x:f": "x x:f[a] x:f[b] x:f[c]",
    "0 + f + f:x": "f[a] f[b] f[c] f[a]:x f[b]:x f[c]:x",
    "x:f": "x:f[a] x:f[b] x:f[c]",
    "x + x:f": "x x:f[T.b] x:f[T.c]",
    "x:z + f:x": "x:z x:f[T.b] x:f[T.c]",
    "f:x + g:x": "f[a]:x f[b]:x f[c]:x x:g[T.v]",
    "f*g": "f[T.b] f[T.c] g[T.v] f[T.b]:g[T.v] f[T.c]:g[T.v]",
    "f/g": "f[T.b] f[T.c] f[a]:g[T.v] f[b]:g[T.v] f[c]:g[T.v]",
    "g + f:g": "g[T.v] g[u]:f[T.b] g[v]:f[T.b] g[u]:f[T.c] g[v]:f[T.c]",
    "f:g": "f[a]:g[u] f[b]:g[u] f[c]:g[u] f[a]:g[v] f[b]:g[v] f[c]:g[v]",
    "z*g + z*x": "z g[T.v] x z:g[T.v] z:x",
    "o": "o.L o.Q",
    "flag": "flag[T.True]",
    "factor(n)": "factor(n)[T.1] factor(n)[T.2]",
    "C(f, Sum)": "C(f, Sum)[S.a] C(f, Sum)[S.b]",
    "C(f, contr.helmert)": "C(f, contr.helmert)[H.b] C(f, contr.helmert)[H.c]",
    "C(f, contr.poly)": "C(f, contr.poly).L C(f, contr.poly).Q",
    'relevel(f, ref="b")': 'relevel(f, ref="b")[T.a] relevel(f, ref="b")[T.c]',
    "poly(x,1)": "poly(x, 1)",
    "poly(x,2)": "poly(x, 2)1 poly(x, 2)2",
    "I( x^2 )": "I(x^2)",
    "`my col`:g": "my col:g[u] my col:g[v]",
}


@pytest.mark.parametrize(("right", "names"), NAMES.items())
def test_names_in_the_order_of_r(right, names):
    assert " ".join(lay(right).names) == names


def test_assign_points_at_terms():
    made = lay("x + f + x:f")
    assert made.assign == (0, 1, 1, 2, 2) and made.intercept
    assert made.recipe.codings["f"].levels == ("a", "b", "c")


def test_columns_of_an_interaction():
    made = lay("x*f")
    x = table()["x"].values
    is_b, is_c = (np.array([0, 1, 0, 0, 1, 0.0]), np.array([0, 0, 1, 0, 0, 1.0]))
    np.testing.assert_array_equal(made.arrays, [x, is_b, is_c, x * is_b, x * is_c])


def test_plain_columns_are_not_copied():
    columns = table()
    made = materialise(parse("~ x + z", one_sided=True).fixed, columns)
    assert made.arrays[0] is columns["x"].values
    assert evaluate("x", columns)[0] is columns["x"].values


def test_formulaic_is_not_loaded_for_plain_terms():
    code = (
        "import sys, numpy as np; from echelon.formula import parse, materialise\n"
        "from echelon.data.column import Column\n"
        "c = {'x': Column('x', np.ones(3)), 'f': Column('f', np.array([0, 1, 1]), ('a', 'b'))}\n"
        "materialise(parse('~ x*f', one_sided=True).fixed, c)\n"
        "assert not {'formulaic', 'pandas', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def coded(right, rows=3):
    return np.column_stack(lay(right).arrays)[:rows]


def test_contrast_matrices():
    np.testing.assert_array_equal(coded("C(f, Sum)"), [[1, 0], [0, 1], [-1, -1]])
    np.testing.assert_array_equal(coded("C(f, contr.helmert)"), [[-1, -1], [1, -1], [0, 2]])
    np.testing.assert_array_equal(coded("C(f, contr.treatment(base=2))"), [[1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(coded('C(f, Treatment("c"))'), [[1, 0], [0, 1], [0, 0]])
    root2, root6 = np.sqrt(2), np.sqrt(6)
    expected = [[-1 / root2, 1 / root6], [0, -2 / root6], [1 / root2, 1 / root6]]
    np.testing.assert_allclose(coded("o"), expected, **SAME)


def test_contr_poly_of_six():  # R: contr.poly(6)[, 1:2]
    six = Column("o", np.arange(6), tuple("abcdef"), True)
    made = materialise(parse("~ o", one_sided=True).fixed, {"o": six})
    assert made.names == ("o.L", "o.Q", "o.C", "o^4", "o^5")
    linear = [-0.5976143, -0.3585686, -0.1195229, 0.1195229, 0.3585686, 0.5976143]
    square = [0.5455447, -0.1091089, -0.4364358, -0.4364358, -0.1091089, 0.5455447]
    np.testing.assert_allclose(made.arrays[:2], [linear, square], atol=5e-8)


def test_poly_is_that_of_r_also_on_new_data():  # R: poly(0:9, 2), predict(., c(-1, 12))
    terms = parse("~ poly(Days, 2)", one_sided=True).fixed
    made = materialise(terms, {"Days": Column("Days", np.tile(np.arange(10.0), 1))})
    first = [-0.49543369431, -0.38533731779, -0.27524094128, -0.16514456477, -0.05504818826]
    second = [0.52223296787, 0.17407765596, -0.08703882798, -0.26111648393, -0.34815531191]
    np.testing.assert_allclose([a[:5] for a in made.arrays], [first, second], **PRINTED)
    new = materialise(terms, {"Days": Column("Days", np.array([-1.0, 12.0]))}, recipe=made.recipe)
    expected = [[-0.6055300708, 0.8257228238], [0.9574271078, 2.0889318715]]
    np.testing.assert_allclose(new.arrays, expected, **PRINTED)


def test_splines_are_those_of_r():  # R: splines::ns(x, df=2), predict(., c(0, 10)); bs(x, df=4)
    made = lay("ns(x, df=2)")
    first = [0.0, 0.1778385172, 0.4707848968, 0.5383012980, 0.4599896412, 0.3615145595]
    np.testing.assert_allclose(made.arrays[0], first, **PRINTED)
    new = {"x": Column("x", np.array([0.0, 10.0]))}
    beyond = materialise(made.recipe.terms, new, recipe=made.recipe).arrays
    expected = [[-0.1804522945, 0.2596789071], [0.1255320310, 1.0802233690]]
    np.testing.assert_allclose(beyond, expected, **PRINTED)
    first = [0.0, 0.455804183813, 0.473379629630, 0.035714285714, 0.004464285714, 0.0]
    np.testing.assert_allclose(lay("bs(x, df=4)").arrays[0], first, **PRINTED)


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("I(x^2)", lambda x, z: x * x),
        ("I(x**2 - z/2)", lambda x, z: x * x - z / 2),
        ("I(-x^2 + 7 %% 4)", lambda x, z: -(x**2) + 3),
        ("log(x, 2)", lambda x, z: np.log2(x)),
        ("np.log(x + 1)", lambda x, z: np.log1p(x)),
        ("scale(x)", lambda x, z: (x - x.mean()) / x.std(ddof=1)),
        ("I((x - mean(x))/sd(x))", lambda x, z: (x - x.mean()) / x.std(ddof=1)),
        ("center(z)", lambda x, z: z - z.mean()),
        ("I(x > 3)", lambda x, z: x > 3),
        ("I(x * (z > 0))", lambda x, z: x * (z > 0)),
        ('I(x * (f == "a"))', lambda x, z: x * np.array([1, 0, 0, 1, 0, 0])),
        ("I(x * flag)", lambda x, z: x * np.array([0, 1, 0, 1, 1, 0])),
        ("sin(2*pi*x)", lambda x, z: np.sin(2 * np.pi * x)),
    ],
)
def test_expressions(right, expected):
    columns = table()
    (array,) = lay(right).arrays
    np.testing.assert_allclose(
        array, expected(columns["x"].values, columns["z"].values), rtol=1e-12, atol=1e-12
    )


def test_recipe_lays_the_same_columns_on_any_rows():
    right = "f*x + poly(z,2) + scale(x) + center(z) + bs(x,df=4) + ns(x,df=3) + cr(x,df=3) + o"
    made = lay(
        right + ' + factor(n) + relevel(g, ref="v") + I(x - mean(x)) + C(f, levels=["c","a","b"])'
    )
    recipe = pickle.loads(pickle.dumps(made.recipe))
    columns = table()
    for rows in (np.array([5, 0]), np.array([3])):
        new = {
            name: Column(name, c.values[rows], c.levels, c.ordered) for name, c in columns.items()
        }
        again = materialise(recipe.terms, new, recipe=recipe)
        assert again.names == made.names
        np.testing.assert_allclose(again.arrays, [a[rows] for a in made.arrays], **SAME)


def test_new_data_are_matched_by_level_and_not_by_code():
    made = lay("f")
    for new in (Column("f", np.array([0, 0]), ("c",)), Column("f", np.array([1, 1]), ("x", "c"))):
        again = materialise(made.recipe.terms, {"f": new}, recipe=made.recipe)
        np.testing.assert_array_equal(again.arrays, [[0, 0], [1, 1]])


def test_new_level_is_named():
    made = lay("f")
    new = {"f": Column("f", np.array([0]), ("d",))}
    with pytest.raises(DataError, match=r"'d', which the fit has not seen\. Known: a, b, c"):
        materialise(made.recipe.terms, new, recipe=made.recipe)


def test_numbers_of_the_fit_stay_numbers():
    made = lay("x")
    with pytest.raises(DataError, match="held numbers in the fit"):
        materialise(made.recipe.terms, {"x": table()["f"]}, recipe=made.recipe)


def test_contrasts_by_name():
    assert lay("f", contrasts={"f": "sum"}).names == ("f[S.a]", "f[S.b]")
    assert lay("factor(n)", contrasts={"n": "contr.helmert"}).names[0] == "factor(n)[H.1]"
    assert lay("f*x", contrasts={"f": "sum"}).names[-1] == "f[S.b]:x"
    with pytest.raises(UnknownOption, match="Did you mean 'sum'"):
        lay("f", contrasts={"f": "sun"})
    with pytest.raises(UnknownColumn, match="'ff'"):
        lay("f", contrasts={"ff": "sum"})
    with pytest.raises(DataError, match="holds numbers"):
        lay("x", contrasts={"x": "sum"})


@pytest.mark.parametrize(
    ("right", "kind", "words"),
    [
        ("log(z)", DataError, "not a finite number in 2 rows of 6; the first .* number 1"),
        ("log(f)", DataError, "f holds categories, as 'a'"),
        ("I(f + 1)", DataError, "holds categories"),
        ("one", DataError, "single category"),
        ("poly(n, 3)", DataError, "distinct values; there are 3"),
        ("scale(z - z)", DataError, "divides by the standard deviation, which is zero"),
        ("poly(x, 2.5)", FormulaError, "whole number"),
        ("bs(x)", FormulaError, "df= or knots="),
        ('I(f == "d")', DataError, "no category 'd'"),
        ('C(f, Treatment("d"))', DataError, "no category 'd'"),
        ("C(n, contr.treatment(base=2))", DataError, "unclear"),
        ("C(f, contr.sm)", UnknownOption, "contr.sm"),
        ('relevel(o, ref="lo")', DataError, "ordered"),
        ('factor(f, levels=c("a", "b"))', DataError, "leave out 'c'"),
    ],
)
def test_refused(right, kind, words):
    with pytest.raises(kind, match=words):
        lay(right)


def test_response():
    columns = table()
    values, state = evaluate("scale(x)", columns)
    again, _ = evaluate("scale(x)", {"x": Column("x", np.array([4.0]))}, state=state)
    np.testing.assert_allclose(again, values[2:3], **SAME)
    with pytest.raises(DataError, match="logistic multilevel model"):
        evaluate("flag", columns)
    with pytest.raises(DataError, match="must be numeric; it holds categories"):
        evaluate("f", columns)
    with pytest.raises(DataError, match="one is needed"):
        evaluate("poly(x, 2)", columns)
    with pytest.raises(UnknownColumn):
        evaluate("w", columns)
