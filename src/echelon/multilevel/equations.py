"""The equations of a fit, level by level and combined, in Raudenbush and Bryk's notation."""

from __future__ import annotations

from dataclasses import dataclass

from echelon.model.fit import LmmFit
from echelon.multilevel.equation_crossed import crossed_blocks
from echelon.multilevel.equation_latex import to_latex
from echelon.multilevel.equation_law import error_laws, random_law
from echelon.multilevel.equation_mathml import to_mathml
from echelon.multilevel.equation_nested import nested_blocks
from echelon.multilevel.equation_parts import (
    Coefficient,
    Effect,
    Parts,
    bare,
    equation_parts,
    has_offset,
)
from echelon.multilevel.equation_text import to_text
from echelon.multilevel.equation_tokens import (
    Block,
    Equation,
    Law,
    Number,
    Symbol,
    Term,
    Variable,
)
from echelon.multilevel.factors import nested_order


@dataclass(frozen=True, slots=True, repr=False)
class Equations:
    """The equations of a multilevel model.

    Attributes
    ----------
    text : plain text
    latex : a LaTeX array, to stand between dollar signs (needs the package amsmath)
    mathml : one presentation MathML element for a web page
    """

    text: str
    latex: str
    mathml: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def equations(fit: LmmFit, *, numbers: bool = False) -> Equations:
    """Write the model as equations: level 1, level 2 and combined.

    Parameters
    ----------
    numbers : True puts the estimates in the place of gamma, tau and sigma^2

    Returns
    -------
    Equations : `.text`, `.latex`, `.mathml`; typeset in a notebook

    Notes
    -----
    i numbers the rows of a group, j the groups (`level-1`, `level-2`, `combined`; raudenbush2002,
    ch. 2). A level-2 predictor stands in the equation of the intercept, its product with a level-1
    predictor in that slope's equation; coefficients without u_kj do not vary beyond it. T is the
    covariance matrix of u_j, with zeros between the independent effects of a `||` term.

    With one factor nested in another there are three levels, in the notation of HLM3: i numbers
    the rows of unit j in group k (`three-levels`; raudenbush2002, ch. 8). Other models of several
    factors, crossed ones among them, are written as one equation: j, k, ... number the groups of
    the factors in the order of the formula, theta are the fixed effects, b, c, ... the random
    effects of each factor (`crossed-equation`; raudenbush2002, ch. 12). Structured residuals have
    a law for each stratum and a line for their correlation (`residual-equation`).

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> print(ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).equations())
    Level 1
      bsmmatxx_ij = β_0j + r_ij
      r_ij ~ N(0, σ²)
    Level 2: idschool
      β_0j = γ_00 + u_0j
      u_0j ~ N(0, τ_00)
    Combined
      bsmmatxx_ij = γ_00 + u_0j + r_ij
    """
    blocks = equation_blocks(fit, numbers=numbers)
    return Equations(to_text(blocks), to_latex(blocks), to_mathml(blocks))


def equation_blocks(fit: LmmFit, *, numbers: bool = False) -> tuple[Block, ...]:
    """The equations of a fit as tokens, for a writer."""
    if len(fit.factors) > 1:
        order = nested_order(fit)
        if order is not None and len(order) == 2:
            return nested_blocks(fit, *order, numbers=numbers)
        return crossed_blocks(fit, numbers=numbers)
    parts = equation_parts(fit)
    response = Variable(bare(fit.response), ("i", "j"))
    error = Term(None, (Symbol("r", ("i", "j")),))
    offset = (Term(None, (Variable("offset", ("i", "j")),)),) if has_offset(fit) else ()
    level1 = [
        Term(Symbol("beta", (str(c.k), "j")), _variables(c.predictor, parts))
        for c in parts.coefficients
    ]
    level2 = [
        Equation(Symbol("beta", (str(c.k), "j")), _right_side(fit, c, parts, numbers))
        for c in parts.coefficients
    ]
    fixed = [
        Term(gamma, (*_variables(e.by, parts), *_variables(c.predictor, parts)))
        for c in parts.coefficients
        for e, gamma in zip(c.effects, _gammas(fit, c, numbers), strict=True)
    ]
    random = [
        Term(None, (Symbol("u", (str(c.k), "j")), *_variables(c.predictor, parts)))
        for c in parts.coefficients
        if c.random is not None
    ]
    return (
        Block(
            "Level 1",
            (
                Equation(response, (*level1, *offset, error)),
                *error_laws(fit, Symbol("r", ("i", "j")), numbers=numbers),
            ),
        ),
        Block(f"Level 2: {fit.factor}", (*level2, _random_law(fit, parts, numbers))),
        Block("Combined", (Equation(response, (*fixed, *offset, *random, error)),)),
    )


def _right_side(
    fit: LmmFit, coefficient: Coefficient, parts: Parts, numbers: bool
) -> tuple[Term, ...]:
    terms = [
        Term(gamma, _variables(e.by, parts))
        for e, gamma in zip(coefficient.effects, _gammas(fit, coefficient, numbers), strict=True)
    ]
    if coefficient.random is not None:
        terms.append(Term(None, (Symbol("u", (str(coefficient.k), "j")),)))
    return tuple(terms)


def _gammas(fit: LmmFit, coefficient: Coefficient, numbers: bool) -> list[Symbol | Number]:
    """gamma_k0 for the constant, gamma_k1, ... for the level-2 predictors; or their estimates."""
    if numbers:
        return [Number(float(fit.optimum.beta[e.column])) for e in coefficient.effects]
    first = 0 if _starts_with_constant(coefficient.effects) else 1
    k = str(coefficient.k)
    return [Symbol("gamma", (k, str(first + s))) for s in range(len(coefficient.effects))]


def _starts_with_constant(effects: tuple[Effect, ...]) -> bool:
    return bool(effects) and effects[0].by == ()


def _random_law(fit: LmmFit, parts: Parts, numbers: bool) -> Law:
    """The law of u_j."""
    random = [(c.k, c.random) for c in parts.coefficients if c.random is not None]
    drawn = tuple(Symbol("u", (str(k), "j")) for k, _ in random)
    return random_law(
        fit, 0, drawn, [a for _, a in random], [str(k) for k, _ in random], numbers=numbers
    )


def _variables(names: tuple[str, ...], parts: Parts) -> tuple[Variable, ...]:
    return tuple(
        Variable(bare(name), ("j",) if name in parts.level2 else ("i", "j")) for name in names
    )
