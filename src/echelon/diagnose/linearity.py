"""Is the response linear in the predictors? A square of each, and of all together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.design.design import Design
from echelon.diagnose.added import Addition, additions, varies_within
from echelon.diagnose.level1 import design_of
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]

WHOLE = "all together"
"""The name of the test with the square of the fixed part."""


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """The test of one predictor's square.

    Attributes
    ----------
    predictor : its column; `WHOLE` for the square of the fixed part
    level : 1 where it varies within the groups of every factor, else 2
    bend : coefficient of the square of the standardised predictor, response units: by how much the
        curve leaves the line one SD from where they meet
    std_error : of it
    relative : |bend| over the residual SD
    F, df, p_value : the test; df in the denominator
    """

    predictor: str
    level: int
    bend: float
    std_error: float
    relative: float
    F: float
    df: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Linearity:
    """Tests of curvature.

    Attributes
    ----------
    tests : one a predictor with more than two values, and one of the fixed part as a whole
    backend : the caller's dataframe library
    """

    tests: tuple[Curvature, ...]
    backend: str


def linearity_values(fit: LmmFit | OlsFit) -> Linearity:
    """Test the square of every numeric predictor, and of the fixed part.

    Raises
    ------
    NeedsRows : the fit was made from summaries

    Notes
    -----
    The square of the standardised column is added to the model (`added-column`); that of the fixed
    part is Ramsey's RESET with one power (`reset`; ramsey1969). Predictors whose square the model
    has already are left out. Cost: one pass over the rows.
    """
    design = design_of(fit, "Testing linearity")
    squares = {name: {f"square of {name}": _square(x)} for name, x in scales(fit, design).items()}
    fixed = _fixed_part(fit, design)
    if np.ptp(fixed) > 0:
        squares[WHOLE] = {"square of the fixed part": _square(fixed)}
    if len(squares) == 2:  # with one predictor the two tests are one
        only = next(iter(squares))
        rest = [n for n in fit.names if n not in (only, "(Intercept)")]
        squares = squares if rest else {only: squares[only]}
    sigma = fit.optimum.sigma if isinstance(fit, LmmFit) else float(np.sqrt(fit.sigma2))
    columns = dict(zip(design.names, design.arrays, strict=True)) | {WHOLE: fixed}
    tests = [
        _curvature(one, _level(design, columns[one.name]), sigma) for one in additions(fit, squares)
    ]
    return Linearity(tuple(tests), fit.source.backend)


def scales(fit: LmmFit | OlsFit, design: Design) -> dict[str, Array]:
    """Numeric predictors with more than two values that are columns by themselves."""
    built = fit.built
    if built is None:
        return {}
    terms, found = built.recipe.terms.terms, {}
    for name, array, place in zip(design.names, design.arrays, design.assign, strict=True):
        term = terms[place]
        plain = len(term) == 1 and term[0] not in built.recipe.codings
        if plain and built.recipe.widths.get(term[0], 1) == 1 and name in fit.names:
            some = array[:: max(len(array) // 1000, 1)]
            if len(np.unique(some)) > 2 or len(np.unique(array)) > 2:
                found[name] = array
    return found


def _square(x: Array) -> Array:
    return np.asarray(np.square((x - x.mean()) / x.std()))


def _fixed_part(fit: LmmFit | OlsFit, design: Design) -> Array:
    """X beta without the constant."""
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    place = dict(zip(design.names, design.arrays, strict=True))
    parts = [b * place[name] for name, b in zip(fit.names, beta, strict=True) if name in place]
    return np.sum(parts, axis=0) if parts else np.zeros(design.n)


def _level(design: Design, x: Array) -> int:
    return 1 if all(varies_within(x, f.codes) for f in design.factors) else 2


def _curvature(one: Addition, level: int, sigma: float) -> Curvature:
    bend, se = float(one.estimate[0]), float(one.std_error[0])
    return Curvature(one.name, level, bend, se, abs(bend) / sigma, one.F, one.df2, one.p_value)


def linearity_frame(found: Linearity) -> object:
    """The tests as a table in the caller's dataframe library."""
    tests = found.tests
    columns: dict[str, Values] = {
        "term": [t.predictor for t in tests],
        "level": [t.level for t in tests],
        "estimate": np.array([t.bend for t in tests]),
        "std_error": np.array([t.std_error for t in tests]),
        "relative": np.array([t.relative for t in tests]),
        "statistic": np.array([t.F for t in tests]),
        "df": np.array([t.df for t in tests]),
        "p_value": np.array([t.p_value for t in tests]),
    }
    return to_native(columns, found.backend)
