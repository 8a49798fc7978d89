"""What a reader of likelihood-ratio tests should know, in words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from echelon.infer.criteria import criteria
from echelon.infer.likelihood.ratio import Ratio
from echelon.model.fit import LmmFit, OlsFit

Fit = LmmFit | OlsFit

RESTRICTED = (
    "Restricted log-likelihoods (REML) of models with the same fixed part; parameters, AIC and BIC "
    "count the fixed effects too."
)
MAXIMUM = "Log-likelihoods by maximum likelihood (ML)."
BOUNDARY = (
    "A variance cannot be negative: where one is tested, p from chi-square is too large. "
    "p (mixture) is of the law that holds then:"
)
BOUNDARY_UNKNOWN = (
    "{}: the law of the likelihood ratio at the boundary is not known here (several variances at "
    "once, a structured covariance, or a smaller model at a boundary itself); p from chi-square is "
    "rough."
)


PERFECT = (
    "{} {} the response exactly: the residual variance is zero, the likelihood without bound, and "
    "there is no test."
)


def perfect_notes(logliks: list[tuple[str, float]]) -> list[str]:
    """Which models leave no residual variance."""
    names = tuple(name for name, loglik in logliks if not np.isfinite(loglik))
    return [PERFECT.format(_listed(names), _fits(names))] if names else []


def _fits(names: tuple[str, ...]) -> str:
    return "fits" if len(names) == 1 else "fit"


def criterion_note(restricted: bool) -> str:
    """Which likelihood it is."""
    return RESTRICTED if restricted else MAXIMUM


def comparison_notes(
    models: tuple[str, ...],
    fits: list[Fit],
    ratios: list[Ratio],
    refitted: tuple[str, ...],
    *,
    restricted: bool,
) -> tuple[str, ...]:
    """Notes of a comparison, what decides about its use first."""
    notes = [RESTRICTED if restricted else _ml(refitted, models)]
    notes += perfect_notes(
        [(name, criteria(fit).loglik) for name, fit in zip(models, fits, strict=True)]
    )
    steps = list(zip(pairwise(models), pairwise(fits), ratios, strict=True))
    notes += [
        f"{large} and {small} have as many parameters: no test; compare AIC or BIC."
        for (small, large), _, r in steps
        if r.df == 0
    ]
    notes += [
        f"{small} fits better than {large}, which has more parameters: it is no special case of "
        "it, and there is no test; compare AIC or BIC."
        for (small, large), _, r in steps
        if r.df > 0 and r.chi_square < 0
    ]
    notes += [
        f"{small} has {', '.join(extra)}, and {large} has not: unless other terms say the same, it "
        "is no special case of it, and p means nothing."
        for (small, large), pair, r in steps
        if r.df > 0 and r.chi_square >= 0 and (extra := _extra(*pair))
    ]
    notes += mixture_notes(list(zip(models[1:], ratios, strict=True)))
    unknown = [
        large
        for (_, large), pair, r in steps
        if r.mixed is None and np.isfinite(r.p_value) and _variances_tested(*pair)
    ]
    notes += [BOUNDARY_UNKNOWN.format(", ".join(unknown))] if unknown else []
    for name, fit in zip(models, fits, strict=True):
        notes += _verdict(name, fit)
    return tuple(notes)


def mixture_notes(tests: list[tuple[str, Ratio]]) -> list[str]:
    """The mixtures used, each once."""
    laws = dict.fromkeys(str(r.mixed) for _, r in tests if r.mixed is not None)
    if not laws:
        return []
    if len(laws) == 1:
        return [f"{BOUNDARY} {next(iter(laws))}."]
    each = "; ".join(f"{r.mixed} for {name}" for name, r in tests if r.mixed is not None)
    return [f"{BOUNDARY} {each}."]


def _ml(refitted: tuple[str, ...], models: tuple[str, ...]) -> str:
    if not refitted:
        return MAXIMUM
    which = "All models were" if len(refitted) == len(models) else f"{_listed(refitted)} were"
    which = f"{refitted[0]} was" if len(refitted) == 1 else which
    return (
        f"{which} fitted by REML and refitted by maximum likelihood (ML) for this table: REML "
        "likelihoods compare only models with the same fixed part that are all fitted by REML."
    )


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _extra(small: Fit, large: Fit) -> list[str]:
    """What the smaller model has and the larger has not, by name."""
    found = [name for name in small.names if name not in {*large.names, *large.dropped}]
    mine = {(g.factor, e) for g in large.moments.groups for e in g.effects}
    found += [
        f"{effect} by {g.factor}"
        for g in small.moments.groups
        for effect in g.effects
        if (g.factor, effect) not in mine
    ]
    own, other = (
        fit.residual.structure if isinstance(fit, LmmFit) and fit.residual is not None else ""
        for fit in (small, large)
    )
    return found + ([f"residual={own!r}"] if own and not other else [])


def _variances_tested(small: Fit, large: Fit) -> bool:
    """Whether the larger model has random effects that the smaller, a part of it, has not."""
    known = {(g.factor, e) for g in small.moments.groups for e in g.effects}
    more = any((g.factor, e) not in known for g in large.moments.groups for e in g.effects)
    return more and not _extra(small, large)


def _verdict(name: str, fit: Fit) -> list[str]:
    if not isinstance(fit, LmmFit):
        return []
    found = []
    if fit.verdict.status == "failed":
        found.append(f"{name}: {fit.verdict.message}")
    noise = fit.verdict.monte_carlo
    if noise is not None and noise.probes != "exact":
        found.append(
            f"{name} was fitted by the iterative method: its deviance has a Monte Carlo standard "
            f"error of {noise.deviance:.2g}, and chi-squares below {noise.meaningless:.2g} mean "
            "nothing."
        )
    return found
