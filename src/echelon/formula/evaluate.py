"""Expressions on columns: `log(x)`, `I(x^2)`, `poly(x, 2)`, `C(x, Sum)`, names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from echelon.errors import DataError, FormulaError
from echelon.formula.categories import CATEGORIES, compare_level, levels_of
from echelon.formula.contrasts import option
from echelon.formula.functions import ELEMENTWISE, NUMBERS, SUMMARIES, plain
from echelon.formula.transforms import TRANSFORMS
from echelon.formula.tree import Node, deparse, expression
from echelon.formula.values import Basis, ColumnLike, Factor, Numbers, Scene, State, Value

_ARITHMETIC: dict[str, Callable[[Numbers | float, Numbers | float], Numbers | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
    "^": operator.pow,
    "**": operator.pow,
    "%%": np.mod,
    "%/%": np.floor_divide,
}
_COMPARE: dict[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}


def evaluate(
    expr: str, columns: Mapping[str, ColumnLike], *, state: State | None = None
) -> tuple[NDArray[np.float64], State]:
    """Evaluate a numeric expression: a response or an offset.

    Parameters
    ----------
    expr : e.g. "log(score)"
    columns : the table's columns, complete cases
    state : what an earlier call learned (e.g. the mean in "scale(y)"), to repeat it on new data

    Returns
    -------
    values : (n,) float64; the column's own array for a plain name
    state : what was learned

    Raises
    ------
    DataError : categories instead of numbers; a result that is not finite
    UnknownColumn : a name that is not in `columns`

    >>> from echelon.data.column import Column
    >>> import numpy as np
    >>> evaluate("log2(y)", {"y": Column("y", np.array([1.0, 8.0]))})[0].tolist()
    [0.0, 3.0]
    """
    scene = Scene(columns, {} if state is None else dict(state), learning=state is None)
    value = value_at(expr, scene)
    if isinstance(value, Factor):
        advice = (
            "a yes/no outcome needs a logistic multilevel model"
            if len(value.levels) == 2
            else f"it holds categories, as {value.levels[0]!r}"
        )
        raise DataError(f"{expr}: a response or an offset must be numeric; {advice}.")
    if isinstance(value, Basis):
        raise DataError(f"{expr} makes {len(value.columns)} columns; one is needed here.")
    return value, scene.state


def value_at(expr: str, scene: Scene) -> Numbers | Basis | Factor:
    """The value of an expression, with full length and, if it was computed, checked as finite."""
    column = scene.columns.get(expr)
    if column is not None and column.levels is None and (scene.learning or expr not in scene.state):
        return np.asarray(column.values, dtype=np.float64)  # no copy: the column's own array
    node = expression(expr)
    value = _value(node, scene)
    if isinstance(value, Factor):
        return value
    if isinstance(value, Basis):
        for part in value.columns:
            _check_finite(expr, part)
        return value
    full = np.asarray(value, dtype=np.float64)
    if full.ndim == 0:
        full = np.full(scene.n(), float(full))
    if node.kind != "name":
        _check_finite(expr, full)
    return full


def _check_finite(expr: str, values: Numbers) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        wrong = np.flatnonzero(~finite)
        rows = "1 row" if len(wrong) == 1 else f"{len(wrong)} rows"
        raise DataError(
            f"{expr} is not a finite number in {rows} of {len(values)}; the first of the rows used "
            f"is number {wrong[0] + 1}. Remove or recode these rows, or change the expression."
        )


def _value(node: Node, scene: Scene) -> Value:
    """The value of a tree, by kind of node."""
    kind = node.kind
    if kind == "name":
        return _name(node, scene)
    if kind == "num":
        return float(node.value)
    if kind == "paren":
        return _value(node.args[0], scene)
    if kind == "sign":
        operand = _numbers(node.args[0], scene)
        return -operand if node.value == "-" else operand
    if kind == "op" and node.value in _ARITHMETIC:
        left, right = (_numbers(arg, scene) for arg in node.args)
        with np.errstate(all="ignore"):
            return _ARITHMETIC[node.value](left, right)
    if kind == "op" and node.value in _COMPARE:
        return _comparison(node, scene)
    if kind == "call":
        return _call(node, scene)
    text = deparse(node)
    message = f"{text} has no value as a number here."
    raise FormulaError(message, text, (0, len(text)))


def _name(node: Node, scene: Scene) -> Value:
    name = node.value
    if name in NUMBERS and name not in scene.columns:
        return NUMBERS[name]
    column = scene.column(name, f"the expression {name!r}")
    if column.levels is not None or (not scene.learning and name in scene.state):
        return levels_of(column, scene)
    return np.asarray(column.values, dtype=np.float64)


def _numbers(node: Node, scene: Scene) -> Numbers | float:
    """The value of a tree where a number is needed; False and True count as 0 and 1, as in R."""
    value = _value(node, scene)
    if isinstance(value, Factor):
        if value.is_bool:
            truth = np.array([float(bool(level)) for level in value.levels])
            return truth[value.codes]
        text = deparse(node)
        raise DataError(
            f"{text} holds categories, as {value.levels[0]!r}, and is used as a number."
        )
    if isinstance(value, Basis):
        raise DataError(f"{deparse(node)} makes several columns and is used as one number.")
    return value


def _comparison(node: Node, scene: Scene) -> Factor:
    """A yes/no variable, as in `I(x > 3)` or `I(sex == "F")`."""
    left, right = node.args
    for factor, other in ((left, right), (right, left)):
        if other.kind == "str":
            return compare_level(_value(factor, scene), node, other.value)
    made = _COMPARE[node.value](_numbers(left, scene), _numbers(right, scene))
    return Factor(np.asarray(made).astype(np.intp), (False, True))


def _call(node: Node, scene: Scene) -> Value:
    name, first = plain(node.value), node.args[0]
    if name == "I":
        return _value(first, scene)
    if name in CATEGORIES:
        value = _value(first, scene)
        if isinstance(value, float | Basis):
            raise DataError(f"{deparse(node)} needs one column of categories or numbers.")
        return CATEGORIES[name](node, value, scene)
    if name == "cbind":
        raise DataError(f"{deparse(node)} makes two columns; one number a row is needed here.")
    x = _numbers(first, scene)
    if name in SUMMARIES:
        return scene.recall(deparse(node), lambda: _summary(name, x))
    if name in TRANSFORMS:
        return TRANSFORMS[name](node, np.broadcast_to(x, (scene.n(),)), scene)
    with np.errstate(all="ignore"):
        if name == "round":
            digits = option(node, "digits", 0)
            return np.round(x, digits if isinstance(digits, int) else 0)
        if name == "log":
            base = option(node, "base", None)
            logs = np.log(x)
            return logs if base is None else logs / np.log(float(str(base)))
        made: Numbers = getattr(np, ELEMENTWISE[name])(x)
        return made


def _summary(name: str, x: Numbers | float) -> float:
    made = np.std(x, ddof=1) if name == "sd" else getattr(np, SUMMARIES[name])(x)
    return float(made)
