"""What a reader of profile intervals should know, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from echelon import tolerances
from echelon.infer.profile.parameters import Parameter, Scale
from echelon.infer.profile.profile import Ends, Ground


def notes_of(ground: Ground, ends: Sequence[Ends], scale: Scale) -> tuple[str, ...]:
    """Notes on the criterion, on limits at a bound, and on profiles that are not as they should."""
    notes = [_criterion(ground)]
    if ground.gain > tolerances.PROFILE_BETTER:
        notes.append(
            f"Profiling found a better optimum than the search: its deviance is {ground.gain:.3g} "
            "lower. Limits are from there; the likelihood has several maxima, so say so, or use a "
            "simpler random part."
        )
    notes += _at_bounds(ends, scale)
    none = [each for each in ends if np.isnan(each.low) or np.isnan(each.high)]
    notes += _of(none, scale, "There is no limit for {} on one side: the deviance stays below it.")
    bent = [each for each in ends if not each.monotone]
    notes += _of(
        bent,
        scale,
        "The deviance does not rise all the way along {}: the limit is the first value that the "
        "level excludes, and values further out may fit better again.",
    )
    if ground.fit.verdict.rival is not None:
        notes.append(
            "The likelihood has a second solution nearly as good (see the verdict of the fit); "
            "these limits are about the best one."
        )
    return tuple(notes)


def _at_bounds(ends: Sequence[Ends], scale: Scale) -> list[str]:
    """Limits that are bounds."""
    zero = [each for each in ends if each.parameter.squared and each.open_low and each.low == 0]
    rho = [each for each in ends if each.parameter.target.is_correlation]
    one = [each for each in rho if each.open_low != each.open_high]
    both = [each for each in rho if each.open_low and each.open_high]
    return [
        *_of(zero, scale, "The data do not exclude zero for {}: the lower limit is 0."),
        *_of(one, scale, "The limit of {} is at the bound of a correlation."),
        *_of(both, scale, "No value of {} is excluded: the data say too little about it."),
    ]


def _criterion(ground: Ground) -> str:
    if ground.reml:
        own = "" if ground.fit.reml else " The model was refitted by REML for this."
        return f"Limits from the profile of the REML criterion.{own}"
    if not ground.fit.reml:
        return "Limits from the profile of the ML deviance."
    return (
        "Limits from the profile of the ML deviance, for which the model was refitted by maximum "
        "likelihood (as lme4 does); estimates are those of the REML fit."
    )


def _of(ends: Sequence[Ends], scale: Scale, text: str) -> list[str]:
    """The sentence with the parameters' names; none for no parameter."""
    return [text.format(_listed([each.parameter for each in ends], scale))] if ends else []


def _listed(parameters: Sequence[Parameter], scale: Scale) -> str:
    names = [each.shown(scale) for each in parameters]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
