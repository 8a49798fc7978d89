"""Analysis of variance and linear hypotheses as tables."""

from __future__ import annotations

import numpy as np

from echelon.infer.anova import Anova
from echelon.infer.contrasts import Contrasts
from echelon.infer.robust import Sandwich
from echelon.show.cells import STAR_KEY, Row, amount, fixed_cells, mark, places, typical_places
from echelon.show.format import integer, number, p_value
from echelon.show.robust import robust_tests
from echelon.show.table import Entry, Heading, Section, Table

_METHODS = {
    "satterthwaite": "Satterthwaite's method",
    "kenward-roger": "Kenward and Roger's method",
    "between-within": "between-within degrees of freedom",
    "residual": "residual degrees of freedom",
    "none": "the normal approximation",
}


def anova_table(values: Anova, *, digits: int = 3, stars: bool = True) -> Table:
    """An analysis of variance: one row a term.

    Parameters
    ----------
    values : from `anova_values` or `drop1_f`
    digits : decimals of F and p; sums of squares have two at least
    stars : mark p-values

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.infer.anova import anova_values
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses * sector + (1 | school)", hsb)
    >>> anova_table(anova_values(fit)).title
    "Type III analysis of variance with Satterthwaite's method"
    """
    if values.chi_square:
        return _chi_square_table(values, digits=digits, stars=stars)
    size = typical_places(values.mean_sq, 2)

    def squares(i: int) -> tuple[Entry, Entry]:
        return _squares(values.sum_sq[i], size), _squares(values.mean_sq[i], size)

    rows: tuple[Row, ...] = tuple(
        (
            name,
            *(() if values.sandwich else squares(i)),
            Entry(_known(values.df1[i]), "integer"),
            _df(values.df2[i]),
            Entry(_known(values.statistic[i])),
            _p(values.p_value[i], stars=stars),
        )
        for i, name in enumerate(values.names)
    )
    heads = (
        Heading("Term", "text"),
        *(
            ()
            if values.sandwich
            else (Heading(name, digits=size) for name in ("Sum Sq", "Mean Sq"))
        ),
        Heading("df1", "integer"),
        Heading("df2", digits=1),
        Heading("F", digits=digits),
        Heading("p", "p", max(digits, 3)),
    )
    return Table(heads, (Section(rows),), _title(values), _notes(values, stars=stars))


def _chi_square_table(values: Anova, *, digits: int, stars: bool) -> Table:
    rows: tuple[Row, ...] = tuple(
        (
            name,
            Entry(_known(values.statistic[i])),
            Entry(_known(values.df1[i]), "integer"),
            _p(values.p_value[i], stars=stars),
        )
        for i, name in enumerate(values.names)
    )
    heads = (
        Heading("Term", "text"),
        Heading("Chi-square", digits=digits),
        Heading("df", "integer"),
        Heading("p", "p", max(digits, 3)),
    )
    return Table(heads, (Section(rows),), _title(values), _notes(values, stars=stars))


def _title(values: Anova) -> str:
    what = "Single term deletions"
    if values.kind != "drop":
        what = f"Type {values.kind} analysis of variance"
    if values.sandwich:
        tests = ", Wald chi-square tests" if values.chi_square else ""
        return f"{what} with robust standard errors ({values.method}){tests}"
    if values.chi_square:
        return f"{what}, Wald chi-square tests"
    if values.method == "residual":
        return what
    return f"{what} with {_METHODS.get(values.method, values.method)}"


def _notes(values: Anova, *, stars: bool) -> tuple[str, ...]:
    if not values.names:
        return (f"Model: {values.formula}.", *values.notes)
    said: tuple[str, ...] = ()
    if values.residual is not None and not values.chi_square and not values.sandwich:
        rss, df = values.residual
        said = (f"Residuals: sum of squares {number(rss, places(rss, 2, 4))} on {df:,} df.",)
    elif not values.chi_square and not values.sandwich:
        scaled = ", F before its scaling" if values.method == "kenward-roger" else ""
        said = (f"Mean Sq: F times the residual variance{scaled}; Sum Sq: df1 times Mean Sq.",)
    said = (f"Model: {values.formula}.", *values.notes, *said, *_robust(values.sandwich, t=False))
    return (*said, *((STAR_KEY,) if stars else ()))


def _robust(known: Sandwich | None, *, t: bool) -> tuple[str, ...]:
    """What a robust covariance is, and what makes it doubtful."""
    if known is None:
        return ()
    clusters = f"{integer(known.clusters)} clusters of {known.cluster}"
    tests = robust_tests(known) if t else robust_tests(known).replace("t tests", "F tests")
    made = f"Robust covariance: {known.correction}, {clusters}; {tests}."
    if not known.determined:
        return (made,)
    few = f"{integer(known.determined)} of the clusters determine an effect alone"
    return (made, f"{few}: tests of what rests on them reject too often.")


def contrast_table(values: Contrasts, *, digits: int = 3, stars: bool = True) -> Table:
    """Linear hypotheses: one row each, and the test of all at once in the notes.

    Parameters
    ----------
    values : from `contrast_values`
    digits : decimals; more where a standard error would otherwise show fewer than two digits
    stars : mark p-values

    Examples
    --------
    >>> import echelon as ec
    >>> from echelon.infer.contrasts import contrast_values
    >>> hsb = ec.datasets.load("hsb", quiet=True)
    >>> fit = ec.lmer("mathach ~ ses + meanses + (1 | school)", hsb)
    >>> print(contrast_table(contrast_values(fit, "ses = 2, meanses = 2*ses")).notes[0])
    Both at once: F(2, 599.2) = 1.616, p = 0.200.
    """
    shifted = bool(np.any(values.null != 0))
    bounds = f"{100 * values.rows.level:g}% interval"
    t = _letter(values)
    heads = (
        Heading("Hypothesis", "text"),
        Heading("Estimate", digits=digits),
        *((Heading("Null", digits=digits),) if shifted else ()),
        Heading("SE", digits=digits),
        *((Heading("df", digits=1),) if t == "t" else ()),
        Heading(t, digits=digits),
        Heading("p", "p", max(digits, 3)),
        *(Heading(name, digits=digits, group=bounds) for name in ("Lower", "Upper")),
    )
    rows: list[Row] = []
    for i, name in enumerate(values.names):
        cells = fixed_cells(values.rows, i, digits, stars=stars)
        cells["Null"] = amount(float(values.null[i]), cells["Estimate"].digits or digits)
        rows.append((name, *(cells[head.name] for head in heads[1:])))
    said = (
        *_joint(values, digits),
        f"Model: {values.formula}.",
        _tests(values),
        *_robust(values.sandwich, t=True),
    )
    key = (STAR_KEY,) if stars else ()
    title = "Linear hypothesis" if len(rows) == 1 else "Linear hypotheses"
    return Table(heads, (Section(tuple(rows)),), title, (*said, *key))


def _joint(values: Contrasts, digits: int) -> tuple[str, ...]:
    """The test of all hypotheses at once in words."""
    if len(values.names) == 1:
        return ()
    test = values.joint_test
    p = p_value(test.p_value, max(digits, 3))
    p = p.replace("<", "p < ") if p.startswith("<") else f"p = {p}"
    if np.isinf(test.df2):
        found = f"chi-square({test.df1}) = {number(test.df1 * test.statistic, digits)}"
    else:
        found = f"F({test.df1}, {number(test.df2, 1)}) = {number(test.statistic, digits)}"
    all_of = "Both" if len(values.names) == 2 else f"All {len(values.names)}"
    follows = ", ".join(values.redundant)
    note = f" {follows} follows from the others and does not count." if follows else ""
    if len(values.redundant) > 1:
        note = f" {follows} follow from the others and do not count."
    return (f"{all_of} at once: {found}, {p}.{note}",)


def _tests(values: Contrasts) -> str:
    """What t, or z, is."""
    of = "(Estimate - Null) / SE" if np.any(values.null != 0) else "Estimate / SE"
    method = _METHODS.get(values.rows.method)
    return f"{_letter(values)}: {of}{f', with {method}' if method else ''}."


def _letter(values: Contrasts) -> str:
    return "z" if np.isinf(values.df).all() else "t"


def _known(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


def _squares(x: float, size: int) -> Entry:
    return Entry(None) if np.isnan(x) else amount(float(x), max(size, places(float(x), 2)))


def _df(x: float) -> Entry:
    if np.isnan(x):
        return Entry(None)
    near = abs(x - round(x)) < 1e-6 if np.isfinite(x) else False
    return Entry(float(round(x)), digits=0) if near else Entry(float(x))


def _p(p: float, *, stars: bool) -> Entry:
    return Entry(_known(p), stars=mark(p) if stars else "")
