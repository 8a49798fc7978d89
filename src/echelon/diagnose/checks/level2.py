"""Level 2: the shape of the random effects, single groups far out."""

from __future__ import annotations

import numpy as np

from echelon import tolerances
from echelon.diagnose.checks.level1 import shape_verdict, shape_words
from echelon.diagnose.finding import Finding, Verdict, listed, number, p_words, remark, share
from echelon.diagnose.level2 import GroupResiduals, group_residuals
from echelon.diagnose.shape import shape
from echelon.errors import NotYetSupported
from echelon.model.fit import LmmFit

_LEAST_SHARE = 0.5
"""Mean reliability below which empirical Bayes estimates show their own normality, not that of the
effects behind them."""


def level2_findings(fit: LmmFit) -> list[Finding]:
    """All that the groups' empirical Bayes estimates are asked, factor after factor."""
    found: list[Finding] = []
    for factor in fit.factors:
        try:
            groups = group_residuals(fit, factor)
        except NotYetSupported as error:
            found.append(
                Finding(f"Random effects of {factor}", "level 2", "not checked", str(error))
            )
            continue
        found += [_normal(fit, groups), _outlying(fit, groups)]
    return found


def _normal(fit: LmmFit, groups: GroupResiduals) -> Finding:
    check = f"Random effects of {groups.factor}: normal distribution"
    shapes = {
        name: shape(groups.standard[:, a])
        for a, name in enumerate(groups.effects)
        if np.isfinite(groups.standard[:, a]).sum() >= 8
    }
    shapes = {name: s for name, s in shapes.items() if np.isfinite(s.skewness_p)}
    if not shapes:
        why = "Fewer than 8 groups" if len(groups.levels) < 8 else "The variance is zero"
        return Finding(check, "level 2", "not checked", f"{why}: nothing to judge a shape by.")
    order: list[Verdict] = ["problem", "look", "fine", "not checked"]
    verdicts = {name: shape_verdict(s, len(shapes)) for name, s in shapes.items()}
    name = min(
        shapes, key=lambda n: (order.index(verdicts[n]), shapes[n].skewness_p, shapes[n].kurtosis_p)
    )
    mean = float(np.mean(groups.share[:, groups.effects.index(name)]))
    of = f"{name}: " if len(groups.effects) > 1 else ""
    evidence = f"{of}{shape_words(shapes[name])}"
    if mean < _LEAST_SHARE:
        evidence += (
            f" Their reliability is {number(mean, 2)} on average: shrunken estimates look normal "
            "whatever the effects are."
        )
    if verdicts[name] == "fine":
        chance = 2 * len(shapes) * min(shapes[name].skewness_p, shapes[name].kurtosis_p)
        return Finding(check, "level 2", "fine", evidence + remark(chance))
    remedy = (
        "Fixed effects hardly suffer; intervals and ranks of single groups do, and the SE of the "
        "variance. Look for a level-2 predictor that divides the groups."
    )
    code = f"fit.plot.group_qq({_factor(fit, groups)})"
    return Finding(check, "level 2", verdicts[name], evidence, remedy, code)


def _factor(fit: LmmFit, groups: GroupResiduals) -> str:
    return f'"{groups.factor}"' if len(fit.factors) > 1 else ""


def _outlying(fit: LmmFit, groups: GroupResiduals) -> Finding:
    """Groups whose effects are further out than chance among so many explains."""
    check = f"Random effects of {groups.factor}: single groups far out"
    p, J = groups.p_value, int((groups.rank > 0).sum())
    if not J:
        return Finding(check, "level 2", "not checked", "The variance is zero: no effects.")
    first = int(np.argmin(p))
    chance = min(1.0, J * float(p[first]))
    label = groups.levels[first]
    evidence = (
        f"Furthest is {label}: Mahalanobis distance {number(float(groups.distance[first]))} on "
        f"{groups.rank[first]} df, {p_words(chance)} for the furthest of {J:,}."
    )
    if chance >= tolerances.CHECK_LOOK:
        return Finding(check, "level 2", "fine", evidence)
    far = np.flatnonzero(p * J < tolerances.CHECK_LOOK)
    order = far[np.argsort(p[far])]
    if len(far) > 1:
        evidence += f" {len(far)} groups ({share(len(far) / J)}) are too far out: "
        evidence += f"{listed([groups.levels[j] for j in order])}."
    remedy = (
        "Is there an error in the data of this group, or something that sets it apart? See how "
    )
    remedy += "much the estimates hang on it."
    verdict: Verdict = "problem" if chance < _FAR else "look"
    code = f"fit.plot.mahalanobis({_factor(fit, groups)})"
    return Finding(check, "level 2", verdict, evidence, remedy, code)


_FAR = 1e-6
"""Chance of so distant a group below which it is no tail of the normal law but something else."""
