"""The laws of the random parts of an equation: of the residual, and of one factor's effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from echelon.model.fit import LmmFit
from echelon.model.residual import Residual
from echelon.multilevel.equation_tokens import Correlated, Law, Number, Symbol, Variable
from echelon.multilevel.factors import covariance_of, effects_of


def error_laws(fit: LmmFit, error: Symbol, *, numbers: bool) -> tuple[Law | Correlated, ...]:
    """The law of the residual, of every stratum its own, and how those of a group are correlated.

    With precision weights its variance is over the weight.
    """
    plain = fit.plain_moments
    weighted = plain.log_weight != 0 or plain.weight != fit.n
    over = Variable("w", error.sub) if weighted else None
    known = fit.residual
    if known is None or len(known.strata) == 1:
        sigma2 = Number(fit.optimum.sigma2) if numbers else Symbol("sigma2")
        laws: tuple[Law, ...] = (Law((error,), ((sigma2,),), over),)
    else:
        laws = tuple(
            Law(
                (error,),
                ((Number(float(sd**2)) if numbers else Symbol("sigma2", (str(h + 1),)),),),
                over,
                f"{known.by} = {label}",
            )
            for h, (label, sd) in enumerate(zip(known.strata, known.sd, strict=True))
        )
    return (*laws, *(_correlated(known, error, numbers) if known and known.correlation else ()))


def _correlated(known: Residual, error: Symbol, numbers: bool) -> Iterator[Correlated]:
    """How the residuals of a group are correlated."""
    spec = known.layout.spec
    row, *groups = error.sub
    other = ("h", *groups)  # the letter before i: another row of the group
    apart: tuple[Symbol | Variable, ...] = ()
    if spec.correlation != "cs":
        apart = (Symbol(row), Symbol(other[0]))
        if spec.time:
            apart = (Variable(spec.time, error.sub), Variable(spec.time, other))
    base = Number(known.phi) if numbers else Symbol("phi" if apart else "rho")
    yield Correlated((error, Symbol(error.letter, other)), base, apart, ":".join(spec.group))


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
