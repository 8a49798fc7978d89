"""The functions a user calls for tables without a model of their own, and for several models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Literal, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.model.fit import LmmFit, OlsFit
from echelon.multilevel.describe import Description, describe_values, description_frame
from echelon.multilevel.oneway import OneWay, oneway_frame, oneway_values

if TYPE_CHECKING:
    from echelon.show.table import Table


def _oneway_table(values: OneWay) -> Table:
    """The quantities as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.unpack import oneway_table

    return oneway_table(values)


def _description_table(values: Description) -> Table:
    """The statistics as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.unpack import description_table

    return description_table(values)


class OneWayResult(Shown, OneWay):
    """A one-way random-effects analysis; see `OneWay` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: OneWay) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(OneWay)})

    frame = oneway_frame
    table = _oneway_table


class Descriptives(Shown, Description):
    """Descriptive statistics; see `Description` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Description) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Description)})

    frame = description_frame
    table = _description_table


@known_options
def oneway(
    response: str, group: str, data: object = None, *, summaries: object = None
) -> OneWayResult:
    """Analyse a response in groups: naive means, analysis of variance, and REML side by side.

    Parameters
    ----------
    response : column (the column of means with `summaries`), or an expression such as "log(y)"
    group : column of the groups
    data : data frame of pandas, polars or pyarrow (or a mapping of columns). Never changed.
    summaries : instead of `data`, a table with one row a group and columns n and sd, or
        `ec.Summaries` with their names

    Returns
    -------
    OneWayResult : frozen; print it, or take its attributes; `.frame()` in the caller's library,
        `.table()` for Word, PowerPoint, HTML, LaTeX

    Raises
    ------
    DataError, FormulaError, UnknownColumn, NotIdentified : as `lmer`

    Notes
    -----
    The estimators are in `OneWay`; `oneway-anova`; searle1992, snijders2012, raudenbush2002.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> found = ec.oneway("bsmmatxx", "idschool", timss)
    >>> round(found.mean_rows, 2), round(found.mean_groups, 2), round(found.weighted_mean, 2)
    (482.64, 482.78, 482.76)
    """
    return OneWayResult.of(oneway_values(response, group, data, summaries=summaries))


@known_options
def describe(
    data: object,
    columns: str | Sequence[str],
    *,
    by: str | None = None,
    level: str | None = None,
) -> Descriptives:
    """Describe variables, of rows or of group means, by a variable and overall.

    Parameters
    ----------
    data : data frame of pandas, polars or pyarrow (or a mapping of columns). Never changed.
    columns : one name or several, numeric
    by : a variable whose categories are described apart, and then all together
    level : a grouping factor: then every group counts once, with its mean

    Returns
    -------
    Descriptives : frozen; print it; `.frame()` in the caller's library, `.table()` for Word,
        PowerPoint, HTML, LaTeX; `.counts`, `.percent` by category; `.n_min`, `.n_max` of the groups

    Raises
    ------
    UnknownColumn : a name that is no column
    DataError : a column of categories; `by` that varies within the groups of `level`

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> found = ec.describe(eclsk, ["g1rscore", "ses"], by="sector", level="schid")
    >>> found.mean.round(1)[:3].tolist(), found.counts, found.n_min, found.n_max
    ([94.6, 101.1, 95.2], (672, 70), 10.0, 25.0)
    """
    return Descriptives.of(describe_values(data, columns, by=by, level=level))


def compare(
    *fits: LmmFit | OlsFit,
    names: Sequence[str] | None = None,
    stars: bool = True,
    layout: Literal["wide", "stacked"] | None = None,
    digits: int = 3,
) -> Table:
    """Several models side by side, their terms matched by name.

    Parameters
    ----------
    fits : fits of `lm` and `lmer`, in the order of the columns
    names : what stands above each; None for the method, numbered where it repeats
    stars : mark p-values
    layout : "wide" with standard errors, df and tests in columns, "stacked" with standard errors
        below; None for what fits
    digits : decimals at least

    Returns
    -------
    Table : print it, or write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`, `to_file`

    Raises
    ------
    DataError : no model, something that is no fitted model, or names that do not match
    UnknownOption : `layout` is none of these

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> ols = ec.lm("g1rscore ~ sector", eclsk)
    >>> multilevel = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)
    >>> "Multilevel" in ec.compare(ols, multilevel).to_text()
    True
    """
    from echelon.show.compare import compare_table

    return compare_table(fits, names, stars=stars, layout=layout, digits=digits)
