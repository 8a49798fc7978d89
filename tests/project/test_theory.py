"""The formulas of docs/theory, written out in dense matrices, against what the library computes.

Each test names the equation it checks. Nothing here is fast or careful with rounding: the point is
that the page and the code say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import echelon as ec
from echelon.effects import empirical_bayes
from echelon.estimate.deviance import evaluate
from echelon.infer import component_values
from echelon.model.assemble import fit_moments
from echelon.multilevel import group_values
from tolerances import CLOSED

RNG = np.random.default_rng(20160519)
SIZES = np.array([4, 9, 6, 12, 7, 5, 10, 8])
GROUP = np.repeat(np.arange(len(SIZES)), SIZES)
W_LEVEL2 = RNG.normal(size=len(SIZES))[GROUP]
X = RNG.normal(size=len(GROUP)) + 0.5 * W_LEVEL2
U = RNG.normal(size=(len(SIZES), 2)) * [3.0, 1.5]
PRECISION = RNG.uniform(0.5, 2.0, len(GROUP))
Y = (
    40
    + 2 * X
    - W_LEVEL2
    + U[GROUP, 0]
    + U[GROUP, 1] * X
    + RNG.normal(size=len(GROUP)) / np.sqrt(PRECISION)
)
DATA = {"y": Y, "x": X, "w": W_LEVEL2, "g": GROUP, "precision": PRECISION}


@dataclass(frozen=True)
class Dense:
    """The model at given theta in n x n matrices."""

    X: np.ndarray
    Z: np.ndarray
    D: np.ndarray
    reml: bool

    @property
    def n(self) -> int:
        return len(Y)

    @property
    def nu(self) -> int:
        return self.n - self.X.shape[1] if self.reml else self.n

    @property
    def blocks(self) -> list[np.ndarray]:
        return [np.where((j == GROUP)[:, None], self.Z, 0.0) for j in range(len(SIZES))]

    def V(self, D: np.ndarray) -> np.ndarray:
        return sum(Z @ D @ Z.T for Z in self.blocks)

    @property
    def V0(self) -> np.ndarray:
        return np.diag(1 / PRECISION) + self.V(self.D)

    @property
    def P(self) -> np.ndarray:
        inverse = np.linalg.inv(self.V0)
        XtV = self.X.T @ inverse
        return inverse - XtV.T @ np.linalg.solve(XtV @ self.X, XtV)

    @property
    def rho2(self) -> float:
        return float(Y @ self.P @ Y)

    def deviance(self, sigma: float | None = None) -> float:
        """`deviance-profiled`, or `deviance` at a given sigma."""
        s2 = self.rho2 / self.nu if sigma is None else sigma**2
        value = self.nu * np.log(2 * np.pi * s2) + self.rho2 / s2 + np.linalg.slogdet(self.V0)[1]
        if self.reml:
            value += np.linalg.slogdet(self.X.T @ np.linalg.solve(self.V0, self.X))[1]
        return float(value)


def directions(q: int) -> list[np.ndarray]:
    """E_i of `gradient`: lower triangle column by column."""
    found = []
    for c in range(q):
        for r in range(c, q):
            E = np.zeros((q, q))
            E[r, c] = E[c, r] = 1.0
            found.append(E)
    return found


@pytest.fixture(params=[True, False], ids=["reml", "ml"])
def case(request):
    """A fit with a random slope, a level-2 predictor and precision weights; and its dense twin."""
    fit = ec.lmer("y ~ x + w + (x | g)", DATA, reml=request.param, precision="precision")
    ones = np.ones(len(Y))
    lam = fit.optimum.lam
    dense = Dense(
        np.column_stack([ones, X, W_LEVEL2]), np.column_stack([ones, X]), lam @ lam.T, request.param
    )
    assert fit.names == ("(Intercept)", "x", "w")
    return fit, dense


def test_deviance(case):
    """deviance-profiled, one-factor, one-factor-sums, cholesky, whitening."""
    fit, dense = case
    np.testing.assert_allclose(fit.deviance, dense.deviance(), **CLOSED)
    np.testing.assert_allclose(fit.optimum.sigma2, dense.rho2 / dense.nu, **CLOSED)
    XtV = dense.X.T @ np.linalg.inv(dense.V0)
    np.testing.assert_allclose(fit.optimum.beta, np.linalg.solve(XtV @ dense.X, XtV @ Y), **CLOSED)
    np.testing.assert_allclose(
        fit.optimum.vcov, fit.sigma**2 * np.linalg.inv(XtV @ dense.X), **CLOSED
    )


def slopes_in_D(dense: Dense) -> tuple[np.ndarray, np.ndarray]:
    """`gradient` and `hessian`, by their traces."""
    P, nu, rho2 = dense.P, dense.nu, dense.rho2
    in_trace = P if dense.reml else np.linalg.inv(dense.V0)
    V = [dense.V(E) for E in directions(2)]
    score = np.array([Y @ P @ v @ P @ Y for v in V])
    gradient = np.array([np.trace(in_trace @ v) for v in V]) - nu / rho2 * score
    quadratic = np.array([[Y @ P @ a @ P @ b @ P @ Y for b in V] for a in V])
    trace = np.array([[np.trace(in_trace @ a @ in_trace @ b) for b in V] for a in V])
    return gradient, -trace + 2 * nu / rho2 * quadratic - nu / rho2**2 * np.outer(score, score)


@pytest.mark.parametrize("reml", [True, False])
def test_gradient_and_hessian(reml):
    """gradient, gradient-factor, hessian, hessian-factor away from the optimum."""
    fit = ec.lmer("y ~ x + w + (x | g)", DATA, reml=reml, precision="precision")
    task = fit.problem
    lam = np.array([[0.9, 0.0], [-0.3, 0.6]])
    at = evaluate(task, lam, reml)
    ones = np.ones(len(Y))
    Z = np.column_stack([ones, X]) @ task.whiten
    dense = Dense(np.column_stack([ones, X, W_LEVEL2]), Z, lam @ lam.T, reml)
    gradient, hessian = slopes_in_D(dense)
    np.testing.assert_allclose(at.value, dense.deviance(), **CLOSED)
    np.testing.assert_allclose(at.hessian_D, hessian, rtol=1e-7, atol=1e-9 * abs(hessian).max())
    S = np.array([[gradient[0], gradient[1] / 2], [gradient[1] / 2, gradient[2]]])
    np.testing.assert_allclose(at.slope, S, rtol=1e-7, atol=1e-9 * abs(S).max())
    in_factor = (2 * S @ lam)[np.tril_indices(2)][[0, 1, 2]]
    np.testing.assert_allclose(at.gradient, in_factor, rtol=1e-7, atol=1e-9 * abs(in_factor).max())


def test_empirical_bayes(case):
    """eb-mode, eb-conditional, eb-total."""
    fit, dense = case
    effects, s2 = empirical_bayes(fit), fit.optimum.sigma2
    inverse, D = np.linalg.inv(dense.V0), dense.D
    e = Y - dense.X @ fit.optimum.beta
    total = group_values(fit).posterior_se ** 2
    for j, Z in enumerate(dense.blocks):
        np.testing.assert_allclose(effects.mode[j], D @ Z.T @ inverse @ e, rtol=1e-6, atol=1e-7)
        conditional = s2 * (D - D @ Z.T @ inverse @ Z @ D)
        np.testing.assert_allclose(effects.var[j], conditional, rtol=1e-6, atol=1e-9)
        A = np.array([[1.0, 0.0, W_LEVEL2[j == GROUP][0]], [0.0, 1.0, 0.0]])
        left = A - D @ Z.T @ inverse @ dense.X
        full = conditional + left @ fit.optimum.vcov @ left.T
        np.testing.assert_allclose(total[j], np.diagonal(full), rtol=1e-6)


def perturbed(dense: Dense, theta: np.ndarray) -> Dense:
    lam = np.array([[theta[0], 0.0], [theta[1], theta[2]]])
    return Dense(dense.X, dense.Z, lam @ lam.T, dense.reml)


def varpar_hessian(fit, dense: Dense, h: float = 1e-4) -> np.ndarray:
    """Difference quotients of `deviance` in (theta, sigma)."""
    point = np.append(fit.theta, fit.sigma)

    def f(z: np.ndarray) -> float:
        return perturbed(dense, z[:-1]).deviance(z[-1])

    k = len(point)
    steps = h * np.eye(k)
    return np.array(
        [
            [
                (
                    f(point + steps[a] + steps[b])
                    - f(point + steps[a] - steps[b])
                    - f(point - steps[a] + steps[b])
                    + f(point - steps[a] - steps[b])
                )
                / (4 * h * h)
                for b in range(k)
            ]
            for a in range(k)
        ]
    )


def test_satterthwaite(case):
    """satterthwaite, vcov, vcov-derivative, hessian-unprofiled, against difference quotients."""
    fit, dense = case
    covariance = 2 * np.linalg.inv(varpar_hessian(fit, dense))
    point, h = np.append(fit.theta, fit.sigma), 1e-5

    def variances(z: np.ndarray) -> np.ndarray:
        V0 = perturbed(dense, z[:-1]).V0
        return z[-1] ** 2 * np.diagonal(np.linalg.inv(dense.X.T @ np.linalg.solve(V0, dense.X)))

    g = np.array([(variances(point + s) - variances(point - s)) / (2 * h) for s in h * np.eye(4)])
    v = variances(point)
    df = 2 * v**2 / np.einsum("tp,ts,sp->p", g, covariance, g)
    found = fit.coefficients(df="satterthwaite")["df"]
    np.testing.assert_allclose(found, df, rtol=1e-4)


def test_standard_errors_of_components(case):
    """component-se, correlation-se."""
    fit, dense = case
    covariance = 2 * np.linalg.inv(varpar_hessian(fit, dense))
    point, h = np.append(fit.theta, fit.sigma), 1e-5

    def parts(z: np.ndarray) -> np.ndarray:
        T = z[-1] ** 2 * perturbed(dense, z[:-1]).D
        r = T[0, 1] / np.sqrt(T[0, 0] * T[1, 1])
        return np.array([T[0, 0], T[1, 1], T[0, 1], r, np.sqrt(T[0, 0]), z[-1] ** 2])

    B = np.array([(parts(point + s) - parts(point - s)) / (2 * h) for s in h * np.eye(4)]).T
    expected = np.sqrt(np.diagonal(B @ covariance @ B.T))
    first, second, both, residual = component_values(fit).rows
    found = [
        first.variance_se,
        second.variance_se,
        both.variance_se,
        both.sd_se,
        first.sd_se,
        residual.variance_se,
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def one_way(sizes: np.ndarray):
    g = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(11)
    y = 480 + 60 * rng.normal(size=len(sizes))[g] + 70 * rng.normal(size=len(g))
    return g, y, ec.lmer("y ~ 1 + (1 | g)", {"y": y, "g": g})


def test_unpacking():
    """unpack, grand-mean, rel-mean, rel-overall, eb-mean, icc."""
    sizes = np.array([16, 51, 20, 33, 28, 41, 9, 22])
    g, y, fit = one_way(sizes)
    tau, s2 = fit.optimum.covariance[0, 0], fit.optimum.sigma2
    V = s2 / sizes
    Delta = tau + V
    mean = np.bincount(g, y) / sizes
    values = group_values(fit)
    lam = tau / Delta
    grand = (mean / Delta).sum() / (1 / Delta).sum()
    star = 1 / (1 / V + 1 / tau) + (1 - lam) ** 2 / (1 / Delta).sum()
    np.testing.assert_allclose(values.V[:, 0], V, **CLOSED)
    np.testing.assert_allclose(values.weight[:, 0], 100 / Delta / (1 / Delta).sum(), **CLOSED)
    np.testing.assert_allclose(values.reliability[:, 0], lam, **CLOSED)
    np.testing.assert_allclose(fit.optimum.beta, [grand], **CLOSED)
    np.testing.assert_allclose(fit.optimum.vcov, [[1 / (1 / Delta).sum()]], **CLOSED)
    np.testing.assert_allclose(values.eb[:, 0], lam * mean + (1 - lam) * grand, **CLOSED)
    np.testing.assert_allclose(values.posterior_se[:, 0] ** 2, star, **CLOSED)
    np.testing.assert_allclose(fit.reliability()["reliability"], [lam.mean()], **CLOSED)
    np.testing.assert_allclose(fit.icc(), tau / (tau + s2), **CLOSED)


def test_balanced_case():
    """balanced, df = J - 1, variance-chi-square = (J - 1) F."""
    sizes = np.full(12, 15)
    g, y, fit = one_way(sizes)
    mean = np.bincount(g, y) / sizes
    s2 = ((y - mean[g]) ** 2).sum() / (12 * 14)
    Delta = mean.var(ddof=1)
    np.testing.assert_allclose(fit.optimum.beta, [mean.mean()], **CLOSED)
    np.testing.assert_allclose(fit.optimum.sigma2, s2, **CLOSED)
    np.testing.assert_allclose(fit.optimum.covariance, [[Delta - s2 / 15]], rtol=1e-6)
    np.testing.assert_allclose(fit.coefficients()["df"], [11], rtol=1e-6)
    F = 15 * Delta / s2
    np.testing.assert_allclose(fit.variance_tests()["chi_square"], [11 * F], **CLOSED)


def test_moment_estimates_are_unbiased():
    """oneway-anova: E(MSB) = sigma^2 + n0 tau00, from the expectation of a quadratic form."""
    sizes = np.array([3, 8, 5, 4])
    g = np.repeat(np.arange(4), sizes)
    Z = (g[:, None] == np.arange(4)).astype(float)
    means = Z @ np.diag(1 / sizes) @ Z.T
    between = (means - 1 / len(g)) / 3  # MSB = y' between y
    n0 = (len(g) - (sizes**2).sum() / len(g)) / 3
    np.testing.assert_allclose(np.trace(between @ Z @ Z.T), n0, **CLOSED)
    np.testing.assert_allclose(np.trace(between), 1, **CLOSED)


def test_two_groups():
    """two-groups: the standard error of a level-2 difference."""
    sizes = np.array([16, 51, 20, 33, 28, 41, 9, 22])
    g, y, _ = one_way(sizes)
    s = (np.arange(8) < 3).astype(float)
    fit = ec.lmer("y ~ s + (1 | g)", {"y": y, "g": g, "s": s[g]})
    Delta = fit.optimum.covariance[0, 0] + fit.optimum.sigma2 / sizes
    expected = sum(1 / (1 / Delta[s == kind]).sum() for kind in (0, 1))
    np.testing.assert_allclose(fit.optimum.vcov[1, 1], expected, **CLOSED)


def test_mean_random_variance_and_r2(case):
    """mean-random-variance, r2: every row counts once, whatever its weight."""
    fit, dense = case
    T = fit.optimum.covariance
    random = np.mean(np.einsum("ia,ab,ib->i", dense.Z, T, dense.Z))
    found = fit.icc()
    np.testing.assert_allclose(found, random / (random + fit.optimum.sigma2), rtol=1e-6)


def test_moments_add():
    """moments-recentred, moments-merge: two pieces are the whole."""
    fit = ec.lmer("y ~ x + w + (x | g)", DATA)
    first = GROUP < 3
    pieces = [
        ec.lmer("y ~ x + w + (x | g)", {k: v[rows] for k, v in DATA.items()}).moments
        for rows in (first, ~first)
    ]
    whole = pieces[0] + pieces[1]
    np.testing.assert_allclose(whole.cross, fit.moments.cross, **CLOSED, atol=1e-9)
    again = fit_moments(whole, fit.spec, reml=True, df="satterthwaite", source=fit.source)
    np.testing.assert_allclose(again.optimum.deviance, fit.deviance, **CLOSED)
    np.testing.assert_allclose(again.optimum.beta, fit.optimum.beta, rtol=1e-6)


def test_summaries():
    """moments-summaries: n, mean and sd of each group give the fit of the rows."""
    sizes = np.array([16, 51, 20, 33, 28, 41, 9, 22])
    g, y, fit = one_way(sizes)
    mean = np.bincount(g, y) / sizes
    sd = np.sqrt(np.bincount(g, (y - mean[g]) ** 2) / (sizes - 1))
    table = {"g": np.arange(8), "n": sizes, "mean": mean, "sd": sd}
    again = ec.lmer("mean ~ 1 + (1 | g)", summaries=table)
    np.testing.assert_allclose(again.deviance, fit.deviance, **CLOSED)
    np.testing.assert_allclose(again.theta, fit.theta, **CLOSED)


def test_contextual():
    """contextual: cwc and raw x with the group mean are one model in two coordinates."""
    table = ec.center({k: DATA[k] for k in ("y", "x", "g")}, "x", within="g", contextual=True)
    within = ec.lmer("y ~ x_w + x_m + (1 | g)", table)
    raw = ec.lmer("y ~ x + x_m + (1 | g)", table)
    np.testing.assert_allclose(
        within.optimum.beta[2] - within.optimum.beta[1], raw.optimum.beta[2], rtol=1e-6
    )


def test_coordinates_of_a_group(case):
    """Equations `batch-coordinates`, `batch-sums` and `batch-classes`."""
    _, dense = case
    inverse, w = np.linalg.inv(dense.V0), np.diag(PRECISION)
    columns = np.column_stack([dense.X, Y])
    within, between = columns.T @ w @ columns, np.zeros((4, 4))
    logdet = -np.log(PRECISION).sum()
    for Z in dense.blocks:
        values, vectors = np.linalg.eigh(Z.T @ w @ Z)
        N = vectors * np.sqrt(values)
        h = (vectors / np.sqrt(values)).T @ Z.T @ w @ columns
        H = np.eye(2) + N.T @ dense.D @ N
        P = np.linalg.inv(H)
        np.testing.assert_allclose(Z.T @ inverse @ columns, N @ P @ h, **CLOSED)
        np.testing.assert_allclose(Z.T @ inverse @ Z, N @ P @ N.T, **CLOSED)
        within, between = within - h.T @ h, between + h.T @ P @ h
        logdet += np.linalg.slogdet(H)[1]
    np.testing.assert_allclose(within + between, columns.T @ inverse @ columns, **CLOSED)
    np.testing.assert_allclose(logdet, np.linalg.slogdet(dense.V0)[1], **CLOSED)
    h = RNG.normal(size=(5, 2, 3))
    Q = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    turned = np.einsum("ij,iax->jax", Q, h)
    sums = [np.einsum("jax,jby->axby", each, each) for each in (h, turned)]
    np.testing.assert_allclose(*sums, atol=1e-12)
