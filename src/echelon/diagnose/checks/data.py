"""The data behind a fit: how many groups, how small, rows lost, weights, columns left out."""

from __future__ import annotations

import numpy as np

from echelon import tolerances
from echelon.diagnose.added import varies_within
from echelon.diagnose.checks.code import call
from echelon.diagnose.finding import Finding, Verdict, above, listed, number, share
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import OWN_WEIGHTS, own_weights
from echelon.model.own import own_part
from echelon.moments import GroupMoments


def data_findings(fit: LmmFit | OlsFit) -> list[Finding]:
    """Numbers of groups and rows, rows lost, weights, columns left out."""
    found = [_lost(fit), *_columns(fit)]
    if isinstance(fit, LmmFit):
        for place, group in enumerate(fit.moments.groups):
            found += [_groups(fit, group), _sizes(fit, group), *_predictors(fit, place)]
        found += _weights(fit)
    return found


def _lost(fit: LmmFit | OlsFit) -> Finding:
    check, missing = "Rows used", fit.source.missing
    lost = missing.n_total - missing.n_used
    if not lost:
        unit = "rows" if fit.source.kind == "rows" else "groups"
        return Finding(check, "model", "fine", f"All {missing.n_total:,} {unit}.")
    part = lost / missing.n_total
    verdict = above(part, tolerances.LOST_LOOK, tolerances.LOST_PROBLEM)
    evidence = f"{share(part)} left out. {missing}"
    if verdict == "fine":
        return Finding(check, "model", verdict, evidence)
    remedy = (
        "Estimates are of the rows without missing values. Compare rows left out with those used; "
        "impute within groups if they differ."
    )
    return Finding(check, "model", verdict, evidence, remedy)


def _columns(fit: LmmFit | OlsFit) -> list[Finding]:
    if not fit.dropped:
        return []
    evidence = f"Left out as combinations of other columns: {listed(fit.dropped)}."
    remedy = "Their coefficients cannot be estimated. Is a predictor in the model twice, or a "
    remedy += "category without rows in an interaction?"
    return [Finding("All columns estimable", "fixed part", "look", evidence, remedy)]


def _groups(fit: LmmFit, group: GroupMoments) -> Finding:
    J, check = len(group.levels), f"Number of groups of {group.factor}"
    verdict: Verdict = "fine"
    if J < tolerances.FEW_GROUPS_LOOK:
        verdict = "look"
    if J < tolerances.FEW_GROUPS and fit.df_method == "none":
        verdict = "problem"
    evidence = f"{J:,} groups."
    if verdict == "fine":
        return Finding(check, "model", verdict, evidence)
    evidence += " The variance between groups and its standard error are imprecise"
    evidence += "; z tests of the fixed part are too short." if fit.df_method == "none" else "."
    remedy = "Read intervals rather than estimates of variances, and take degrees of freedom that "
    remedy += "count groups for the fixed part."
    exact = fit.reml and fit.residual is None
    code = (
        'fit.coefficients(df="kenward-roger")' if exact else 'fit.coefficients(df="satterthwaite")'
    )
    return Finding(check, "model", verdict, evidence, remedy, code)


def _sizes(fit: LmmFit, group: GroupMoments) -> Finding:
    check, n, q = f"Sizes of groups of {group.factor}", group.count, len(group.effects)
    if fit.source.kind == "summaries":
        n = np.asarray(group.weight, dtype=np.intp)
    small = float((n <= q).mean())
    few = "1 row" if q == 1 else f"{q} rows or fewer"
    evidence = f"{n.min():,} to {n.max():,} rows, {number(float(np.median(n)))} at the median"
    if n.min() == n.max():
        evidence = f"{n.min():,} rows each"
    if small <= tolerances.SMALL_GROUPS:
        return Finding(check, "model", "fine", evidence + ".")
    evidence += f"; {share(small)} have {few}."
    remedy = (
        f"The variances of {q} random effects rest on the other groups. Drop slopes that the "
        "groups cannot show."
        if q > 1
        else "The two variances rest on the other groups. Are the groups the right ones?"
    )
    return Finding(check, "model", "look", evidence, remedy, "fit.confint()")


def _predictors(fit: LmmFit, place: int) -> list[Finding]:
    """Groups for each coefficient of level 2."""
    group, count = fit.moments.groups[place], _level2(fit, place)
    if not count:
        return []
    per = len(group.levels) / count
    check = f"Level-2 predictors of {group.factor}"
    verdict: Verdict = "fine"
    if per < tolerances.GROUPS_PER_PREDICTOR_LOOK:
        verdict = "look"
    if per < tolerances.GROUPS_PER_PREDICTOR_PROBLEM:
        verdict = "problem"
    evidence = (
        f"{count} coefficient{'s' if count > 1 else ''} of level 2 for {len(group.levels):,} "
    )
    evidence += f"groups: {number(per)} groups each."
    if verdict == "fine":
        return [Finding(check, "fixed part", verdict, evidence)]
    remedy = "Ten groups for each are the usual rule. Leave predictors out, or say that results "
    remedy += "explore."
    return [Finding(check, "fixed part", verdict, evidence, remedy)]


def _level2(fit: LmmFit, place: int) -> int:
    """Coefficients, the constant aside, that predict the intercepts of a factor's groups."""
    group = fit.moments.groups[place]
    if fit.built is not None:
        codes = fit.built.design.factors[place].codes
        design = fit.built.design
        names = [name for name in fit.names if name in design.names]
        arrays = [design.arrays[design.names.index(name)] for name in names]
        return sum(not varies_within(array, codes) for array in arrays)
    if "(Intercept)" not in group.effects:
        return 0
    own = np.abs(own_part(fit, place).own[:, group.effects.index("(Intercept)")]).max(axis=0)
    return int(sum(o > 0 for o, n in zip(own, fit.names, strict=True) if n != "(Intercept)"))


def _weights(fit: LmmFit) -> list[Finding]:
    if not own_weights(fit):
        return []
    remedy = "Leave precision= out."
    return [Finding("Weights", "model", "problem", OWN_WEIGHTS, remedy, call(fit).split("  #")[0])]
