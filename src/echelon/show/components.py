"""Variance components as a table."""

from __future__ import annotations

from echelon.infer.components import Component, component_values
from echelon.model.fit import LmmFit
from echelon.show.cells import Row, amount, places
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
    sizes = [row for row in rows if not row.with_term]
    known = {(row.group, row.term) for row in sizes}
    pairs = {_pair(row): row.sd for row in rows if row.with_term}
    # a correlation of anything but two effects gets a row of its own
    matrix = {(g, a, b) for g, a, b in pairs if {(g, a), (g, b)} <= known}
    across = [x for x in dict.fromkeys(r.term for r in sizes) if any(x == p[1] for p in matrix)]
    others = [row for row in rows if row.with_term and _pair(row) not in matrix]
    heads = (
        Heading("Group", "text"),
        Heading("Effect", "text"),
        *(Heading(name, digits=digits) for name in ("Variance", "SD", "SE of SD")),
        *(Heading(name, digits=3, group="Correlation with") for name in across),
        *((Heading("Correlation"), Heading("SE", digits=3)) if others else ()),
    )
    made: list[Row] = []
    for n, row in enumerate(sizes):
        made.append((
            "" if n and sizes[n - 1].group == row.group else row.group,
            row.term,
            *(amount(x, places(x, digits)) for x in (row.variance, row.sd, row.sd_se)),
            *(pairs.get((row.group, other, row.term)) for other in across),
            *((None, None) if others else ()),
        ))  # fmt: skip
        last = n + 1 == len(sizes) or sizes[n + 1].group != row.group
        for other in (x for x in others if last and x.group == row.group):
            blank = (None,) * (3 + len(across))
            made.append(("", _related(other), *blank, other.sd, other.sd_se))
    return Table(heads, (Section(tuple(made)),), title)


def _pair(row: Component) -> tuple[str, str, str]:
    """A factor, an effect, and a later effect."""
    return row.group, row.term, row.with_term


def _related(row: Component) -> str:
    """What a correlation is between, where it is no pair of effects.

    >>> _related(Component("Residual", "ar1(t | id)", "ar1(t | id)", 0.0, 0.0, 0.4, 0.1))
    'ar1(t | id)'
    """
    if row.term in ("", row.with_term):
        return row.with_term
    return f"{row.with_term} of {row.term}"


def component_label(row: Component) -> str:
    """A variance component in words: "idschool: (Intercept)", "Residual".

    >>> component_label(Component("school", "ses", "", 4.0, 1.0, 2.0, 0.25))
    'school: ses'
    """
    if is_pair(row):
        return f"{row.group}: correlation of {row.term}, {row.with_term}"
    if row.with_term:
        return f"{row.group}: {_related(row)}"
    return f"{row.group}: {row.term}" if row.term else row.group


def is_pair(row: Component) -> bool:
    """Whether a component is the covariance of two effects, not one correlation of several."""
    return row.with_term not in ("", row.term) and not row.with_term.startswith("rho (")
