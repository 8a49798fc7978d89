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

RATIO = dict(rtol=1e-6, atol=2e-7)
"""A likelihood ratio: twice the difference of two log-likelihoods, each good to `OPTIMUM["loglik"]`;
relative where it is large, as log-likelihoods of thousands of rows are printed to 15 digits."""

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


R_TUKEY = 1e-6
"""R's `ptukey` and `qtukey`, absolute, in probability and in standard errors: off by up to 5e-7 at 5
degrees of freedom, where SciPy's and our integrals agree to 1e-14."""

LATTICE = 3e-5
"""The multivariate t by a lattice of 30,000 points, absolute, where correlations have no common factor."""

PROFILE = dict(
    limit=1e-6,  # relative, against lme4's splines through a dense profile
    root=1e-9,  # of the deviance at a limit, against a search without derivatives
    slope=1e-6,  # difference quotients of the deviance, along steps of curvature one
    bend=1e-4,
)
"""Limits of profile intervals: the references' splines are good to about 1e-7; a search without
derivatives finds a deviance to about 1e-12, and its root near 2 no worse (measured: 1e-13)."""

NONCENTRAL = 1e-10
"""Areas of the noncentral t, absolute: R's series ends at 1e-12 of its sum and loses a digit at a
million degrees of freedom (measured: 1.1e-11 from our integral)."""

NLME_PLAIN = 1e-5
"""nlme's residuals at the end of its own search, absolute, in standard deviations: it stops about 1e-6
short of the optimum in sigma and the correlation (measured against polished references)."""
