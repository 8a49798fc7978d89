"""What can be asked for beside a fit: tests, marginal means, slopes, intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import echelon as ec
from echelon.cli import options as opt
from echelon.cli.after import after_extras
from echelon.cli.asked import BY, Asked
from echelon.cli.extra import Extra
from echelon.cli.terminal import working
from echelon.errors import UnknownColumn

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.show import Table


@dataclass(frozen=True, slots=True)
class Extras:
    """All results that were asked for beside a fit, and how its standard errors are made robust.

    Attributes
    ----------
    made : the results, in the order in which they are shown
    robust, cluster : as `fit.coefficients` takes them
    robust_table : both standard errors; None without `robust`
    seed : of the bootstrap
    """

    made: tuple[Extra, ...] = ()
    robust: str | None = None
    cluster: object = None
    robust_table: Table | None = None
    seed: int | None = None

    @property
    def tables(self) -> list[Table]:
        """What is written after the table of the model."""
        robust = [] if self.robust_table is None else [self.robust_table]
        return [*robust, *(extra.table for extra in self.made)]


def extras_of(fitted: LMM | OLS, asked: Asked, data: object) -> Extras:
    """Make all that was asked for.

    Parameters
    ----------
    data : the table of the fit, where a column of clusters may be
    """
    robust = None if asked.robust is None else asked.robust.value
    cluster = _cluster(fitted, asked.cluster, data)
    with working("Testing"):
        both = None if robust is None else _both(fitted, robust, cluster)
        made = list(_made(fitted, asked, {"robust": robust, "cluster": cluster}))
    made += _intervals(fitted, asked, {"robust": robust, "cluster": cluster})
    with working("Checking"):
        made += after_extras(fitted, asked.after, data)
    return Extras(tuple(made), robust, cluster, both, asked.seed)


def _both(fitted: LMM | OLS, robust: str, cluster: object) -> Table:
    from echelon.show.robust import robust_table

    return robust_table(fitted, robust, cluster)


def _cluster(fitted: LMM | OLS, name: str | None, data: object) -> object:
    """A grouping factor of the model by name, or the values of another column."""
    from echelon.data import Frame
    from echelon.model.fit import LmmFit

    if name is None or (isinstance(fitted, LmmFit) and name in fitted.factors):
        return name
    columns = Frame.of(data).columns
    if name not in columns:
        raise UnknownColumn(name, columns, "--cluster")
    return cast(Any, data)[name]


def _made(fitted: LMM | OLS, asked: Asked, how: dict[str, Any]) -> Iterator[Extra]:
    """The tests, means and slopes, in order."""
    if asked.anova is not None:
        yield _extra("anova", asked.anova.value, fitted.anova(type=asked.anova.value, **how))
    if asked.ranova:
        yield _extra("ranova", "", cast("LMM", fitted).ranova())
    if asked.drop1:
        yield _extra("drop1", "", fitted.drop1())
    for text in asked.tests:
        yield _extra("tests", text, ec.contrast(fitted, text, **how))
    for text in asked.emmeans:
        specs, by = _spec(text)
        means = fitted.emmeans(specs, by=by, **how)
        yield _extra("emmeans", text, means)
        if _several(means):
            yield _extra("contrasts", text, means.contrasts())
    for text in asked.slopes:
        variable, by = _spec(text)
        yield _extra("slopes", text, fitted.slopes(cast(str, variable), by=by, **how))
    for text in asked.johnson_neyman:
        focal, moderator = BY.split(text.strip())
        yield _extra("johnson_neyman", text, fitted.johnson_neyman(focal, moderator, **how))


def _intervals(fitted: LMM | OLS, asked: Asked, how: dict[str, Any]) -> list[Extra]:
    """The intervals; a bootstrap shows its own progress."""
    from echelon.cli.wald import WaldIntervals

    if asked.confint is opt.Confint.wald:
        return [_extra("intervals", "wald", WaldIntervals.of(fitted, **how))]
    if asked.confint is opt.Confint.profile:
        with working("Profiling"):
            return [_extra("intervals", "profile", cast("LMM", fitted).profile())]
    if asked.confint is opt.Confint.bootstrap:
        n = 1000 if asked.replicates is None else asked.replicates
        drawn = cast("LMM", fitted).bootstrap(n=n, rng=asked.seed)
        return [_extra("intervals", "bootstrap", drawn)]
    return []


def _extra(key: str, typed: str, result: Any) -> Extra:
    return Extra(key, typed, result, result.table())


def _spec(text: str) -> tuple[str | list[str], str | list[str] | None]:
    """What is asked for, and by what: "sector by urban, region".

    >>> _spec("sector"), _spec("a, b by c")
    (('sector', None), (['a', 'b'], 'c'))
    """
    wanted, *by = BY.split(text.strip(), maxsplit=1)
    return _names(wanted), _names(by[0]) if by else None


def _names(text: str) -> str | list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    return names[0] if len(names) == 1 else names


def _several(means: Any) -> bool:
    """Whether there are means to compare within the levels of `by`."""
    within = 1
    for name in means.specs:
        within *= len(means.levels[name].values)
    return within > 1
