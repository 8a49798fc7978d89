"""Every tolerance and step size of the algorithms: value, unit, reason, source.

The tolerances that tests judge by live in `tests/tolerances.py`.
"""

from __future__ import annotations

SQUARES = (1e-200, 1e200)
"""Sums of squares outside this range are refused: products of two leave double precision."""

RANK_RAW = 1e-14
"""A column is constant when its centred sum of squares is below this share of its raw one.
Unit: ratio of squares. R's `lm` drops at 1e-7 on the scale of norms, whose square this is."""

RANK_CENTRED = 1e-13
"""A column is a combination of earlier ones when what they leave of its centred sum of squares is
below this share. Cross-products of 1e6 rows carry about 1e-15 of rounding; below 1e-13 a column and
rounding cannot be told apart."""

PERFECT_FIT = 1e-13
"""The model reproduces the response exactly when the residual sum of squares is below this share of
the total about the mean. Unit: ratio of squares, the precision of centred cross-products."""

DECREMENT = 1e-13
"""The search stops when the Newton decrement g'H^-1 g, twice the deviance still to be gained, falls
below this. Unit: deviance (minus twice the log-likelihood). 1e-13 puts the estimates within 1e-6
standard errors of the optimum; near it Newton's method doubles its digits, so this costs at most
one evaluation more than 1e-8 would."""

MAX_STEPS = 60
"""Evaluations after which the search gives up. Three to six are usual; the reference set needs at
most 13."""

SCORING_STEPS = 2
"""Expected-information (iterated MINQUE) steps tried before Newton's method: they land near the
optimum from anywhere, Newton finishes (measured: 4 evaluations in all)."""

START = 0.7
"""Relative SD of every random effect at the start, in whitened units: half of the variance between
groups, the middle of what is seen in practice."""

BOUNDARY = 3e-4
"""A direction of a covariance factor whose singular value is below this share of the largest (or of
1e-2 residual SD) is tried at exactly zero. The likelihood is even in it, so at 3e-4 it is flat to
1e-7 of its curvature."""

NULL = 1e-12
"""A singular value of a covariance factor below this share of the largest is rounding around an
exact zero: those not put at zero stay above `BOUNDARY`."""

BOUNDARY_RISE = 1e-7
"""A fit moved to the boundary is kept if its deviance rises by no more than this."""

KKT = 1e-6
"""At the boundary the deviance may fall by no more than this per unit of relative variance, as a
share of the largest entry of the gradient (rounding); otherwise the search restarts inside."""

SCORING_FLOOR = 0.02
"""A scoring step keeps every eigenvalue of the relative covariance above this share of the largest,
so that Newton's method starts inside."""

FLAT = 1e-9
"""A direction is flat when the curvature along it is below this share of the largest curvature."""

GRADIENT_SE = 1e-3
"""A fit has converged when no parameter is further than this many standard errors from the
stationary point that its gradient and Hessian predict."""

INVERSE_EIGENVALUE = 1e-8
"""Eigenvalues of the scaled Hessian of the variance parameters below this count as zero when it is
inverted for Satterthwaite degrees of freedom (lmerTest's `tol`)."""

GROUP_BLOCK = 4096
"""Groups handled at a time, so that the working arrays stay in a 1 MB cache (measured 2 to 3 times
faster than one long pass at 1e5 groups)."""

ROW_BLOCK = 32768
"""Rows compressed at a time: the block of columns stays in cache."""

FEW_GROUPS = 10
"""Below this number of groups the summary warns that the variance between groups rests on very
little (a common rule of thumb: Snijders & Bosker 2012, section 4.2; Maas & Hox 2005)."""

FOREST_BLOCK = 8192
"""Groups of the finest of nested factors handled at a time, with all that hold them."""

MAX_CORE = 16_000
"""Effects of all factors but the largest that the exact method takes: it holds about six dense
matrices of that order, 12 GB at this size."""

BORDER_BLOCK = 2_000_000
"""Entries of the border filled in at a time before BLAS multiplies them (16 MB)."""

MAX_PAIRS = 20_000_000
"""Pair lists longer than this (16 bytes a pair) are not made."""

PAIR_CHUNK = 1_000_000
"""Pairs listed at a time."""

DENSE_FLOPS = 8e10
"""Arithmetic rate of BLAS assumed when a strategy is chosen, per second (measured: 1e11)."""

PAIR_SECONDS = 3e-9
"""Time of one pair in a sparse matrix-vector product, seconds (measured)."""

SPARSE_SECONDS = 1e-9
"""Time of one entry of the border times one column, sparse, seconds (measured)."""

DIVIDE = 1e-3
"""The rest of the factors is worked out by dividing by Lam when its smallest singular value exceeds
this (whitened units); below it the division would lose more digits than the products."""

VECTOR_BLOCK = 20_000_000
"""Numbers in the vectors that Z'V0^-1 Z is applied to at a time (160 MB)."""
