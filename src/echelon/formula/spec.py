"""What a formula says, before any data are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Covariance = Literal["unstructured", "diagonal", "diag", "homdiag", "cs", "homcs", "ar1", "hetar1"]


@dataclass(frozen=True, slots=True)
class Terms:
    """A right-hand side: an ordered set of products of expressions.

    Attributes
    ----------
    terms : each a tuple of expressions as typed, with even spacing, e.g. ("ses", "C(sector)");
        without the intercept; in R's order (main effects, then two-way interactions, ...)
    intercept : whether the constant is included
    """

    terms: tuple[tuple[str, ...], ...]
    intercept: bool


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """One bar of a formula, `(effects | group)`, with `/` already expanded.

    Attributes
    ----------
    effects : left of the bar
    group : the columns whose interaction forms the groups: ("school",) or ("class", "school")
    covariance : "unstructured" for `|`, "diagonal" for `||` (see `independent`), or the structure
        around the bar: diag and homdiag, cs and homcs (compound symmetry), hetar1 and ar1
        (autoregressive), each with variances of its own or one variance
    text : the bar as R would print it after expansion, e.g. "1 | class:school"
    span : position in the formula as typed
    """

    effects: Terms
    group: tuple[str, ...]
    covariance: Covariance
    text: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A parsed model formula.

    Attributes
    ----------
    formula : as typed
    response : an expression, e.g. "log(Reaction)"; "" for a one-sided formula
    fixed : the fixed part
    offsets : expressions given by `offset(...)`
    random : the bars, in the order typed, `a/b` expanded to `b:a` and `a` as lme4 does; empty for
        a linear model
    variables : every column the formula uses, in order of first use
    """

    formula: str
    response: str
    fixed: Terms
    offsets: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    variables: tuple[str, ...]
