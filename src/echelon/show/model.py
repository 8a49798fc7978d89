"""What a fitted model shows of itself: its summary as text and HTML, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from echelon.infer.coefficients import Coefficients, coefficient_values
from echelon.infer.components import component_values
from echelon.infer.criteria import criteria
from echelon.infer.ols import adjusted_r_squared, f_test, r_squared
from echelon.model.fit import LmmFit, OlsFit
from echelon.model.notes import notes
from echelon.show.cells import STAR_KEY, Row, amount, mark, places
from echelon.show.fit import wrap
from echelon.show.format import clean, integer
from echelon.show.metrics import monospace
from echelon.show.table import Entry, Heading, Section, Table
from echelon.show.text import to_text
from echelon.show.unpack import component_label, components_table
from echelon.show.words import Fit, conventions, foot, head, intraclass, method

_WIDTH = 80


def summary(fit: Fit, *, width: int | None = None) -> str:
    """A fit in words and tables, for a terminal.

    Parameters
    ----------
    width : characters available; None for 80

    Returns
    -------
    What was fitted and to which rows, criteria, variance components, fixed effects (with 95%
    intervals where there is room), conventions, the verdict on the optimum, and notes.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> print("\\n".join(summary(fit).splitlines()[:4]))
    Linear multilevel model fit by REML
    Formula: bsmmatxx ~ 1 + (1 | idschool)
    Data: 661 rows in 20 groups of idschool (16 to 51 rows each)
    REML criterion 7,614.9, log-likelihood -3,807.4, AIC 7,620.9, BIC 7,634.3
    """
    room = width or _WIDTH
    tables = [components_table(fit)] if isinstance(fit, LmmFit) else []
    fixed = _fixed_table(fit, conf_int=True)
    if max(map(monospace, to_text(fixed).splitlines())) > room:
        fixed = _fixed_table(fit, conf_int=False)
    parts = [
        _wrapped(head(fit, "ascii"), room),
        *(to_text(table, width=room) for table in [*tables, fixed]),
        _wrapped(foot(fit), room),
    ]
    return "\n\n".join(parts)


def _wrapped(lines: Sequence[str], width: int) -> str:
    return "\n".join(piece for line in lines for piece in wrap(clean(line), width, monospace))


def summary_html(fit: Fit) -> str:
    """The same for a notebook, as HTML."""
    first, *more = (escape(line) for line in head(fit, "unicode"))
    above = "<br>\n".join([f"<strong>{first}</strong>", *more])
    tables = [components_table(fit)] if isinstance(fit, LmmFit) else []
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
) -> Table:
    """A fit as a table for a report: fixed effects, random effects, fit.

    Parameters
    ----------
    stars : mark p-values
    conf_int : add 95% intervals
    digits : decimals; more where a standard error would otherwise show fewer than two digits
    title : None for the method and the formula; "" for none

    Returns
    -------
    Table : write it with `to_docx`, `to_pptx`, `to_html`, `to_latex` or `to_text`

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> model_table(fit).to_text().splitlines()[5]
    '  (Intercept)             482.757  13.673  19  35.307  <0.001***'
    """
    values = coefficient_values(fit)
    heads = _headings(values, digits, conf_int=conf_int, df=values.method != "none", whole=True)
    rows = _fixed_rows(values, heads, digits, stars=stars)
    multilevel = isinstance(fit, LmmFit)
    sections = [Section(rows, "Fixed effects" if multilevel else "Coefficients")]
    if isinstance(fit, LmmFit):
        sections.append(Section(_filled(_random_rows(fit, digits), heads), "Random effects"))
    sections.append(Section(_filled(_fit_rows(fit, digits, stars=stars), heads), "Fit"))
    said = (*conventions(fit), *((STAR_KEY,) if stars else ()), *notes(fit))
    name = f"{method(fit)}: {fit.spec.formula}" if title is None else title
    return Table(heads, tuple(sections), name, said)


def _fixed_table(fit: Fit, *, conf_int: bool) -> Table:
    values = coefficient_values(fit)
    heads = _headings(values, 3, conf_int=conf_int, df=values.method == "satterthwaite")
    name = "Fixed effects" if isinstance(fit, LmmFit) else "Coefficients"
    return Table(heads, (Section(_fixed_rows(values, heads, 3, stars=True)),), name)


def _headings(
    values: Coefficients, digits: int, *, conf_int: bool, df: bool, whole: bool = False
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


def fixed_cells(values: Coefficients, i: int, digits: int) -> dict[str, Entry]:
    """The cells of one fixed effect by heading, without stars."""
    decimals = places(float(values.std_error[i]), digits)
    df = float(values.df[i])
    coarse = df >= 10 or df.is_integer()
    return {
        "Estimate": amount(float(values.estimate[i]), decimals),
        "SE": amount(float(values.std_error[i]), decimals),
        "df": Entry(df, digits=None if coarse else 1),
        "t": Entry(float(values.statistic[i])),
        "z": Entry(float(values.statistic[i])),
        "p": Entry(float(values.p_value[i])),
        "Lower": amount(float(values.conf_low[i]), decimals),
        "Upper": amount(float(values.conf_high[i]), decimals),
    }


def _fixed_rows(
    values: Coefficients, heads: Sequence[Heading], digits: int, *, stars: bool
) -> tuple[Row, ...]:
    rows = []
    for i, name in enumerate(values.names):
        cells = fixed_cells(values, i, digits)
        p = float(values.p_value[i])
        cells["p"] = Entry(p, stars=mark(p) if stars else "")
        rows.append((name, *(cells[head.name] for head in heads[1:])))
    return tuple(rows)


def _filled(
    rows: Sequence[tuple[str, dict[str, Entry]]], heads: Sequence[Heading]
) -> tuple[Row, ...]:
    """Rows of which only some cells are filled."""
    return tuple((name, *(cells.get(h.name) for h in heads[1:])) for name, cells in rows)


def _random_rows(fit: LmmFit, digits: int) -> list[tuple[str, dict[str, Entry]]]:
    made = []
    for row in component_values(fit).rows:
        label = component_label(row)
        sizes = [("", row.sd, row.sd_se)]
        if not row.with_term:
            sizes = [(", SD", row.sd, row.sd_se), (", variance", row.variance, row.variance_se)]
        for suffix, value, se in sizes:
            decimals = places(value, digits)
            cells = {"Estimate": amount(value, decimals), "SE": amount(se, decimals)}
            made.append((label + suffix, cells))
    icc = intraclass(fit)
    return made if icc is None else [*made, ("ICC", {"Estimate": Entry(icc, digits=max(digits, 3))})]


def _fit_rows(fit: Fit, digits: int, *, stars: bool) -> list[tuple[str, dict[str, Entry]]]:
    rows: list[tuple[str, dict[str, Entry]]] = []
    if isinstance(fit, OlsFit):
        test, sigma = f_test(fit), fit.sigma2**0.5
        rows = [
            ("Residual SE", {"Estimate": amount(sigma, places(sigma, digits))}),
            *(
                (name, {"Estimate": Entry(x, digits=places(x, digits, 4))})
                for name, x in (("R²", r_squared(fit)), ("Adjusted R²", adjusted_r_squared(fit)))
            ),
        ]
        if test.df1:
            p = Entry(test.p_value, stars=mark(test.p_value) if stars else "")
            name = f"F({test.df1}, {integer(test.df2)})"
            rows.append((name, {"Estimate": Entry(test.statistic, digits=2), "p": p}))
    found = criteria(fit)
    for name, value in (
        ("Log-likelihood", found.loglik), ("AIC", found.aic), ("BIC", found.bic)
    ):  # fmt: skip
        rows.append((name, {"Estimate": amount(value, 1)}))
    rows.append(("Rows", {"Estimate": Entry(fit.n, "integer")}))
    if isinstance(fit, LmmFit):
        rows.append((f"Groups of {fit.factor}", {"Estimate": Entry(fit.J, "integer")}))
    return rows
