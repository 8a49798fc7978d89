"""Of what follows the fit: tests, profiles, robust covariances, replicates, comparisons."""

from __future__ import annotations

KR_ZERO = 1e-10
"""Two factors of Kenward and Roger's moments both below this are a quotient of zeros, 1 in the
limit. pbkrtest's `.divZero` takes 1e-14; theirs and ours carry rounding of about 1e-13."""

KR_TWO = 0.01
"""With denominator degrees of freedom this close to 2 the scale of Kenward and Roger's F is 1,
where its formula divides by zero (pbkrtest's rule)."""

ESTIMABLE = 1e-6
"""A linear function is estimable when it leaves the space of the data by less than this, in units
of the root mean square of the dropped columns. Cross-products give the combination they obey to
about 1e-8; a row outside leaves it by the order of 1 (emmeans asks for 1e-4)."""

FEWEST_FREEDOM = 1e-3
"""Below so few degrees of freedom Student's t and the largest of several such statistics have tail
areas that agree to 1e-2 and are 1 to 1e-2, for any value that is reported; the integral over the
scale would need a range of 46 / df."""

GRID_ROWS = 20_000
"""Rows of a reference grid at most (emmeans: 10,000): beyond it the predictors are too many, or too
finely divided, for their combinations to be meant."""

MAX_SPAN = 4_000
"""Effects of all factors but the largest for which responses are simulated from moments: their
products are factorised as a dense matrix (at 4,000: 130 MB and a few seconds). Beyond it rows are
simulated."""

DRAWN_ENTRIES = 5_000_000
"""Numbers drawn at a time in a bootstrap (40 MB an array), which bounds its memory."""

DRAWN_TOGETHER = 250
"""Replicates of a bootstrap fitted as one batch, at most: enough that a batch costs no more per
replicate than a longer one (measured), few enough that a progress bar moves."""

RECODED = 1e-10
"""Eigenvalues of the normalised cross-products of coded columns over the grid of all levels below
this share of the largest are zero: columns that depend on each other in any data. Rounding is about
1e-15; the smallest other one is about (1 / 2L)^k for k crossed factors of L levels, 1e-6 at L = 50,
k = 3."""

SAME_HYPOTHESIS = 1e-9
"""Linear functions of the fixed effects, in standard-error units and of length one, differ when
what others leave of them is longer than this. Written weights carry about 1e-16."""

SAME_CONTRAST = 1e-10
"""Two estimates whose correlation is this close to 1 or -1 are one, and count once in the largest
of several statistics."""

ONE_FACTOR = 1e-9
"""Correlations are those of one common factor when they are met to this: one integral gives the
largest of the statistics then."""

LATTICE_POINTS = 30_000
"""Points of the lattice for the largest of several statistics: errors of 1e-6 to 3e-5 in a p-value
(measured against quadrature on correlations of one factor, and against mvtnorm); 5e-4 where the
statistics depend on each other linearly, as all pairs of means do."""

LATTICE_END = 8.5
"""Its table ends at this many standard deviations, where the tail is below 1e-15."""

LATTICE_STEP = 0.25
"""Spacing of that table, read by polynomials of eight points."""

ROOT_STEPS = 60
"""Steps of the search for an adjusted critical value at most; 6 to 10 are usual."""

ROOT_SETTLED = 1e-12
"""A critical value is found when its tail area is met to this relative error."""

CONE_STEPS = 4096
"""Points of the trapezoid rule for the solid angle of an elliptic cone. The integrand is periodic,
so that the rule converges exponentially: full double precision for axes up to 1 : 100."""

SAME_COLUMN = 1e-6
"""A column of length one is a combination of others when what they leave of it is shorter. Dropped
columns are known as combinations of those kept to about 3e-7, the root of `RANK_CENTRED`."""

DERIVATIVE_STEP = 0.25
"""First and longest step of a difference quotient of a transformed predictor, in standard
deviations of it; halved `DERIVATIVE_STEPS` - 1 times (the shortest is 6e-5). Powers need no short
step: extrapolation is exact for them."""

DERIVATIVE_STEPS = 13
"""Difference quotients extrapolated at most; 4 to 6 give a logarithm to 1e-13."""

DERIVATIVE_ERROR = 1e-7
"""A derivative is refused when its extrapolations differ by more than this share of it: the
function jumps or has a corner. Smooth functions end near 1e-13, splines at a knot near 1e-9."""

PROFILE_ROOT = 1e-5
"""A profile limit is one Newton step away when the root of the deviance is this near its goal: what
the step leaves is of the order of the square, 1e-10 standard errors. Unit: root of deviance."""

PROFILE_GAIN = 1e-7
"""Deviance that the other parameters may still promise at a limit: the profile is known to the
power 3/2 of it by the second-order model."""

PROFILE_LAG = 0.05
"""Deviance the other parameters may lag behind on the way to a limit, before they are minimised
over."""

PROFILE_TRUST = 0.5
"""Radius at the start of a minimisation with one parameter held, in working units."""

PROFILE_START = 0.3
"""Relative SD at which the profile of an SD whose estimate is zero is looked at first, where there
is no curvature to go by."""

PROFILE_STRIDE = 1.5
"""Standard errors between neighbouring points of a profile's curve at most."""

PROFILE_BETTER = 1e-6
"""Deviance by which a profile must get below the fit to be a better optimum."""

SADDLE = 1e-7
"""The others are at a saddle when the Hessian has an eigenvalue this negative, as a share of the
largest."""

SADDLE_PUSH = 0.1
"""Slope put along the most negative eigenvector at a saddle, as a share of the eigenvalue."""

ROBUST_RANK = 1e-12
"""A direction of the columns of a cluster, scaled to unit length, does not exist when its squared
length is below this share of the largest: cross-products carry about 1e-15 of rounding."""

ROBUST_ALONE = 1e-10
"""A cluster determines a combination of the fixed effects by itself when 1 minus its leverage is
below this; CR2 then takes the pseudo-inverse, as clubSandwich does."""

ROBUST_ENTRIES = 500_000
"""Numbers in the m x m matrices of the clusters that CR2 handles at a time (4 MB)."""

ROBUST_WORK = 2e11
"""Sum over clusters of the cube of their random and fixed effects up to which CR2 is worked out:
some minutes."""

PROFILE_RESTARTS = 4
"""Better optima that profiling may find before it gives up."""

CROSSING_POINTS = 400
"""Values of a moderator at which a simple slope is tested to find where it becomes significant,
evenly spaced in the angle under which the line is seen from one SD beside its mean."""

CROSSING_MARGIN = 1e-9
"""How far beside a root of a bounding quadratic the line is looked at, as a share of its distance
from the mean."""

SAME_CRITICAL = 1e-12
"""Squared critical values that differ by less than this share are one: the degrees of freedom do
not depend on the moderator, and the quadratic is exact."""

BISECTIONS = 200
"""Bisections at most; 60 reach the last digit."""

PROFILE_CLOSE = 4
"""Times that a limit is looked at from within `PROFILE_ROOT` before it is taken although the other
parameters still promise more than `PROFILE_GAIN`: rounding or a bound is in their way."""

PROFILE_APART = 0.2
"""Distance in the root between points of a profile that is followed because it is not monotone."""

PROFILE_POINTS = 0.3
"""Distance in the root between points of a profile's curve for figures: about 17 out to -+2.6,
whose straight pieces cannot be told from the curve on paper."""

CENTRED = 1e-12
"""The mean of a predictor is zero when it is below this share of its mean size: what rounding
leaves of a centred column."""

SAME_DATA = 1e-9
"""Two fits have the same response when its mean (in SDs), sum of squares and group sums agree to
this share: rows in another order change about the 13th digit."""

NOT_NESTED = 1e-6
"""A larger model whose deviance is higher than the smaller one's by more than this does not contain
it. Two searches of one optimum agree to about 1e-9 of deviance. Unit: deviance."""

REPRODUCED = 1e-10
"""A row whose residual has less than this share of the variance of its error is reproduced by the
model: its standardized residual would be a quotient of roundings, which are about 1e-13."""

VARIANCE_STEP = 1e-3
"""Step of the difference quotients of predictions and their variances in the variance parameters,
in standard errors of these: its square, 1e-6, is the share by which a quotient is off; rounding of
about 1e-13 is a share of 1e-10."""

DELETED_RANK = 1e-9
"""Without some rows a fixed column is left to the search for a single fit, which judges its rank
exactly, when what earlier columns leave of its sum of squares is below this share of what it was:
the difference of cross-products carries about 1e-15 of rounding."""

DELETED_EFFECTS = 6
"""Random effects of a group up to which deletions are refitted in a batch: its products grow with
the seventh power of their number."""

DELETED_RADIUS = 1.0
"""Longest step of the one-step approximation of a deletion, in relative standard deviations."""

DELETED_WORK = 1.5e8
"""Deletions times groups times the squared number of entries of the effects' covariance up to which
groups are refitted exactly without being asked for (3 to 5 seconds: 10,000 groups with random
intercepts, 4,000 with a slope). Beyond it by one Newton step, whose error falls with the square of
the number of groups."""

DELETED_SINGLE = 1e6
"""Deletions times groups of all factors up to which deletions are refitted one by one without being
asked for (30 ms each with 500 crossed groups, measured: half a minute at most). Beyond it variance
parameters are held."""

DELETED_PAIRS = 5e7
"""Pairs of rows within deleted groups up to which the deletion with variances held is worked out
from rows (some 10 seconds)."""

RANK_CELLS = 2**25
"""Counts of ranks kept at a time (128 MB): every rank has its own cell up to 5,792 groups; beyond,
neighbouring ranks share one, at 100,000 groups 300 of them, a third of a percent of the table."""

COMPARED_PAIRS = 200_000
"""Pairs of groups over which the level of comparison intervals is averaged: all up to 632 groups,
beyond evenly spread ones in which each group is equally often. The level of a pair varies by about
0.005, so that the average is good to 1e-5."""

OVERLAP_STEPS = 100
"""Steps of the search for the width of comparison intervals at most; 6 to 10 are usual."""

ALONE = 1e-10
"""A row determines a coefficient by itself when 1 minus its leverage is below this: nothing is
known of the fit without it (R's lm.influence asks for 2e-15, where rounding decides)."""

INFLUENCE_PAIRS = 1_000_000
"""Pairs of rows within deleted groups handled at a time (8 MB an array)."""

QUASI_LEAST = 1e-4
"""A quasi-variance is no smaller than this share of the mean variance of a difference: where errors
hang together in knots, least squares may give a negative one."""

MOST_DRAWS = 1_000_000
"""Most draws of the groups' effects: probabilities then have standard errors of at most 0.0005."""
