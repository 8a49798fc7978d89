"""Variance components as a table."""

from __future__ import annotations

from echelon.infer.components import Component, component_values
from echelon.model.fit import LmmFit
from echelon.show.cells import amount, places
from echelon.show.table import Heading, Section, Table


def components_table(fit: LmmFit, *, digits: int = 3, title: str = "Random effects") -> Table:
    """Variance components: variance, SD with its standard error, and correlations.

    Parameters
    ----------
    digits : decimals, more where a number would otherwise show fewer than two digits

    Returns
    -------
    Table : one row a random effect and one for the residual; a correlation stands in the row of
        the later effect under the name of the earlier one, as in lme4

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> print(components_table(ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)))
    Random effects
    ──────────────────────────────────────────────────
    Group     Effect        Variance      SD  SE of SD
    ──────────────────────────────────────────────────
    idschool  (Intercept)  3,557.715  59.647    10.112
    Residual               5,439.903  73.756     2.060
    ──────────────────────────────────────────────────
    """
    rows = component_values(fit).rows
    pairs = {(r.with_term, r.term): r.sd for r in rows if r.with_term}
    across = [e for e in fit.effects if any(e == earlier for _, earlier in pairs)]
    heads = (
        Heading("Group", "text"),
        Heading("Effect", "text"),
        *(Heading(name, digits=digits) for name in ("Variance", "SD", "SE of SD")),
        *(Heading(name, digits=3, group="Correlation with") for name in across),
    )
    made = []
    for row in (r for r in rows if not r.with_term):
        sizes = (row.variance, row.sd, row.sd_se)
        made.append(
            (
                row.group if row.term in ("", *fit.effects[:1]) else "",
                row.term,
                *(amount(x, places(x, digits)) for x in sizes),
                *(pairs.get((row.term, other)) for other in across),
            )
        )
    return Table(heads, (Section(tuple(made)),), title)


def component_label(row: Component) -> str:
    """A variance component in words: "idschool: (Intercept)", "Residual".

    >>> component_label(Component("school", "ses", "", 4.0, 1.0, 2.0, 0.25))
    'school: ses'
    """
    if row.with_term:
        return f"{row.group}: correlation of {row.term}, {row.with_term}"
    return f"{row.group}: {row.term}" if row.term else row.group
