"""`fit.profile()`: the profile likelihood of a fit's parameters, and intervals from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.infer.profile import Profile, Scale, profile_values
from echelon.model.fit import LmmFit
from echelon.plot.profile import profile_plot

if TYPE_CHECKING:
    from echelon.show.table import Table


def _table(profile: Profile, *, level: float | None = None, digits: int = 3) -> Table:
    """Estimates and limits as a `Table`; `level` None for the one asked for at first."""
    from echelon.show.profile import profile_table

    return profile_table(profile, level=level, digits=digits)


class ProfileResult(Shown, Profile):
    """The profile likelihood of parameters of a fit; see `Profile` for its values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Profile) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Profile)})

    table = _table
    plot = profile_plot


@known_options
def profile(
    fit: LmmFit,
    parameters: str | Sequence[str] | None = None,
    *,
    level: float = 0.95,
    scale: Scale = "sd",
    restricted: bool = False,
) -> ProfileResult:
    """Profile the likelihood: how far each parameter may go before the data speak against it.

    Parameters
    ----------
    parameters : None for all; "fixed", "variance", one name or several, as the table has them
        ("Days", "sd_Days|Subject", "cor_Days.(Intercept)|Subject", "sigma")
    level : coverage of the intervals
    scale : of standard deviations: "sd", or "variance" for their squares (correlations stay)
    restricted : profile the REML criterion instead of the ML deviance; variance parameters only

    Returns
    -------
    ProfileResult : print it; `.frame()` in the caller's dataframe library, `.intervals(level)` at
        another level, `.zeta()` and `.curves()` the points behind it, `.plot()`, `.table()`

    Raises
    ------
    UnknownOption, UnknownArgument : a parameter or option that does not exist, with the nearest one
    DataError : a level outside 0 to 1; fixed effects with `restricted`
    NotYetSupported : residual structures; the iterative method
    NoConvergence : a fit that has not converged

    Notes
    -----
    Limits are solved for with exact derivatives, not read off a curve: three or four evaluations of
    the deviance each, whatever n. A lower limit of 0 (or a correlation of +-1) says that the data
    do not exclude the bound. A REML fit is refitted by maximum likelihood first, as lme4 does;
    estimates shown stay those of the fit. `profile-zeta`, `profile-interval`; venzon1988,
    bates2015.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> print(fit.profile("variance").frame().round(2))
                               term  estimate  conf_low  conf_high
    0        sd_(Intercept)|Subject     24.74     14.38      37.72
    1  cor_Days.(Intercept)|Subject      0.07     -0.48       0.69
    2               sd_Days|Subject      5.92      3.80       8.75
    3                         sigma     25.59     22.90      28.86
    """
    found = profile_values(fit, parameters, level=level, scale=scale, restricted=restricted)
    return ProfileResult.of(found)
