"""The functions a formula may call, and the check that a call is one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi

from echelon.errors import FormulaError, NotYetSupported, nearest_hint
from echelon.formula.tree import Node


@dataclass(frozen=True, slots=True)
class Function:
    """How a function may be called: `data` arguments made of columns, then named options."""

    options: tuple[str, ...] = ()
    data: int = 1


_ONE = Function()
# the spelling in a formula, R's or Python's, to the NumPy function of one argument
ELEMENTWISE = {
    **{name: name for name in ("log2", "log10", "log1p", "exp", "exp2", "expm1", "sqrt", "cbrt")},
    **{name: name for name in ("abs", "sign", "floor", "ceil", "trunc", "square")},
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: name for name in ("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh")},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "ceiling": "ceil",
}
# summaries of a column inside I(...): learned from the data of the fit, kept for new data
SUMMARIES = {"mean": "mean", "median": "median", "min": "min", "max": "max", "sd": "std"}
FACTORS = {
    **{name: Function(("levels", "ordered")) for name in ("factor", "as.factor")},
    **{name: Function(("levels",)) for name in ("ordered", "as.ordered")},
    "C": Function(("contrasts", "base", "levels")),
    "relevel": Function(("ref",)),
}
BASES = {
    "poly": Function(("degree", "raw")),
    "scale": Function(("center", "scale")),
    "center": _ONE,
    "bs": Function(("df", "knots", "degree", "intercept")),
    "ns": Function(("df", "knots", "intercept")),
    "cr": Function(("df", "knots")),
    "cc": Function(("df", "knots")),
}
FUNCTIONS: dict[str, Function] = {
    "I": _ONE,
    "log": Function(("base",)),
    "round": Function(("digits",)),
    **FACTORS,
    **BASES,
    **dict.fromkeys(ELEMENTWISE, _ONE),
    **dict.fromkeys(SUMMARIES, _ONE),
}
_NUMPY = frozenset(ELEMENTWISE) | {"log", "mean", "median", "min", "max"}
_OWN_PLACE = {"offset": _ONE, "cbind": Function(data=2)}  # a term of its own; a whole response
NUMBERS = {"pi": pi, "np.pi": pi}  # unless a column has the name
COVARIANCES = {  # around a bar, as in lme4 and glmmTMB: the structure without and with hom = TRUE
    "us": ("unstructured",),
    "diag": ("diag", "homdiag"),
    "cs": ("cs", "homcs"),
    "ar1": ("hetar1", "ar1"),
    "homdiag": ("homdiag",),
    "homcs": ("homcs",),
    "hetar1": ("hetar1",),
}
_LATER = frozenset({"toep", "homtoep", "ou", "exp", "gau", "mat", "rr", "propto", "equalto"})
_AROUND_BAR = Function(("hom",))
_SMOOTHS = frozenset({"s", "te", "ti", "t2"})


def plain(name: str) -> str:
    """The name without the prefix `np.` where NumPy has that function ("np.log" is "log")."""
    for prefix in ("np.", "numpy."):
        if name.startswith(prefix) and name[len(prefix) :] in _NUMPY:
            return name[len(prefix) :]
    return name


def names_in(node: Node) -> Iterator[Node]:
    """The names of columns in a tree, in the order typed; options of calls are not columns."""
    kind = node.kind
    if kind == "name":
        yield node
    elif kind == "call":
        for arg in data_arguments(node):
            yield from names_in(arg)
    elif node.args:
        for arg in node.args:
            yield from names_in(arg)


def data_arguments(call: Node) -> tuple[Node, ...]:
    """The arguments of a call that are made of columns."""
    name = plain(call.value)
    known = FUNCTIONS.get(name) or _OWN_PLACE.get(name)
    if known is None and is_covariance(call):
        known = _AROUND_BAR
    return call.args[: known.data] if known else call.args


def is_covariance(node: Node) -> bool:
    """Whether a call puts a structure around a bar, as `cs(0 + f | g)`."""
    return node.kind == "call" and node.value in COVARIANCES and any(map(_has_bar, node.args))


def options_of(call: Node) -> dict[str, Node]:
    """The options of a checked call by name, whether given by name or by position."""
    name = plain(call.value)
    known = FUNCTIONS.get(name) or _OWN_PLACE[name]
    rest = call.args[known.data :]
    by_position = [arg for arg in rest if arg.kind != "option"]
    found = dict(zip(known.options, by_position, strict=False))
    return found | {arg.value: arg.args[0] for arg in rest if arg.kind == "option"}


def check_calls(node: Node, formula: str, place: str = "term") -> None:
    """Refuse calls that are not known, or not in this place, with a caret.

    Parameters
    ----------
    node, formula : the tree and the text it came from
    place : "term" where `offset(...)` may stand, "response" where `cbind(...)` may, "inside"
        for what is deeper in a call
    """
    if place == "term" and is_covariance(node):
        check_calls(node.args[0], formula)
    elif node.kind == "call":
        _check_call(node, formula, place)
        for arg in data_arguments(node):
            check_calls(arg, formula, "inside")
    elif node.kind == "op" and node.value in ("|", "||") and place != "term":
        message = "A random term stands by itself, joined to the others by '+': ... + (1 | group)."
        raise FormulaError(message, formula, (node.start, node.end))
    elif node.kind == "op" and node.value in (":", "%in%") and place != "term":
        message = f"'{node.value}' joins terms; inside a call, arithmetic is meant: * for products."
        raise FormulaError(message, formula, (node.start, node.end))
    else:
        for arg in node.args:
            check_calls(arg, formula, place if place != "response" else "inside")


def _check_call(node: Node, formula: str, place: str) -> None:
    name, span = plain(node.value), (node.start, node.start + len(node.value))
    if name in _LATER and any(_has_bar(arg) for arg in node.args):
        raise _covariance(name, formula, (node.start, node.end))
    if is_covariance(node):
        message = f"{name}(... | group) is a term of its own, joined to the others by '+'."
        raise FormulaError(message, formula, (node.start, node.end))
    allowed = {"term": ("offset",), "response": ("cbind",)}.get(place, ())
    if name in _OWN_PLACE and name not in allowed:
        message = {
            "offset": "offset(...) is a term of its own on the right of '~': ... + offset(x).",
            "cbind": "cbind(...) is a response: cbind(successes, failures) ~ ...",
        }[name]
        raise FormulaError(message, formula, span)
    known = FUNCTIONS.get(name) or _OWN_PLACE.get(name)
    if known is None:
        raise _unknown(name, formula, span)
    _check_arguments(node, known, formula)


def _check_arguments(node: Node, known: Function, formula: str) -> None:
    given = [arg for arg in node.args if arg.kind != "option"]
    whole = (node.start, node.end)
    if len(given) < known.data or any(a.kind == "option" for a in node.args[: known.data]):
        message = f"{node.value}(...) needs {known.data} column{'s' * (known.data > 1)} first."
        raise FormulaError(message, formula, whole)
    if len(given) > known.data + len(known.options):
        extra = given[known.data + len(known.options)]
        message = f"{node.value}(...) does not take this argument."
        raise FormulaError(message, formula, (extra.start, extra.end))
    seen = set(known.options[: len(given) - known.data])
    for arg in node.args:
        if arg.kind != "option":
            continue
        if arg.value in seen or arg.value not in known.options:
            hint = nearest_hint(arg.value, known.options, "Options")
            what = "given twice" if arg.value in seen else f"no option of {node.value}(...)"
            message = f"{arg.value!r} is {what}.{hint if arg.value not in seen else ''}"
            raise FormulaError(message, formula, (arg.start, arg.start + len(arg.value)))
        seen.add(arg.value)


def _has_bar(node: Node) -> bool:
    is_bar = node.kind == "op" and node.value in ("|", "||")
    return is_bar or any(_has_bar(arg) for arg in node.args)


def _covariance(name: str, formula: str, span: tuple[int, int]) -> NotYetSupported:
    shown = FormulaError(
        f"The covariance {name}(...) is not offered. Offered are (x | group), unstructured, "
        "(x || group), uncorrelated, and diag(...), cs(...) and ar1(...) around a bar.",
        formula,
        span,
    )
    return NotYetSupported(str(shown))


def _unknown(name: str, formula: str, span: tuple[int, int]) -> FormulaError:
    if name in _SMOOTHS:
        hint = " Smooth terms are not offered; splines are: bs(x, df=5), ns(x, df=4), cr(x, df=4)."
    else:
        hint = nearest_hint(name, sorted(FUNCTIONS), "Known functions")
    return FormulaError(f"The function {name!r} is not known.{hint}", formula, span)
