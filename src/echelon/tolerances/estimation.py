"""Of the fit: columns, the search, its start and end, the engines."""

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

START_CORRELATIONS = (0.0, 0.5, 0.85, -0.5)
"""Correlations of structured random effects tried at the start, as shares of their bounds. The
deviance may have several minima in them."""

NO_RESIDUAL = 1e4
"""Variance of a structured term relative to the residual one (working units) above which a flat
likelihood means that no residual variance is left: a time series without measurement error."""

CORRELATION_BOUND = 1e-13
"""A correlation this close to a bound is at it: rounding of one taken from a factor. Those
not put there stay above `BOUNDARY` squared. Unit: half the distance between its bounds."""

CORRELATION_GRID = 39
"""Correlations looked at for the one that leaves a variance of zero most steeply."""

SCALE_KEPT = 0.1
"""Share of itself that a standard deviation of a structured term keeps in one step at least: it
reaches zero in a few steps and not by overshooting (the fraction-to-the-boundary rule)."""

CORRELATION_INSIDE = 0.9
"""A correlation wrongly at its bound restarts at this share of it."""

START_WEAK = 0.25
"""Relative SD at the start of each search over a structure with a variance for each effect: from
0.7, one in ten searches of weak effects ended in another minimum than the lowest (measured on 120
simulated tables; from 0.25, with the best of four correlations, none)."""

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

RESIDUAL_SHARE = (1e-6, 1e-8)
"""No residual variance is left when the residual sum of squares is below this share of what the
fixed effects leave: after a search that failed, and after one that did not. 1e-8 is a residual SD
of a ten-thousandth of the SD between groups."""

FEW_ROWS = 100
"""Tables of up to this many rows are searched from a second place too, at twice the residual SD:
there two solutions are not rare and an evaluation costs next to nothing."""

CHEAP_BORDER = 5e-3
"""Seconds of dense products below which no other way to multiply the border is considered."""

RESPONSE_SQUARES = (1e-140, 1e140)
"""The same as `SQUARES` for the response, of whose squares the Hessian takes products."""

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

FOREST_BLOCK = 16_384
"""Groups of the finest of nested factors handled at a time, with all that hold them (at 1e5
and 1e6 groups: from 8192 to 65536 within 20 per cent, 1024 three times slower)."""

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

LOG_RATIO = 11.5
"""Residual SDs of two strata whose logarithms differ by this (a factor of 100,000) count as a
residual variance of zero in one of them: the variances would differ by 1e10, which cross-products
of 1e-16 no longer carry."""

CORRELATION_EDGE = 8.0
"""atanh of a residual correlation at which it counts as 1: it is within 2.3e-7 of it, and the
inverse correlation matrix has lost seven digits."""

RESIDUAL_STEP = 1e-4
"""Step of difference quotients of exact gradients in a residual structure's search, in logarithms
of ratios of SDs or atanh of a correlation: half the digits of a gradient."""

RESIDUAL_CURVATURE_STEP = 1e-2
"""The same at the optimum, with quotients of fourth order: (1e-2)^4 / 30 of truncation against
1e-10 of rounding, for standard errors to about 1e-7."""

RESIDUAL_TRUST = 1.5
"""Longest step of a residual structure's search in the same coordinates: a factor of 4 in an SD."""

RESIDUAL_RIVAL = 1e-7
"""A second optimum of a residual structure is taken when its deviance is lower by this much."""

RESIDUAL_RIVAL_NEAR = 0.05
"""A second search ends this near the optimum of the first, in its coordinates: Newton's method is
then on its way to the same point."""

MAX_RESIDUAL_STEPS = 60
"""Steps after which the search over a residual structure gives up; 4 to 8 are usual."""

MAX_SETS = 512
"""Sets of products of a residual structure that are kept; with more (many distinct gaps between
times) every evaluation passes over the rows, which is then no dearer than adding the sets."""

MAX_SET_ENTRIES = 64_000_000
"""Numbers in all kept sets together (512 MB)."""

SAME_DIGITS = 11
"""Decimals of Z_j'W Z_j, in units of its mean over groups, to which two groups count as alike in a
batch of responses: the order of rows changes about the 15th."""

SAME_GROUPS = 2
"""Groups are gathered in classes when there are this many times more groups than classes."""

SAME_CLASSES = 256
"""Classes at most: they are gone through one by one when responses are laid out."""

BATCH_CELLS = 32_768
"""Groups times responses handled at a time in a batch: its working arrays stay in a 1 MB cache."""

BATCH_RESPONSES = 1024
"""Responses searched at a time, at most; more gain nothing (measured)."""

BATCH_GROUPS = 8192
"""With more groups than this (after gathering) responses are fitted one by one: a single pass over
the groups then fills the cache by itself."""

BATCH_PRODUCTS = 5e6
"""Multiplications an evaluation of one response in a batch may cost besides those of a search for
it alone: about 1 ms, the fixed cost of such an evaluation (measured)."""

BATCH_ENTRIES = 20_000_000
"""Numbers a batch may keep of the fixed columns' products by group (160 MB)."""

BATCH_STEPS = 30
"""Evaluations after which a batch leaves a response to the search for a single one."""

SETTLED = 1e-9
"""Newton decrement below which a response of a batch is taken as settled when rounding stopped it;
the distance to the stationary point is then below 3e-5 standard errors. Unit: deviance."""

SHORTEST_STEP = 1e-6
"""The iterative search gives up when a step this small, as a share of the point, is refused."""

RIVAL_WALD = 6.0
"""A second solution is looked for beyond a variance whose squared Wald statistic (SD over its
standard error, squared) is below this. Of 500 random tables with two maxima at most 3 of deviance
apart, none had more than 4.8."""

RIVAL_SCAN = (3.0, 1.0, 0.3, 0.1)
"""Relative SDs at which a second solution is looked for when a variance is at zero."""

SAME_OPTIMUM = 1e-5
"""Two searches ended at the same optimum when their deviances differ by no more than this."""

RIVAL_DEVIANCE = 4.0
"""A second solution is named when its deviance is no more than this above the best: a likelihood
ratio that would not be significant at 5% on one degree of freedom."""

THREADED_PRODUCT = 500
"""Order of matrices from which a product may use several threads."""

THREADED_FACTOR = 3000
"""Order from which a Cholesky factor or an inverse may: their threads wait for each other so often
that below it a busy second core makes them 10 to 50 times slower (measured at 1,156)."""
