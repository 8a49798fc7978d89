"""The equation of a model whose grouping factors cross, or nest in more than three levels."""

from __future__ import annotations

from echelon.model.fit import LmmFit
from echelon.multilevel.equation_law import error_laws, random_law
from echelon.multilevel.equation_levels import homes, subscripts
from echelon.multilevel.equation_parts import Names, bare, column_parts, has_offset
from echelon.multilevel.equation_tokens import Block, Equation, Number, Symbol, Term, Variable

_RANDOM = "bcdfgh"  # e is the residual


def crossed_blocks(fit: LmmFit, *, numbers: bool) -> tuple[Block, ...]:
    """The combined equation, and the laws of the residual and of every factor's effects.

    Notes
    -----
    theta_s is the coefficient of the fixed column s, b_sj (c_sk, ...) the deviation of a group from
    it; an effect without a fixed column of its own takes the next number.
    """
    sub, level = subscripts(fit), homes(fit)
    fixed, random = column_parts(fit)
    number = _numbers(fixed, random)

    def variables(parts: Names) -> tuple[Variable, ...]:
        return tuple(Variable(bare(name), sub[level[name]]) for name in parts)

    def theta(i: int) -> Symbol | Number:
        if numbers:
            return Number(float(fit.optimum.beta[i]))
        return Symbol("theta", (number[fixed[i]],))

    error = Symbol("e", sub[None])
    terms = [Term(theta(i), variables(parts)) for i, parts in enumerate(fixed)]
    if has_offset(fit):
        terms.append(Term(None, (Variable("offset", sub[None]),)))
    laws = []
    for f, effects in enumerate(random):
        letter = _RANDOM[f] if f < len(_RANDOM) else f"g{f}"
        drawn = tuple(Symbol(letter, (number[parts], *sub[f])) for parts in effects)
        terms += [Term(None, (u, *variables(p))) for u, p in zip(drawn, effects, strict=True)]
        law = random_law(
            fit,
            f,
            drawn,
            range(len(effects)),
            [number[parts] for parts in effects],
            of=(letter,),
            numbers=numbers,
        )
        laws.append(Block(f"Groups of {fit.factors[f]}", (law,)))
    response = Variable(bare(fit.response), sub[None])
    equation = Equation(response, (*terms, Term(None, (error,))))
    return (Block("Combined", (equation, *error_laws(fit, error, numbers=numbers))), *laws)


def _numbers(fixed: list[Names], random: list[list[Names]]) -> dict[Names, str]:
    """A number for each column, the constant 0."""
    columns = dict.fromkeys((*fixed, *(parts for some in random for parts in some)))
    ordered = sorted(columns, key=lambda parts: parts != ())
    first = 0 if ordered and ordered[0] == () else 1
    return {parts: str(first + n) for n, parts in enumerate(ordered)}
