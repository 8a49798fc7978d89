"""The engine of nested factors against the one that takes any factors, and against differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nested_blocks import blocks_of, factor_at, nested_blocks, tree_codes
from numpy.testing import assert_allclose

from echelon import tolerances
from echelon.estimate.blocks import Blocks, FactorBlocks
from echelon.estimate.choose import choose
from echelon.estimate.crossed import Crossed
from echelon.estimate.engine import Second, Sweep
from echelon.estimate.kernel import OneFactor
from echelon.estimate.nested import Nested
from echelon.linalg.symmetric import pairs, semidefinite_factor
from tolerances import CLOSED, SAME

SHAPES = (
    ((30, 7), (1, 1), (0, 1)),
    ((30, 7), (2, 1), (1, 0)),
    ((40, 9), (1, 2), (0, 1)),
    ((40, 9), (3, 2), (1, 0)),
    ((40, 40), (1, 1), (0, 1)),  # each school with one class
    ((60, 20, 5), (1, 1, 1), (0, 1, 2)),
    ((60, 20, 5), (2, 2, 2), (2, 0, 1)),
    ((50, 20, 19), (1, 3, 2), (1, 2, 0)),
    ((80, 30, 12, 4), (2, 1, 3, 1), (3, 1, 0, 2)),
    ((60, 30, 12, 2), (1, 1, 1, 1), (0, 1, 2, 3)),
)
shapes, seeds = st.sampled_from(SHAPES), st.integers(0, 10**6)
TENTH = dict(rtol=1e-10)


def close(ours: np.ndarray, theirs: np.ndarray, rtol: float) -> None:
    assert_allclose(ours, theirs, rtol=rtol, atol=rtol * max(np.abs(theirs).max(), 1e-300))


def rotation(k: int) -> np.ndarray:
    """A lower-triangular matrix such as the deviance gives to `second`."""
    return np.tril(np.random.default_rng(k).uniform(-1, 1, (k, k))) + np.eye(k)


def assert_same_second(ours: Second, theirs: Second, rtol: float) -> None:
    for name in ("slope", "trace", "gram", "quadratic"):
        close(getattr(ours, name), getattr(theirs, name), rtol)
    assert (ours.mixed is None) == (theirs.mixed is None)
    if ours.mixed is not None:
        close(ours.mixed, theirs.mixed, rtol)


def assert_same_sweep(ours: Sweep, theirs: Sweep, k: int, rtol: float = TENTH["rtol"]) -> None:
    assert_allclose(ours.logdet, theirs.logdet, rtol=rtol, atol=1e-12)
    close(ours.explained, theirs.explained, rtol)
    for reml in (True, False):
        assert_same_second(ours.second(rotation(k), reml), theirs.second(rotation(k), reml), rtol)
    for mine, other in zip(ours.effects(), theirs.effects(), strict=True):
        close(mine.F, other.F, rtol)
        close(mine.W, other.W, rtol)


def nested(blocks: Blocks) -> Nested:
    engine = Nested.of(blocks)
    assert engine is not None
    return engine


@pytest.mark.parametrize("zero", ["none", "column", "all"])
@given(seeds, shapes, st.booleans())
def test_the_engine_for_any_factors_agrees(
    zero: str, seed: int, shape: tuple[tuple[int, ...], ...], same: bool
) -> None:
    blocks = nested_blocks(seed, *shape, same=same)
    lam = factor_at(blocks, seed, zero)
    assert_same_sweep(nested(blocks).sweep(lam), Crossed.of(blocks).sweep(lam), blocks.k)


@pytest.mark.parametrize("scale", [1e-4, 30.0])
@given(seeds, shapes)
def test_extreme_variances(scale: float, seed: int, shape: tuple[tuple[int, ...], ...]) -> None:
    """Both lose digits as the variance grows, since classes can stand for schools; not these."""
    blocks = nested_blocks(seed, *shape, same=True)
    lam = factor_at(blocks, seed, scale=scale)
    rtol = CLOSED["rtol"] if scale > 1 else TENTH["rtol"]
    assert_same_sweep(nested(blocks).sweep(lam), Crossed.of(blocks).sweep(lam), blocks.k, rtol)


@given(seeds, shapes)
def test_the_cut_into_pieces_changes_nothing(seed: int, shape: tuple[tuple[int, ...], ...]) -> None:
    blocks = nested_blocks(seed, *shape)
    lam, whole = factor_at(blocks, seed), nested(blocks)
    assert len(whole.pieces) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tolerances, "FOREST_BLOCK", 5)
        cut = nested(blocks)
    assert len(cut.pieces) > 1
    assert_same_sweep(cut.sweep(lam), whole.sweep(lam), blocks.k)


@given(seeds, st.integers(1, 3))
def test_one_factor_is_a_tree_of_one_level(seed: int, q: int) -> None:
    two = nested_blocks(seed, (40, 9), (q, 1))
    one = Blocks(two.factors[:1], (), pairs((q,)))
    lam = factor_at(one, seed)
    assert_same_sweep(nested(one).sweep(lam), OneFactor(one).sweep(lam), one.k)


@given(seeds, shapes)
def test_a_level_without_variance_is_not_there(
    seed: int, shape: tuple[tuple[int, ...], ...]
) -> None:
    blocks = nested_blocks(seed, *shape)
    for f, part in enumerate(blocks.parts):
        lam = np.zeros((blocks.pairs.q,) * 2)
        lam[part, part] = factor_at(blocks, seed)[part, part]
        alone = Blocks(blocks.factors[f : f + 1], (), pairs((blocks.factors[f].q,)))
        ours, theirs = nested(blocks).sweep(lam), OneFactor(alone).sweep(lam[part, part])
        assert_allclose(ours.logdet, theirs.logdet, rtol=1e-12)
        close(ours.explained, theirs.explained, 1e-11)
        close(ours.effects()[f].F, theirs.effects()[0].F, 1e-11)


@given(seeds, shapes)
def test_order_of_the_groups_changes_nothing(seed: int, shape: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(seed)
    groups, effects, order = shape
    codes = tree_codes(rng, groups, 3 * groups[0])
    n = len(codes[0])
    Z, V, w = [rng.normal(size=(n, q)) for q in effects], rng.normal(size=(n, 3)), np.ones(n)
    moves = [rng.permutation(J) for J in groups]
    moved = [move[c] for move, c in zip(moves, codes, strict=True)]
    plain, other = blocks_of(codes, Z, V, w, order), blocks_of(moved, Z, V, w, order)
    lam = factor_at(plain, seed)
    ours, theirs = nested(other).sweep(lam), nested(plain).sweep(lam)
    assert_allclose(ours.logdet, theirs.logdet, rtol=1e-12)
    assert_same_second(ours.second(rotation(3), True), theirs.second(rotation(3), True), 1e-10)
    for l, mine, original in zip(order, ours.effects(), theirs.effects(), strict=True):
        close(mine.F[:, :, moves[l]], original.F, 1e-11)
        close(mine.W[:, :, moves[l]], original.W, 1e-11)


# --- differences ------------------------------------------------------------------------------


def difference(f: Callable[[np.ndarray], np.ndarray], E: np.ndarray, h: float) -> np.ndarray:
    """Derivative of f at 0 along E from one side, sixth order: D may be singular there."""
    weights = (-49 / 20, 6, -15 / 2, 20 / 3, -15 / 4, 6 / 5, -1 / 6)
    return sum(c * f(s * h * E) for s, c in enumerate(weights)) / h


@pytest.mark.parametrize("zero", ["none", "column", "all"])
@given(seeds, shapes)
def test_derivatives(zero: str, seed: int, shape: tuple[tuple[int, ...], ...]) -> None:
    """Of the log-determinant, its slope, what the groups take, and its slope, in D."""
    blocks = nested_blocks(seed, *shape, k=2)
    lam, engine, q = factor_at(blocks, seed, zero), nested(blocks), blocks.pairs.q
    D, one = lam @ lam.T, np.eye(2)
    at = engine.sweep(lam).second(one, True)
    assert at.mixed is not None

    def several(change: np.ndarray) -> np.ndarray:
        sweep = engine.sweep(semidefinite_factor(D + change))
        there = sweep.second(one, False)
        diagonal = np.einsum("ixx->ix", there.gram).ravel()
        return np.concatenate([[sweep.logdet], sweep.explained.ravel(), there.slope, diagonal])

    E = blocks.pairs.basis.reshape(-1, q, q)
    t, h = len(E), 0.02 / max(f.ZtZ.max() for f in blocks.factors)  # where R and K vary
    for i in np.flatnonzero(blocks.pairs.on_diagonal | (zero == "none")):
        numerical = difference(several, E[i], h)
        logdet, explained = numerical[0], numerical[1:5].reshape(2, 2)
        slope, gram = numerical[5 : 5 + t], numerical[5 + t :].reshape(t, 2)
        scale = np.abs(at.trace).max()
        assert_allclose(at.slope[i], logdet, rtol=1e-6, atol=1e-7 * np.abs(at.slope).max())
        assert_allclose(at.gram[i], explained, rtol=1e-6, atol=1e-7 * np.abs(at.gram).max())
        assert_allclose(-at.trace[i], slope, rtol=1e-6, atol=1e-6 * scale)
        forms = np.column_stack([at.mixed[i], at.quadratic[i]])
        assert_allclose(-2 * forms, gram, rtol=1e-6, atol=1e-6 * np.abs(forms).max())


# --- which engine, and what fails -----------------------------------------------------------------


def test_nested_factors_are_recognised_in_any_order() -> None:
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        engine = choose(nested_blocks(1, (60, 20, 5), (1, 1, 1), order))
        assert engine.name == "nested"


def test_crossed_factors_are_not_nested() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 12, 200), rng.integers(0, 7, 200)
    Z, V = [np.ones((200, 1))] * 2, rng.normal(size=(200, 2))
    blocks = blocks_of([a, b], Z, V, np.ones(200), (0, 1))
    assert Nested.of(blocks) is None
    assert choose(blocks).name == "crossed"


def test_one_class_in_two_schools_is_enough_to_be_crossed() -> None:
    rng = np.random.default_rng(4)
    codes = tree_codes(rng, (30, 6), 200)
    row = int(np.flatnonzero(codes[0] == np.bincount(codes[0]).argmax())[0])
    codes[1][row] = (codes[1][row] + 1) % 6
    Z, V = [np.ones((200, 1))] * 2, rng.normal(size=(200, 2))
    assert choose(blocks_of(codes, Z, V, np.ones(200), (0, 1))).name == "crossed"


def test_groups_without_rows_are_left_to_the_other_engine() -> None:
    """A class without rows and another in two schools make as many pairs as there are classes."""
    blocks = nested_blocks(6, (30, 7), (1, 1))
    fine, (crossing,) = blocks.factors[0], blocks.crossings
    row = crossing.row.copy()
    row[3] = 2
    assert Nested.of(replace(blocks, crossings=(replace(crossing, row=row),))) is None
    one_more = replace(blocks.factors[1], ZtZ=np.ones((1, 1, 8)), ZtV=np.zeros((1, 4, 8)))
    assert Nested.of(replace(blocks, factors=(fine, one_more))) is None


def test_a_factor_that_breaks_down_is_refused() -> None:
    blocks = nested_blocks(1, (30, 7), (2, 2), same=True)
    with pytest.raises(np.linalg.LinAlgError):
        nested(blocks).sweep(np.full((4, 4), np.nan))


def test_arguments_are_not_changed() -> None:
    blocks = nested_blocks(5, (60, 20, 5), (2, 1, 2))
    before = [(f.ZtZ.copy(), f.ZtV.copy()) for f in blocks.factors]
    sweep = nested(blocks).sweep(factor_at(blocks, 5))
    first = sweep.second(rotation(4), True)
    sweep.effects()
    assert_same_second(sweep.second(rotation(4), True), first, SAME["rtol"])
    for f, (ZtZ, ZtV) in zip(blocks.factors, before, strict=True):
        assert isinstance(f, FactorBlocks)
        assert np.array_equal(f.ZtZ, ZtZ) and np.array_equal(f.ZtV, ZtV)
