"""The laws of the random parts of an equation: of the residual, and of one factor's effects."""

from __future__ import annotations

from collections.abc import Sequence

from echelon.model.fit import LmmFit
from echelon.multilevel.equation_tokens import Law, Number, Symbol, Variable
from echelon.multilevel.factors import covariance_of, effects_of


def error_law(fit: LmmFit, error: Symbol, *, numbers: bool) -> Law:
    """The law of the residual; with precision weights its variance is over the weight."""
    sigma2 = Number(fit.optimum.sigma2) if numbers else Symbol("sigma2")
    weighted = fit.moments.log_weight != 0 or fit.moments.weight != fit.n
    return Law((error,), ((sigma2,),), Variable("w", error.sub) if weighted else None)


def random_law(
    fit: LmmFit,
    place: int,
    drawn: tuple[Symbol, ...],
    effects: Sequence[int],
    labels: Sequence[str],
    *,
    of: tuple[str, ...] = (),
    numbers: bool,
) -> Law:
    """The law of the random effects of one factor, with zeros between its independent terms.

    Parameters
    ----------
    place : of the grouping factor
    drawn : the symbols
    effects : which effect of the factor each symbol is
    labels : the number of each in the subscript of tau
    of : what stands before the numbers there
    """
    T, block = covariance_of(fit, place), _blocks(fit, place)

    def entry(m: int, n: int) -> Symbol | Number:
        a, b = effects[m], effects[n]
        if a != b and (block[a] != block[b] or block[a][0] == "homdiag"):
            return Number(0.0)
        return Number(float(T[a, b])) if numbers else Symbol("tau", (*of, labels[m], labels[n]))

    every = range(len(drawn))
    return Law(drawn, tuple(tuple(entry(m, n) for n in every) for m in every))


def _blocks(fit: LmmFit, place: int) -> Sequence[tuple[str, int]]:
    """The structure and the start of the term of each effect of a factor."""
    whole = [
        (kind, block.start)
        for kind, block in fit.optimum.pairs.blocks
        for _ in range(block.start, block.stop)
    ]
    return whole[effects_of(fit, place)]
