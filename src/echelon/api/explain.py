"""`fit.explain("5036")`: what the model makes of one named group, in sentences."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.model.fit import LmmFit
from echelon.multilevel.explain import Explanation, explain_values, explanation_frame
from echelon.multilevel.ranks import Rng

if TYPE_CHECKING:
    from echelon.show.table import Table


def _table(found: Explanation, *, digits: int | None = None) -> Table:
    """The quantities behind the sentences as a `Table`."""
    from echelon.show.explain import explanation_table

    return explanation_table(found, digits=digits)


class ExplanationResult(Shown, Explanation):
    """One group explained; see `Explanation` for the values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Explanation) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Explanation)})

    frame = explanation_frame
    table = _table

    @property
    def text(self) -> str:
        """The sentences, a paragraph a coefficient."""
        from echelon.show.explain_words import explanation_text

        return explanation_text(self)

    def __repr__(self) -> str:
        from echelon.show.explain_words import explanation_lines

        return explanation_lines(self)

    def _repr_html_(self) -> str:
        from echelon.show.explain import explanation_html

        return explanation_html(self)


@known_options
def explain(
    fit: LmmFit,
    group: object,
    factor: str | None = None,
    term: str | None = None,
    *,
    level: float = 0.95,
    n: int = 4_000,
    rng: Rng = 0,
) -> ExplanationResult:
    """Explain one group: what its rows show, what it is drawn to, how far and why, and its rank.

    Parameters
    ----------
    group : its label; numbers may be typed as text, "5036" or 5036
    factor : name of the grouping factor; may be left out when only one has this group
    term : random coefficient, e.g. "ses"; None for all of them
    level : coverage of the intervals
    n, rng : draws and seed behind the interval of the rank

    Returns
    -------
    ExplanationResult : print it for the sentences (`.text`); `.frame()` in the caller's dataframe
        library, `.table()` for the numbers behind them, `.coefficients` as values

    Raises
    ------
    DataError : no such group, with the nearest label; a label of several factors and none named
    UnknownColumn, UnknownOption, UnknownArgument : an option that is not known

    Notes
    -----
    The numbers are those of `groups()` (`rel-mean`, `eb-total`; raudenbush2002, ch. 3), and ranks
    those of `ranks()`. Of several coefficients each is told as it is shrunk with the others.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> print(fit.explain("5036").text.split(". ")[5].split(" (")[0])
    So it moves from 484.25 to 484.20, with a standard error of 11.32
    """
    return ExplanationResult.of(explain_values(fit, group, factor, term, level=level, n=n, rng=rng))
