"""Further results in a report: each its table, and its figure where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias, cast, runtime_checkable

from echelon.errors import DataError, EchelonError, MissingDependency
from echelon.infer.bootstrap import Bootstrap
from echelon.infer.marginal.johnson_neyman import JohnsonNeyman
from echelon.infer.marginal.means import Means
from echelon.infer.profile import Profile
from echelon.plot import picture
from echelon.plot.panels import label_rows
from echelon.report.figures import data_uri, figure_box
from echelon.report.groups import first_rows
from echelon.report.markup import paragraph, safe, section, table_box
from echelon.show import Table
from echelon.show.format import integer

_MOST = 1000  # rows of one table
_CAPTIONS: tuple[tuple[type, str], ...] = (
    (
        Profile,
        "The signed root of the rise in deviance (ζ) along each parameter. A straight curve means "
        "that the interval estimate ± 2 SE would do; the shaded band holds the interval.",
    ),
    (
        JohnsonNeyman,
        "The effect along the moderator with its interval: a dark band and a full line where it "
        "differs from zero, a pale band and a dashed line where it does not; strokes along the "
        "lower edge are the data.",
    ),
    (
        Bootstrap,
        "How the replicates are spread: bars count them, the full line is the estimate, dashed "
        "lines are the limits of the interval. A pile at one end is fits on the boundary.",
    ),
    (Means, "Each mark is an estimated marginal mean with its interval."),
)


@runtime_checkable
class HasTable(Protocol):
    """A result that can be shown as a table."""

    def table(self) -> Table:
        """The result as a `Table`."""


Result: TypeAlias = HasTable | Table


def results_of(also: Result | Sequence[Result] | None) -> tuple[Result, ...]:
    """The results asked for, each of which has a table.

    Raises
    ------
    DataError : one of them has none
    """
    if also is None:
        return ()
    given = tuple(also) if isinstance(also, list | tuple) else (cast("Result", also),)
    for one in given:
        if not isinstance(one, HasTable | Table) or isinstance(one, type):
            raise DataError(
                f"also= was given {_shown(one)}, which has no table. Give results such as "
                'fit.anova(), fit.emmeans("sector") or ec.anova(m0, m1), one or a list of them.'
            )
    return given


def further_section(results: Sequence[Result], first: int = 1) -> str:
    """Return the section with further results; "" where there are none.

    Parameters
    ----------
    results : from `results_of`
    first : the number of the first figure
    """
    if not results:
        return ""
    parts: list[str] = []
    for k, result in enumerate(results, 1):
        number = first + sum(part.count("<figure") for part in parts)
        parts.extend(_of_result(result, k, number))
    return section("further", "Further results", parts)


def _of_result(result: Result, k: int, number: int) -> Iterator[str]:
    table = result if isinstance(result, Table) else result.table()
    title = table.title or f"Result {k}"
    yield f"<h3>{safe(title)}</h3>"
    yield table_box(_cut(replace(table, title=title)), f"further-{k}")
    if has_figure(result):
        yield _figure(result, title, number)


def has_figure(result: object) -> bool:
    """Whether a result can be drawn; a fit has figures, but not one of its own."""
    return callable(getattr(result, "plot", None))


def drawn(result: object, name: str, kind: Literal["svg", "png"]) -> bytes:
    """The figure of a result as the content of a picture file, large enough for its panels."""
    draw = cast(Any, result).plot
    rows = 0
    if isinstance(result, Profile):
        rows = label_rows(len(result.parameters))
    elif isinstance(result, Bootstrap):
        rows = label_rows(len(result.terms))
    return picture(name, lambda ax: cast(Any, draw(ax=ax)), kind, rows=rows)


def _figure(result: Result, title: str, number: int) -> str:
    """The figure of a result; a sentence where it has none, nothing without matplotlib."""
    try:
        source = data_uri(drawn(result, f"further-{number}", "svg"), "svg")
    except MissingDependency:
        return ""
    except EchelonError as reason:
        return paragraph(f"No figure: {safe(reason)}", "soft")
    caption = next((said for kind, said in _CAPTIONS if isinstance(result, kind)), f"{title}.")
    return figure_box(number, f"Plot: {title}.", caption, source)


def _cut(table: Table) -> Table:
    """The first rows of a long table, which says so."""
    total = sum(len(part.rows) for part in table.sections)
    if total <= _MOST:
        return table
    note = f"The first {integer(_MOST)} of {integer(total)} rows."
    return replace(first_rows(table, _MOST), notes=(note, *table.notes))


def _shown(one: object) -> str:
    return one.__name__ if isinstance(one, type) else type(one).__name__
