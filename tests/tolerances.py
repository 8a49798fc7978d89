"""The tolerances that tests judge by: four named kinds, each with its reason.

A failure is a finding. Nothing here is widened to make a test pass.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

SAME = dict(rtol=1e-12)
"""The same arithmetic in another order or from another container."""

CLOSED = dict(rtol=1e-7)
"""A closed form, a law or a difference quotient against our algorithm: two roads to one number, of
which the iterative one ends within 1e-7 of a standard error."""

OPTIMUM = dict(
    devfun=1e-9,  # relative: the objective at given parameters, free of any optimiser
    deviance=1e-8,  # relative, or lower than the reference
    loglik=1e-7,  # absolute
    estimate=1e-6,  # relative: theta, fixed effects, sigma
    se=1e-5,  # relative
    df=1e-5,  # relative, against exact derivatives
    df_printed=1e-3,  # relative, against lmerTest's numerical ones
)
"""Two programs' optima of one problem. theta goes as the square root of the deviance: the top of a
hill is flat. The references were polished by Newton steps to about 1e-10 in theta."""

ZERO = 1e-6
"""An estimate that the reference gives as zero, as a share of its standard error."""


def printed(value: float, text: str) -> bool:
    """Whether a number, rounded to the digits of a printed text, is that text.

    Thousands separators are allowed. R prints 94050.2720 as "94,050.3": half away from zero on the
    decimal value is what its `formatC` and `round` agree on away from exact ties, and a computed
    number on an exact tie would be a coincidence.

    >>> printed(3697.66829, "3,697.67"), printed(6.2e-19, "0.0000"), printed(9.434, "9")
    (True, True, True)
    >>> printed(116.8, "117"), printed(3697.73, "3,697.67"), printed(float("nan"), "1.0")
    (True, False, False)
    """
    if value != value:
        return False
    shown = Decimal(text.replace(",", ""))
    rounded = Decimal(repr(float(value))).quantize(shown, rounding=ROUND_HALF_UP)
    return rounded == shown
