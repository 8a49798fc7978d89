"""What a fitted model shows of itself: its summary as text and HTML, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np

from echelon.infer.coefficients import coefficient_values
from echelon.infer.components import component_values
from echelon.infer.criteria import criteria
from echelon.infer.estimates import Estimates
from echelon.infer.ols import adjusted_r_squared, f_test, r_squared
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import notes
from echelon.show.cells import STAR_KEY, Row, amount, fixed_cells, mark, places
from echelon.show.components import component_label, components_table
from echelon.show.fit import wrap
from echelon.show.format import clean, number
from echelon.show.metrics import monospace
from echelon.show.robust import robust_table, robust_values
from echelon.show.table import Entry, Heading, Section, Table
from echelon.show.text import to_text
from echelon.show.words import (
    Fit,
    conventions,
    foot,
    head,
    icc_label,
    icc_parts,
    intraclass,
    method,
)

_WIDTH = 80
_Row = tuple[str, dict[str, Entry]]  # a label, and cells by heading


def summary(
    fit: Fit, *, width: int | None = None, robust: str | None = None, cluster: Cluster = None
) -> str:
    """A fit in words and tables, for a terminal.

    Parameters
    ----------
    width : characters available; None for 80
    robust, cluster : a second table of fixed effects with cluster-robust standard errors, as
        `coefficients` takes them

    Returns
    -------
    What was fitted and to which rows, criteria, variance components, fixed effects (with 95%
    intervals where there is room), conventions, the verdict on the optimum, and notes.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> for line in summary(fit).splitlines()[:4]:
    ...     print(line)
    Linear multilevel model fit by REML
    Formula: bsmmatxx ~ 1 + (1 | idschool)
    Data: 661 rows in 20 groups of idschool (16 to 51 rows each)
    REML criterion 7,614.9, log-likelihood -3,807.4, AIC 7,620.9, BIC 7,634.3
    """
    room = width or _WIDTH
    tables = _random_tables(fit)
    fixed = _fixed_table(fit, conf_int=True)
    if max(map(monospace, to_text(fixed).splitlines())) > room:
        fixed = _fixed_table(fit, conf_int=False)
    second = [] if robust is None else [robust_table(fit, robust, cluster)]
    if cluster is not None and robust is None:
        robust_values(fit, robust, cluster)  # says that robust= is missing
    parts = [
        _wrapped(head(fit, "ascii"), room),
        *(to_text(table, width=room) for table in [*tables, fixed, *second]),
        _wrapped(foot(fit), room),
    ]
    return "\n\n".join(parts)


def _wrapped(lines: Sequence[str], width: int) -> str:
    return "\n".join(piece for line in lines for piece in wrap(clean(line), width, monospace))


def summary_html(fit: Fit) -> str:
    """The same for a notebook, as HTML."""
    first, *more = (escape(line) for line in head(fit, "unicode"))
    above = "<br>\n".join([f"<strong>{first}</strong>", *more])
    tables = _random_tables(fit)
    made = [*tables, _fixed_table(fit, conf_int=True)]
    shown = [table.to_html(styled=k == 0) for k, table in enumerate(made)]
    below = "<br>\n".join(escape(line) for line in foot(fit))
    return "\n".join([
        '<div class="ec-summary">',
        f"<p>{above}</p>",
        *shown,
        f'<p style="font-size: 0.86em; max-width: 60em">{below}</p>\n</div>',
    ])  # fmt: skip


def model_table(
    fit: Fit,
    *,
    stars: bool = True,
    conf_int: bool = False,
    digits: int = 3,
    title: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
) -> Table:
    """A fit as a table for a report: fixed effects, random effects, fit.

    Parameters
    ----------
    stars : mark p-values
    conf_int : add 95% intervals
    digits : decimals; more where a standard error would otherwise show fewer than two digits
    title : None for the method and the formula; "" for none
    robust, cluster : cluster-robust standard errors of the fixed effects and tests by them, as
        `coefficients` takes them

    Returns
    -------
    Table : write it with `to_docx`, `to_pptx`, `to_html`, `to_latex` or `to_text`

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> model_table(fit).to_text().splitlines()[5].split()
    ['(Intercept)', '482.757', '13.673', '19', '35.307', '<0.001***']
    """
    values, tests, below_robust = robust_values(fit, robust, cluster)
    heads = _headings(values, digits, conf_int=conf_int, df=values.method != "none", whole=True)
    rows = _fixed_rows(values, heads, digits, stars=stars)
    if isinstance(fit, LmmFit):
        first, second, below = "Fixed effects", "Random effects", _random_rows(fit, digits)
    else:
        first, second = "Coefficients", "Regression"
        below = _regression_rows(fit, digits, stars=stars)
    sections = (
        Section(rows, first),
        Section(_filled(below, heads), second),
        Section(_filled(_fit_rows(fit), heads), "Fit"),
    )
    said = (*conventions(fit, tests), *below_robust, *((STAR_KEY,) if stars else ()), *notes(fit))
    name = f"{method(fit)}: {fit.spec.formula}" if title is None else title
    return Table(heads, sections, name, said)


def _random_tables(fit: Fit) -> list[Table]:
    if isinstance(fit, OlsFit):
        return []
    share = intraclass(fit)
    parts = ", ".join(f"{factor} {number(x)}" for factor, x in icc_parts(fit))
    said = f" ({parts})" if parts else ""
    note = () if share is None else (f"{icc_label(fit)}: {number(share)}{said}",)
    return [replace(components_table(fit), notes=note)]


def _fixed_table(fit: Fit, *, conf_int: bool) -> Table:
    values = coefficient_values(fit)
    heads = _headings(values, 3, conf_int=conf_int, df=values.method not in ("none", "residual"))
    name = "Fixed effects" if isinstance(fit, LmmFit) else "Coefficients"
    return Table(heads, (Section(_fixed_rows(values, heads, 3, stars=True)),), name)


def _headings(
    values: Estimates, digits: int, *, conf_int: bool, df: bool, whole: bool = False
) -> tuple[Heading, ...]:
    bounds = ("Lower", "Upper") if conf_int else ()
    return (
        Heading("Term", "text"),
        Heading("Estimate", digits=digits),
        Heading("SE", digits=digits),
        *((Heading("df", digits=0 if whole else 1),) if df else ()),
        Heading("z" if values.method == "none" else "t", digits=digits),
        Heading("p", "p", max(digits, 3)),
        *(Heading(b, digits=digits, group=f"{100 * values.level:g}% interval") for b in bounds),
    )


def _fixed_rows(
    values: Estimates, heads: Sequence[Heading], digits: int, *, stars: bool
) -> tuple[Row, ...]:
    rows: list[Row] = []
    for i, name in enumerate(values.names):
        cells = fixed_cells(values, i, digits, stars=stars)
        rows.append((name, *(cells[head.name] for head in heads[1:])))
    return tuple(rows)


def _filled(rows: Sequence[_Row], heads: Sequence[Heading]) -> tuple[Row, ...]:
    """Rows of which only some cells are filled."""
    return tuple((name, *(cells.get(h.name) for h in heads[1:])) for name, cells in rows)


def _random_rows(fit: LmmFit, digits: int) -> list[_Row]:
    made = []
    for row in component_values(fit).rows:
        label = component_label(row)
        sizes = [("", row.sd, row.sd_se)]
        if not row.with_term:
            sizes = [(", SD", row.sd, row.sd_se), (", variance", row.variance, row.variance_se)]
        for suffix, value, se in sizes:
            decimals = digits if row.with_term else places(value, digits)
            cells = {"Estimate": amount(value, decimals), "SE": amount(se, decimals)}
            made.append((label + suffix, cells))
    share = intraclass(fit)
    if share is not None:
        shares = [(icc_label(fit), share), *((f"ICC: {f}", x) for f, x in icc_parts(fit))]
        made += [(name, {"Estimate": Entry(x, digits=max(digits, 3))}) for name, x in shares]
    return made


def _regression_rows(fit: OlsFit, digits: int, *, stars: bool) -> list[_Row]:
    test, sigma = f_test(fit), float(np.sqrt(fit.sigma2))
    shares = (("R²", r_squared(fit)), ("Adjusted R²", adjusted_r_squared(fit)))
    rows: list[_Row] = [
        ("Residual SE", {"Estimate": amount(sigma, places(sigma, digits))}),
        *((name, {"Estimate": Entry(x, digits=places(x, 4, 4))}) for name, x in shares),
    ]
    if test.df1:
        p = Entry(test.p_value, stars=mark(test.p_value) if stars else "")
        cells = {"Estimate": Entry(test.statistic, digits=2), "p": p}
        rows.append((f"F({test.df1}, {test.df2})", cells))
    return rows


def _fit_rows(fit: Fit) -> list[_Row]:
    found = criteria(fit)
    name = "REML log-likelihood" if found.restricted else "Log-likelihood"
    values = ((name, found.loglik), ("AIC", found.aic), ("BIC", found.bic))
    rows: list[_Row] = [(name, {"Estimate": amount(value, 1)}) for name, value in values]
    rows.append(("Rows", {"Estimate": Entry(fit.n, "integer")}))
    if isinstance(fit, LmmFit):
        for group in fit.moments.groups:
            count = Entry(len(group.levels), "integer")
            rows.append((f"Groups of {group.factor}", {"Estimate": count}))
    return rows
