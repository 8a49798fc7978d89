"""The equations of a model of three levels, in the notation of HLM3."""

from __future__ import annotations

from dataclasses import dataclass

from echelon.model.fit import LmmFit
from echelon.multilevel.equation_law import error_laws, random_law
from echelon.multilevel.equation_levels import Lower, Upper, homes, three_levels
from echelon.multilevel.equation_parts import Names, bare, has_offset
from echelon.multilevel.equation_tokens import (
    Block,
    Equation,
    Law,
    Number,
    Symbol,
    Term,
    Variable,
)

_ROW, _UNIT, _GROUP = ("i", "j", "k"), ("j", "k"), ("k",)


def nested_blocks(fit: LmmFit, fine: int, coarse: int, *, numbers: bool) -> tuple[Block, ...]:
    """Levels 1, 2 and 3 and the combined equation.

    Parameters
    ----------
    fine, coarse : places of the factors of level 2 and level 3
    """
    lowers = three_levels(fit, fine, coarse)
    first = 0 if lowers[0].predictor == () else 1
    numbered = tuple((str(first + p), lower, _numbered(lower)) for p, lower in enumerate(lowers))
    sub = {None: _ROW, fine: _UNIT, coarse: _GROUP}
    of = {name: sub[home] for name, home in homes(fit).items()}
    return _blocks(_Parts(fit, fine, coarse, numbers, of, numbered))


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What every line needs.

    Attributes
    ----------
    fine, coarse : places of the factors of level 2 and level 3
    numbers : whether estimates stand in the place of symbols
    sub : subscripts of each variable
    lowers : level-1 coefficients with their numbers, each with its numbered level-2 coefficients
    """

    fit: LmmFit
    fine: int
    coarse: int
    numbers: bool
    sub: dict[str, tuple[str, ...]]
    lowers: tuple[tuple[str, Lower, list[tuple[str, Upper]]], ...]


def _blocks(m: _Parts) -> tuple[Block, ...]:
    fit, error = m.fit, Symbol("e", _ROW)
    response = Variable(bare(fit.response), _ROW)
    last: tuple[Term, ...] = (Term(None, (error,)),)
    if has_offset(fit):
        last = (Term(None, (Variable("offset", _ROW),)), *last)
    level1 = [Term(_pi(p), _variables(m, c.predictor)) for p, c, _ in m.lowers]
    return (
        Block(
            "Level 1",
            (
                Equation(response, (*level1, *last)),
                *error_laws(fit, error, numbers=m.numbers),
            ),
        ),
        Block(f"Level 2: {fit.factors[m.fine]}", (*_level2(m), *_law2(m))),
        Block(f"Level 3: {fit.factors[m.coarse]}", (*_level3(m), *_law3(m))),
        Block("Combined", (Equation(response, (*_combined(m), *last)),)),
    )


def _pi(p: str) -> Symbol:
    return Symbol("pi", (p, *_UNIT))


def _r(p: str, c: Lower) -> tuple[Symbol, ...]:
    return () if c.random is None else (Symbol("r", (p, *_UNIT)),)


def _u(p: str, q: str, c: Upper) -> tuple[Symbol, ...]:
    return () if c.random is None else (Symbol("u", (p, q, *_GROUP)),)


def _gammas(m: _Parts, p: str, q: str, c: Upper) -> list[Symbol | Number]:
    if m.numbers:
        return [Number(float(m.fit.optimum.beta[column])) for column, _ in c.fixed]
    first = 0 if c.fixed and c.fixed[0][1] == () else 1
    return [Symbol("gamma", (p, q, str(first + s))) for s in range(len(c.fixed))]


def _variables(m: _Parts, names: Names) -> tuple[Variable, ...]:
    return tuple(Variable(bare(name), m.sub[name]) for name in names)


def _level2(m: _Parts) -> list[Equation]:
    return [
        Equation(
            _pi(p),
            (
                *(
                    Term(Symbol("beta", (p, q, *_GROUP)), _variables(m, c.predictor))
                    for q, c in uppers
                ),
                *(Term(None, (r,)) for r in _r(p, lower)),
            ),
        )
        for p, lower, uppers in m.lowers
    ]


def _level3(m: _Parts) -> list[Equation]:
    return [
        Equation(
            Symbol("beta", (p, q, *_GROUP)),
            (
                *(
                    Term(gamma, _variables(m, by))
                    for gamma, (_, by) in zip(_gammas(m, p, q, c), c.fixed, strict=True)
                ),
                *(Term(None, (u,)) for u in _u(p, q, c)),
            ),
        )
        for p, _, uppers in m.lowers
        for q, c in uppers
    ]


def _combined(m: _Parts) -> list[Term]:
    fixed, above, below = [], [], []
    for p, lower, uppers in m.lowers:
        own = _variables(m, lower.predictor)
        for q, c in uppers:
            both = (*_variables(m, c.predictor), *own)
            for gamma, (_, by) in zip(_gammas(m, p, q, c), c.fixed, strict=True):
                fixed.append(Term(gamma, (*_variables(m, by), *both)))
            above += [Term(None, (u, *both)) for u in _u(p, q, c)]
        below += [Term(None, (r, *own)) for r in _r(p, lower)]
    return [*fixed, *above, *below]


def _law2(m: _Parts) -> list[Law]:
    drawn = [(p, c) for p, c, _ in m.lowers if c.random is not None]
    return [
        random_law(
            m.fit,
            m.fine,
            tuple(r for p, c in drawn for r in _r(p, c)),
            [c.random for _, c in drawn if c.random is not None],
            [p for p, _ in drawn],
            of=("π",),
            numbers=m.numbers,
        )
    ]


def _law3(m: _Parts) -> list[Law]:
    """tau_beta is numbered by p where every u_pqk has q = 0, and in order elsewhere."""
    drawn = [(p, q, c) for p, _, uppers in m.lowers for q, c in uppers if c.random is not None]
    simple = all(q == "0" for _, q, _ in drawn)
    return [
        random_law(
            m.fit,
            m.coarse,
            tuple(u for p, q, c in drawn for u in _u(p, q, c)),
            [c.random for _, _, c in drawn if c.random is not None],
            [p if simple else str(n) for n, (p, _, _) in enumerate(drawn)],
            of=("β",),
            numbers=m.numbers,
        )
    ]


def _numbered(lower: Lower) -> list[tuple[str, Upper]]:
    first = 0 if lower.upper and lower.upper[0].predictor == () else 1
    return [(str(first + q), upper) for q, upper in enumerate(lower.upper)]
