"""Checks and diagnostics as tables."""

from __future__ import annotations

import numpy as np

from echelon.diagnose.checks.run import Check
from echelon.diagnose.collinearity import Collinearity
from echelon.diagnose.contextual import Contextual
from echelon.diagnose.finding import VERDICTS, Finding, Verdict, number, p_words, share
from echelon.diagnose.homogeneity import Homogeneity
from echelon.diagnose.linearity import WHOLE, Linearity
from echelon.show.cells import Row
from echelon.show.table import Entry, Heading, Section, Table

_TITLES: dict[Verdict, str] = {
    "problem": "Problems",
    "look": "Worth a look",
    "fine": "Fine",
    "not checked": "Not checked",
}


def check_table(found: Check, *, fine: bool = True) -> Table:
    """Everything that was checked: the verdict, the evidence, the remedy.

    Parameters
    ----------
    fine : whether to list what is fine and what was not checked too

    Returns
    -------
    Table : sections by verdict, problems first; what to type next stands at the end of the remedy

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> found = check_table(ec.lmer("Reaction ~ Days + (Days | Subject)", sleep).check())
    >>> [section.title for section in found.sections]
    ['Problems', 'Worth a look', 'Fine']
    """
    heads = (
        Heading("Checked", "text"),
        Heading("Evidence", "text"),
        Heading("What to do", "text"),
    )
    shown: tuple[Verdict, ...] = VERDICTS if fine else ("problem", "look")
    sections = [
        Section(tuple(_finding(one) for one in found.with_verdict(verdict)), _TITLES[verdict])
        for verdict in shown
        if found.with_verdict(verdict)
    ]
    title = f"Checks of {' '.join(found.fit.spec.formula.split())}"
    notes = (
        found.summary,
        "Look: worth a look, results stand unless it turns out otherwise. Problem: some results do "
        "not mean what they say. Each verdict needs evidence (p < .01, p < .001) and a size that "
        "matters.",
    )
    return Table(heads, tuple(sections), title, notes)


def _finding(one: Finding) -> Row:
    code = "; ".join(one.code.split("\n"))
    remedy = " ".join(text for text in (one.remedy, f"Type: {code}" if code else "") if text)
    return (one.check, one.evidence, remedy)


def homogeneity_table(found: Homogeneity, *, digits: int = 3) -> Table:
    """Tests of equal level-1 variances.

    Parameters
    ----------
    digits : decimals
    """
    heads = (
        Heading("Test", "text"),
        Heading("Statistic", digits=digits),
        Heading("df", "integer"),
        Heading("df (denominator)", "integer"),
        Heading("p", "p", digits),
        Heading("Groups", "integer"),
    )
    rows = tuple(
        (
            t.name,
            _known(t.statistic),
            t.df1,
            None if np.isnan(t.df2) else int(t.df2),
            _known(t.p_value),
            t.groups,
        )
        for t in found.tests
    )
    title = f"Residual variances by {found.by}"
    return Table(heads, (Section(rows),), title, _homogeneity_notes(found))


def _homogeneity_notes(found: Homogeneity) -> tuple[str, ...]:
    notes = []
    if found.variances is not None and found.variances.own:
        notes.append(
            f"SDs vary by {share(found.spread)} between groups beyond chance. Each group had its "
            f"own least squares on {', '.join(found.variances.own)}."
        )
        if found.variances.left_out:
            least = found.variances.left_out
            notes.append(f"{least} groups with too few degrees of freedom are left out of H.")
        notes.append(
            f"H needs normal residuals; their excess kurtosis is {number(found.mean_kurtosis, 2)}. "
            "Brown-Forsythe does not."
        )
    elif found.variances is not None:
        sd = np.sqrt(found.variances.variance)
        named = zip(found.variances.levels, sd, strict=True)
        text = ", ".join(f"{level} {number(float(x))}" for level, x in list(named)[:8])
        notes.append(f"SDs of standardised residuals: {text}.")
    return tuple(notes)


def collinearity_table(found: Collinearity, *, digits: int = 2) -> Table:
    """Variance inflation of every term.

    Parameters
    ----------
    digits : decimals
    """
    heads = (
        Heading("Term", "text"),
        Heading("Columns", "integer"),
        Heading("GVIF", digits=digits),
        Heading("GVIF^(1/(2 columns))", digits=digits),
        Heading("VIF", digits=digits),
        Heading("Tolerance", digits=digits + 1),
    )
    rows = tuple(
        (name, m, float(g), float(s), float(s) ** 2, float(t))
        for name, m, g, s, t in zip(
            found.terms, found.columns, found.gvif, found.scaled, found.tolerance, strict=True
        )
    )
    first, second = found.pair
    notes = (
        f"Condition number of the scaled columns {number(found.condition)}, "
        f"{number(found.centred)} about their means. Largest correlation of two coefficients: "
        f"{number(found.correlation, 2)} ({first}, {second}).",
        "VIF is GVIF^(1/columns); its root is by how much a standard error is inflated.",
    )
    return Table(heads, (Section(rows),), "Collinearity of the fixed part", notes)


def linearity_table(found: Linearity, *, digits: int = 3) -> Table:
    """Tests of a square of every numeric predictor.

    Parameters
    ----------
    digits : decimals
    """
    heads = (
        Heading("Square of", "text"),
        Heading("Level", "integer"),
        Heading("Coefficient", digits=digits),
        Heading("SE", digits=digits),
        Heading("in residual SDs", digits=digits),
        Heading("F", digits=digits),
        Heading("df", "integer"),
        Heading("p", "p", digits),
    )
    rows = tuple(
        (
            "the fixed part" if t.predictor == WHOLE else t.predictor,
            t.level,
            *(t.bend, t.std_error, t.relative, t.F),
            int(t.df),
            t.p_value,
        )
        for t in found.tests
    )
    notes = (
        "Squares of standardised predictors, each added by itself at the variances of the fit; the "
        "coefficient is how far the curve leaves the line one SD out.",
    )
    return Table(heads, (Section(rows),), "Linearity of the fixed part", notes)


def contextual_table(found: Contextual, *, digits: int = 3) -> Table:
    """Slopes within and between groups.

    Parameters
    ----------
    digits : decimals
    """
    heads = (
        Heading("Predictor", "text"),
        Heading("Variance between", "percent", 1),
        Heading("Within", digits=digits),
        Heading("Between", digits=digits),
        Heading("Difference", digits=digits),
        Heading("SE", digits=digits),
        Heading("p", "p", digits),
    )
    factors = list(dict.fromkeys(c.factor for c in found.terms))
    sections = []
    for factor in factors:
        rows: list[Row] = []
        for c in (c for c in found.terms if c.factor == factor):
            for i, name in enumerate(c.columns):
                within, gap = float(c.within[i]), float(c.difference[i])
                p = Entry(c.p_value if i == 0 else None)
                se = float(c.difference_se[i])
                rows.append((name, c.share_between, within, float(c.between[i]), gap, se, p))
        sections.append(Section(tuple(rows), f"Groups of {factor}" if len(factors) > 1 else ""))
    joint = [
        f"All predictors by {one.name}: F({one.df1}, {one.df2:,.0f}) = {number(one.F)}, "
        f"{p_words(one.p_value)}."
        for one in found.whole
    ]
    notes = (
        *joint,
        "The difference is the coefficient of the group mean beside the predictor: zero if random "
        "effects and predictor are uncorrelated. p tests all columns of a predictor together.",
    )
    if not found.terms:
        notes = ("No level-1 predictor varies between groups without its mean in the model.",)
        sections = [Section(())]
    return Table(heads, tuple(sections), "Slopes within and between groups", notes)


def _known(x: float) -> float | None:
    return x if np.isfinite(x) else None
