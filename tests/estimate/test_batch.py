"""A batch of responses has the answers of the search for a single one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import echelon as ec
from echelon import tolerances as constants
from echelon.estimate.batch.deviance import evaluate as evaluate_many
from echelon.estimate.batch.layout import layout
from echelon.estimate.batch.optima import Optima, optima, strategy
from echelon.estimate.batch.responses import WorkingResponses, local_responses
from echelon.estimate.batch.single import with_response
from echelon.estimate.batch.working import working
from echelon.estimate.deviance import evaluate
from echelon.estimate.optimise import minimise
from echelon.estimate.optimum import optimum
from echelon.moments.responses import responses
from tolerances import CLOSED, OPTIMUM

FORMULAS = (
    "y ~ x + z + (1 | g)",
    "y ~ x + z + (x | g)",
    "y ~ x * z + (x || g)",
    "y ~ 0 + x + (0 + x | g)",
    "y ~ x + w + (x + w | g)",
    "y ~ x + (1 | g) + (0 + x + w | g)",
)


def table(seed: int, *, balanced: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    J = 14
    sizes = np.full(J, 6) if balanced else rng.integers(2, 14, J)
    g = np.repeat(np.arange(J), sizes)
    n = len(g)
    x = np.tile(np.arange(6.0), J) if balanced else rng.normal(size=n) + rng.normal(size=J)[g]
    w = np.tile(np.array([1.0, 0, 2, 0, 1, 5]), J) if balanced else rng.normal(size=n)
    weight = np.ones(n) if balanced else rng.uniform(0.4, 2.5, n)
    frame = {"y": rng.normal(size=n), "x": x, "w": w, "z": rng.normal(size=J)[g], "g": g}
    return pd.DataFrame({**frame, "weight": weight, "off": 3 * rng.normal(size=n)})


def simulated(fit: ec.LMM, R: int, spread: float, seed: int) -> WorkingResponses:
    """Responses with effects of the given SD relative to the residual, in working units."""
    rng = np.random.default_rng(seed)
    design = fit.built.design
    Y = rng.normal(size=(fit.n, R)) + 5.0
    for factor in design.factors:
        columns = [
            a
            for term in factor.terms
            for a in ([np.ones(fit.n)] * term.intercept + list(term.arrays))
        ]
        for column in columns:
            Y += spread * rng.normal(size=(len(factor.levels), R))[factor.codes] * column[:, None]
    given = responses(fit.moments, design, Y)
    return working(fit.problem, fit.moments, given)[0]


def fitted(formula: str, data: pd.DataFrame, **options: object) -> ec.LMM:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("echelon.api.fitting.warn", lambda fit: None)
        return ec.lmer(formula, data, **options)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("reml", [True, False])
def test_value_and_derivatives(formula: str, reml: bool, balanced: bool) -> None:
    fit = fitted(formula, table(3, balanced=balanced))
    given = simulated(fit, 6, 0.7, 4)
    task, shape = fit.problem, fit.problem.pairs
    design = layout(task)
    local = local_responses(design, given, task.blocks.factors[0].ZtV[:, : task.p])
    rng = np.random.default_rng(5)
    sizes = (0.0, 1e-3, 0.1, 1.0, 10.0, 100.0)
    lams = [shape.factor(size * rng.normal(size=len(shape.row))) for size in sizes]
    ours = evaluate_many(design, local, np.stack(lams, axis=-1), reml)
    for r, lam in enumerate(lams):
        theirs = evaluate(with_response(task, given, r), lam, reml)
        assert theirs is not None
        assert_allclose(ours.value[r], theirs.value, rtol=1e-11)
        assert_allclose(ours.rho2[r], theirs.rho2, rtol=1e-10)
        for name in ("slope", "score", "trace", "quadratic"):
            expected = getattr(theirs.curvature, name)
            found = getattr(ours, name)[..., r]
            assert_allclose(found, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def assert_one_by_one(fit: ec.LMM, given: WorkingResponses, reml: bool) -> Optima:
    """The law of a batch: deviance to 1e-8, theta to 1e-5, everything else as a fit's."""
    task = fit.problem
    assert strategy(task) == "batch"
    ours = optima(task, given, reml)
    for r in range(given.R):
        search = minimise(with_response(task, given, r), reml)
        theirs = optimum(with_response(task, given, r), search, reml)
        top = max(np.abs(theirs.lam).max(), 1e-2)
        se = np.sqrt(np.diagonal(theirs.vcov))
        assert ours.status[r] == ("boundary" if search.boundary else "converged")
        assert_allclose(ours.deviance[r], theirs.deviance, rtol=OPTIMUM["deviance"])
        assert_allclose(ours.lam[r] / top, theirs.lam / top, rtol=0, atol=1e-5)
        beta = theirs.beta - task.fixed.shift
        assert_allclose(ours.beta[r] / se, beta / se, rtol=0, atol=1e-5)
        assert_allclose(ours.vcov[r] / np.outer(se, se), theirs.vcov / np.outer(se, se), atol=1e-4)
        assert_allclose(ours.sigma2[r], theirs.sigma2, rtol=1e-5)
    return ours


@pytest.mark.parametrize("spread", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("reml", [True, False])
def test_batch_is_one_by_one(formula: str, reml: bool, spread: float) -> None:
    fit = fitted(formula, table(11), precision="weight", offset="off")
    assert_one_by_one(fit, simulated(fit, 12, spread, 12), reml)


@pytest.mark.parametrize("formula", FORMULAS)
def test_classes_are_one_by_one(formula: str) -> None:
    """Groups with the same predictors are gathered; shuffled rows change rounding only."""
    data = table(21, balanced=True)
    fit = fitted(formula, data.sample(frac=1.0, random_state=1))
    design = layout(fit.problem)
    assert len(design.classes.count) == 1
    assert design.cells <= 4
    assert_one_by_one(fit, simulated(fit, 10, 0.5, 22), True)


@pytest.mark.parametrize("formula", FORMULAS)
def test_some_groups_alike(formula: str) -> None:
    """Classes of several sizes, one of a single group."""
    data = table(31, balanced=True)
    data = data[~((data["g"] < 5) & (data["x"] > 3)) & ~((data["g"] == 9) & (data["x"] == 2))]
    fit = fitted(formula, data)
    assert sorted(layout(fit.problem).classes.count.tolist()) == [1, 5, 8]
    assert_one_by_one(fit, simulated(fit, 8, 0.5, 32), False)


@pytest.mark.parametrize("balanced", [False, True])
def test_columns_that_groups_do_not_see(balanced: bool) -> None:
    """Z'X = 0: no group is kept for the fixed columns' sake."""
    data = table(33, balanced=True)
    if not balanced:
        data["x"] *= 1 + data["g"]
    mirror = data.assign(x=-data["x"], w=data["w"])
    both = pd.concat([data, mirror], ignore_index=True)
    fit = fitted("y ~ 0 + w + (0 + x | g)", both)
    assert_one_by_one(fit, simulated(fit, 8, 0.5, 34), True)


def test_zeros_are_exact() -> None:
    fit = fitted("y ~ x + (1 | g)", table(41))
    found = optima(fit.problem, simulated(fit, 60, 0.0, 42), True)
    at_zero = found.status == "boundary"
    assert 10 < at_zero.sum() < 50
    assert (found.lam[at_zero] == 0.0).all()
    assert (found.lam[~at_zero] > 0.0).all()


def test_company_changes_no_step() -> None:
    """Few rows and many parameters: two optima, and long ways to them."""
    data = table(55).groupby("g").head(3).iloc[:20]
    fit = fitted("y ~ x * z + (x || g)", data)
    given = simulated(fit, 40, 2.0, 56)
    whole = optima(fit.problem, given, True)
    for r in range(40):
        alone = optima(fit.problem, given.take(slice(r, r + 1)), True)
        assert alone.evaluations[0] == whole.evaluations[r]
        assert_allclose(alone.deviance[0], whole.deviance[r], rtol=1e-9)


def test_order_and_company_change_nothing() -> None:
    """A response has the same estimates alone, in another order, and in another chunk."""
    fit = fitted("y ~ x + z + (x | g)", table(51))
    given = simulated(fit, 30, 0.4, 52)
    whole = optima(fit.problem, given, True)
    order = np.random.default_rng(53).permutation(30)
    mixed = optima(fit.problem, given.take(order), True)
    alone = optima(fit.problem, given.take(slice(7, 8)), True)
    assert_allclose(mixed.deviance, whole.deviance[order], rtol=1e-12)
    assert_allclose(mixed.lam, whole.lam[order], rtol=CLOSED["rtol"], atol=1e-7)
    assert (mixed.status == whole.status[order]).all()
    assert_allclose(alone.lam[0], whole.lam[7], rtol=CLOSED["rtol"], atol=1e-7)


def test_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted("y ~ x + z + (x | g)", table(61))
    given = simulated(fit, 21, 0.4, 62)
    whole = optima(fit.problem, given, True)
    monkeypatch.setattr(constants, "BATCH_CELLS", 1)
    parts = optima(fit.problem, given, True)
    assert_allclose(parts.deviance, whole.deviance, rtol=1e-12)
    assert (parts.evaluations == whole.evaluations).all()


def test_what_does_not_settle_is_searched_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted("y ~ x + z + (x | g)", table(71))
    given = simulated(fit, 9, 0.4, 72)
    whole = optima(fit.problem, given, True)
    monkeypatch.setattr(constants, "BATCH_STEPS", 1)
    alone = optima(fit.problem, given, True)
    assert (alone.status == whole.status).all()
    assert_allclose(alone.deviance, whole.deviance, rtol=OPTIMUM["deviance"])
    assert (alone.evaluations > whole.evaluations).any()


def test_many_groups_are_searched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fitted("y ~ x + z + (x | g)", table(81))
    given = simulated(fit, 5, 0.4, 82)
    whole = optima(fit.problem, given, True)
    monkeypatch.setattr(constants, "BATCH_GROUPS", 3)
    assert_allclose(optima(fit.problem, given, True).deviance, whole.deviance, rtol=1e-10)


def test_a_response_without_a_fit_fails_alone() -> None:
    """One that the fixed effects reproduce has no deviance; its neighbours do not notice."""
    fit = fitted("y ~ x + z + (x | g)", table(91))
    given = simulated(fit, 4, 0.4, 92)
    whole = optima(fit.problem, given, True)
    ZtV = fit.problem.blocks.factors[0].ZtV
    beta = np.array([1.0, 2.0, 3.0])
    given.ZtY[0][..., 1] = np.einsum("axj,x->aj", ZtV[:, :-1], beta)
    given.XtY[:, 1] = fit.problem.cross[:-1, :-1] @ beta
    given.yty[1] = beta @ given.XtY[:, 1] * (1 - 1e-13)
    found = optima(fit.problem, given, True)
    others = [0, 2, 3]
    assert found.status[1] == "failed"
    assert_allclose(found.deviance[others], whole.deviance[others], rtol=1e-12)
