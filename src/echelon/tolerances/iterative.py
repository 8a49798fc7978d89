"""Of the iterative method: random probes, conjugate gradients, Lanczos steps."""

from __future__ import annotations

CG_FIXED = 1e-11
"""Conjugate gradients for [X y] stop at this share of the right-hand side. The modes carry this
error; beta, its covariance and the residual sum of squares the square of it: rounding."""

CG_PROBES = 1e-8
"""The same for random probes: the traces must be good to 1e-8 of themselves for a search that
stops at `NOISY_DECREMENT`; the probes' own noise is a hundred times larger and more."""

CG_STEPS = 2_000
"""Conjugate-gradient steps before the iterative method gives up; 10 to 60 are usual."""

NOISY_DECREMENT = 1e-9
"""The iterative search stops at this decrement (deviance): 3e-5 standard errors, far below what
the probes leave open. With estimated Hessians a step gains one to two digits."""

STALLED_DECREMENT = 1e-6
"""Below this decrement the iterative search also stops when a step does not halve it: what is left
is the rounding of the conjugate gradients. 1e-6 is 7e-4 standard errors, within `GRADIENT_SE`."""

PROBES = 20
"""Random probes a factor unless asked otherwise: variances within at most 1 / sqrt(20) of their
standard errors, in practice a tenth of that (docs/theory/iterative.md)."""

FEW_UNITS = 50
"""A factor of up to this many groups takes unit vectors for probes: cheap as signs, and exact."""

LOGDET_PROBES = 20
"""Random vectors for the log-determinant, at least: it is worked out once a fit."""

FAR_DIRECTIONS = 8
"""Directions besides the constants that are taken out of the log-determinant and done exactly."""

FAR_STEPS = 4
"""Steps of the subspace iteration that finds them."""

LANCZOS_STEPS = 300
"""Lanczos steps of a log-determinant at most; 20 to 40 are usual."""

LANCZOS_CHECK = 5
"""Lanczos steps between looks at the quadrature."""

LANCZOS_SETTLED = 1e-6
"""The quadrature has settled when its sum over all vectors changed by less than this (deviance)."""

LANCZOS_END = 1e-12
"""A Lanczos vector this short ends its sequence: the quadrature is exact."""

SOLVED_WORK = 5e7
"""The iterative method works out the conditional variances of all groups of a factor when effects
times entries of the border are up to this: a few seconds."""

SOLVED_ROWS = 200
"""Different rows whose predictions have standard errors after the iterative method: each takes one
solution of the core, and its degrees of freedom two more for each variance parameter."""

SOLVED_AT_ONCE = 64
"""Right-hand sides solved together for conditional variances."""
