"""Transformations that learn from the data of the fit, so that new data get the same columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from echelon.errors import DataError, FormulaError
from echelon.formula.contrasts import option
from echelon.formula.tree import Node, deparse
from echelon.formula.values import Basis, Numbers, Scene


@dataclass(frozen=True, slots=True)
class _Recurrence:
    """Orthogonal polynomials: P[k+1] = (x - alpha[k]) P[k] - norm2[k]/norm2[k-1] P[k-1]."""

    alpha: tuple[float, ...]
    norm2: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Shift:
    center: float
    scale: float


def poly(call: Node, x: Numbers, scene: Scene) -> Basis | Numbers:
    """Orthonormal polynomials of `x`, R's `poly(x, degree)`; powers with `raw=TRUE`."""
    degree = positive(call, "degree", 1)
    if option(call, "raw", False):
        columns: tuple[Numbers, ...] = tuple(x**k for k in range(1, degree + 1))
    else:
        rule = scene.recall(deparse(call), lambda: _learn_poly(x, degree, deparse(call)))
        columns = _apply_poly(x, rule)
    return _named(columns)


def _named(columns: tuple[Numbers, ...]) -> Basis | Numbers:
    """A basis with columns numbered from 1; a single column needs no number (as in R)."""
    if len(columns) == 1:
        return columns[0]
    return Basis(columns, tuple(str(k) for k in range(1, len(columns) + 1)))


def _learn_poly(x: Numbers, degree: int, text: str) -> _Recurrence:
    """Stieltjes' procedure: R finds the same polynomials from a QR of the powers of x - mean."""
    if degree >= len(np.unique(x)):
        raise DataError(
            f"{text} needs more than {degree} distinct values; there are {len(np.unique(x))}."
        )
    alpha, norm2 = [float(x.mean())], [float(len(x))]
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(degree):
        ratio = norm2[k] / norm2[k - 1] if k else 0.0
        before, now = now, (x - alpha[k]) * now - ratio * before
        norm2.append(float(now @ now))
        alpha.append(float(x @ now**2) / norm2[-1])
    return _Recurrence(tuple(alpha), tuple(norm2))


def _apply_poly(x: Numbers, rule: _Recurrence) -> tuple[Numbers, ...]:
    columns = []
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(len(rule.norm2) - 1):
        ratio = rule.norm2[k] / rule.norm2[k - 1] if k else 0.0
        before, now = now, (x - rule.alpha[k]) * now - ratio * before
        columns.append(now / np.sqrt(rule.norm2[k + 1]))
    return tuple(columns)


def scale(call: Node, x: Numbers, scene: Scene) -> Numbers:
    """(x - mean) / sd as R's `scale`: n - 1; the root mean square where it is not centred."""
    centred = bool(option(call, "center", True))
    scaled = bool(option(call, "scale", True))

    def learn() -> _Shift:
        if scaled and (x == (x[:1] if centred else 0.0)).all():
            raise DataError(
                f"{deparse(call)} divides by the standard deviation, which is zero: its values are "
                "all the same in the rows used. Take it out of the formula."
            )
        middle = float(x.mean()) if centred else 0.0
        spread = float(np.sqrt(((x - middle) ** 2).sum() / (len(x) - 1))) if scaled else 1.0
        return _Shift(middle, spread)

    shift = scene.recall(deparse(call), learn)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled_x: Numbers = (x - shift.center) / shift.scale
    return scaled_x


def center(call: Node, x: Numbers, scene: Scene) -> Numbers:
    """The deviation of `x` from its mean."""
    mean: float = scene.recall(deparse(call), lambda: float(x.mean()))
    return x - mean


def spline(call: Node, x: Numbers, scene: Scene) -> Basis | Numbers:
    """Splines: `bs` and `ns` as R's package splines, `cr` and `cc` as mgcv, centred."""
    name = call.value
    df, knots = option(call, "df", None), option(call, "knots", None)
    if (df is None) == (knots is None):
        text = deparse(call)
        message = f"{name}(...) needs df= or knots=, one of the two."
        raise FormulaError(message, text, (0, len(text)))
    if name == "ns":
        return _named(_natural(call, x, scene))
    options: dict[str, object] = {"df": df, "knots": _numbers(knots)}
    if name == "bs":
        options["degree"] = positive(call, "degree", 3)
        options["include_intercept"] = bool(option(call, "intercept", False))
    else:
        options["constraints"] = "center"
    return _named(_from_formulaic(call, x, scene, options))


def _from_formulaic(
    call: Node, x: Numbers, scene: Scene, options: dict[str, object]
) -> tuple[Numbers, ...]:
    """A basis by formulaic, which keeps its knots in the state it is handed."""
    from formulaic.transforms import TRANSFORMS  # loads pandas: only where a spline is asked for

    make, text = TRANSFORMS[call.value], deparse(call)

    def run(state: dict[str, object]) -> tuple[Numbers, ...]:
        try:
            made = make(x, **options, extrapolation="extend", _state=state)
        except ValueError as error:
            raise DataError(f"{text}: {error}") from error
        return tuple(np.asarray(made[key], dtype=np.float64) for key in made)

    def learn() -> dict[str, object]:
        state: dict[str, object] = {}
        run(state)
        return state

    return run(dict(scene.recall(text, learn)))


def _natural(call: Node, x: Numbers, scene: Scene) -> tuple[Numbers, ...]:
    """Natural cubic splines, the basis of R's splines::ns (hastie1992, ch. 7).

    Cubic B-splines, turned so that the second derivative is zero at both ends; straight beyond.
    """
    from scipy.interpolate import BSpline

    intercept = bool(option(call, "intercept", False))
    knots: Numbers = scene.recall(deparse(call), lambda: _ns_knots(call, x, intercept))
    low, high = knots[0], knots[-1]
    basis = BSpline(knots, np.eye(len(knots) - 4), 3)
    inside = np.clip(x, low, high)
    values = basis(inside)
    beyond = x != inside
    if beyond.any():
        values[beyond] += basis(inside[beyond], nu=1) * (x - inside)[beyond, None]
    first = 0 if intercept else 1
    bends = basis(np.array([low, high]), nu=2)[:, first:]
    Q = np.linalg.qr(bends.T, mode="complete")[0]
    turned = values[:, first:] @ Q[:, 2:]
    return tuple(np.ascontiguousarray(column) for column in turned.T)


def _ns_knots(call: Node, x: Numbers, intercept: bool) -> Numbers:
    inner = _numbers(option(call, "knots", None))
    if inner is None:
        df = positive(call, "df", 1)
        count = max(df - 1 - intercept, 0)
        inner = np.quantile(x, np.linspace(0.0, 1.0, count + 2)[1:-1]).tolist()
    ends = [float(x.min())] * 4, [float(x.max())] * 4
    return np.array([*ends[0], *sorted(inner), *ends[1]])


def positive(call: Node, name: str, default: int) -> int:
    """An option that must be a whole number above zero."""
    value = option(call, name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        text = deparse(call)
        message = f"{name}={value!r} in {call.value}(...) is not a whole number above zero."
        raise FormulaError(message, text, (0, len(text)))
    return value


def _numbers(value: object) -> list[float] | None:
    """The knots as a list."""
    if value is None:
        return None
    items = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(item, int | float) for item in items):
        raise FormulaError(f"knots={value!r} is not a list of numbers.")
    return [float(item) for item in items]


Transform = Callable[[Node, Numbers, Scene], "Basis | Numbers"]
TRANSFORMS: dict[str, Transform] = {
    "poly": poly,
    "scale": scale,
    "center": center,
    **dict.fromkeys(("bs", "ns", "cr", "cc"), spline),
}
