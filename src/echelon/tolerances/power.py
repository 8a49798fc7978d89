"""Constants of the noncentral t distribution and of searches for sample sizes."""

from __future__ import annotations

NONCENTRAL_TAIL = 42.0
"""Log of the density below its peak where the integral over log s is cut off: exp(-42) = 6e-19 of
an area of 1 is lost."""

NONCENTRAL_STEP = 0.5
"""Step of the trapezoidal rule, in widths of the narrower of the two factors of the integrand. For
a bell of width s the error is exp(-2 pi^2 (s / h)^2), 5e-35 at h = s/2; the strip in which the
integrand is analytic bounds it at 1e-15 (trefethen2014)."""

NONCENTRAL_WIDEST = 0.05
"""Widest step in log s: at one degree of freedom the integrand oscillates beyond Im log s = pi /
4, and exp(-2 pi (pi / 4) / 0.05) is far below rounding."""

NONCENTRAL_BLOCK = 4_000_000
"""Numbers of the integrand held at once (32 MB)."""

NONCENTRALITY_STEPS = 60
"""Safeguarded Newton steps to a noncentrality; 4 to 7 are usual, and bisections alone need 55."""

NONCENTRALITY_DIGITS = 1e-14
"""Relative change of a noncentrality at which the search ends."""

LARGEST_J = 10_000_000
"""Groups beyond which no study is planned."""

LARGEST_N = 10_000_000
"""Rows a group beyond which a group mean is taken as known."""

LARGEST_TRIED = 20_000
"""Rows a group beyond which no best size is sought: the variance of a group's mean has long ceased
to fall."""
