"""Moments add: any split of a table, groups split across pieces, in any order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from law_tables import FORMULAS, Answer, assert_same_answer, seeds, two_level
from numpy.testing import assert_allclose

import echelon as ec
from echelon.data import Frame, Missing
from echelon.design.build import build
from echelon.formula import parse
from echelon.model.assemble import fit_moments
from echelon.model.fit import LmmFit, Source
from echelon.moments import GroupMoments, Moments, from_rows
from tolerances import SAME

formulas = st.sampled_from(FORMULAS)


def moments_of(formula: str, data: pd.DataFrame, **options: str) -> Moments:
    frame = Frame.of(data)
    return from_rows(build(parse(formula, frame.columns), frame, **options).design)


def fit_of(formula: str, moments: Moments, reml: bool = True) -> LmmFit:
    source = Source("rows", "pandas", Missing(moments.n, moments.n))
    return fit_moments(moments, parse(formula), reml=reml, df="satterthwaite", source=source)


def raw_blocks(group: GroupMoments, moments: Moments) -> dict[object, np.ndarray]:
    """[Z_j'Z_j  Z_j'V_j] about zero, by label: what no choice of centre may change."""
    undo = np.eye(len(group.effects))
    start = 0
    for size in group.sizes:
        undo[start, start + 1 : start + size] = group.centre[start + 1 : start + size]
        start += size
    move = np.eye(len(moments.columns))
    move[0] += moments.centre
    ZtZ, ZtV = undo.T @ group.ZtZ @ undo, undo.T @ group.ZtV @ move
    blocks = np.concatenate([ZtZ, ZtV], axis=2)
    return dict(zip(group.levels, blocks, strict=True))


def assert_same_moments(ours: Moments, theirs: Moments) -> None:
    assert (ours.columns, ours.n, ours.intercept) == (theirs.columns, theirs.n, theirs.intercept)
    assert_allclose(ours.log_weight, theirs.log_weight, rtol=1e-12, atol=1e-12)
    moved = ours.recentred(theirs.centre)
    scale = np.sqrt(np.outer(*2 * [np.diagonal(theirs.cross)]))
    assert_allclose(moved.cross / scale, theirs.cross / scale, rtol=0, atol=SAME["rtol"])
    for a, b in zip(ours.groups, theirs.groups, strict=True):
        ours_raw, theirs_raw = raw_blocks(a, ours), raw_blocks(b, theirs)
        assert set(ours_raw) == set(theirs_raw)
        assert dict(zip(a.levels, a.count, strict=True)) == dict(
            zip(b.levels, b.count, strict=True)
        )
        top = max(np.abs(block).max() for block in theirs_raw.values())
        for level, block in theirs_raw.items():
            assert_allclose(ours_raw[level], block, rtol=0, atol=SAME["rtol"] * top)


def pieces_of(data: pd.DataFrame, seed: int, count: int) -> list[pd.DataFrame]:
    """The rows dealt out at random: groups are split across pieces."""
    where = np.random.default_rng(seed).integers(0, count, len(data))
    return [piece for _, piece in data.groupby(where)]


@given(seeds, formulas, st.integers(2, 6))
def test_pieces_add_to_the_whole(seed: int, formula: str, count: int) -> None:
    data = two_level(seed)
    first, *rest = (moments_of(formula, piece) for piece in pieces_of(data, seed, count))
    assert_same_moments(sum(rest, start=first), moments_of(formula, data))


@given(seeds, formulas)
def test_order_of_pieces_does_not_matter(seed: int, formula: str) -> None:
    a, b, c = (moments_of(formula, p) for p in pieces_of(two_level(seed), seed, 3))
    whole = (a + b) + c
    for other in (a + (b + c), (c + a) + b, b + c + a):
        assert_same_moments(other, whole)


@given(seeds, formulas, st.booleans())
def test_fit_from_pieces_is_fit_from_rows(seed: int, formula: str, reml: bool) -> None:
    data = two_level(seed)
    first, *rest = (moments_of(formula, piece) for piece in pieces_of(data, seed, 4))
    ours = ec.LMM.of(fit_of(formula, sum(rest, start=first), reml))
    assert_same_answer(Answer.of(ours), Answer.of(ec.lmer(formula, data, reml=reml)))


@given(seeds, formulas)
def test_pieces_far_apart_lose_nothing(seed: int, formula: str) -> None:
    """Sites whose response stands 1e6 SDs from zero."""
    data = two_level(seed)
    data["y"] = data["y"].round(6) + 1e6
    first, *rest = (moments_of(formula, piece) for piece in pieces_of(data, seed, 3))
    merged, whole = sum(rest, start=first), moments_of(formula, data)
    assert_allclose(merged.recentred(whole.centre).cross[-1, -1], whole.cross[-1, -1], rtol=1e-9)


@given(seeds, formulas)
def test_precision_and_offset_add_too(seed: int, formula: str) -> None:
    data = two_level(seed)
    data["k"], data["o"] = 0.5 + data["w"] ** 2, data["z"] * 2
    options = {"precision": "k", "offset": "o"}
    first, *rest = (moments_of(formula, piece, **options) for piece in pieces_of(data, seed, 3))
    assert_same_moments(sum(rest, start=first), moments_of(formula, data, **options))


@given(seeds, formulas)
def test_recentring_there_and_back(seed: int, formula: str) -> None:
    moments = moments_of(formula, two_level(seed))
    away = moments.centre + np.append(0.0, np.ones(len(moments.centre) - 1))
    assert_same_moments(moments.recentred(away).recentred(moments.centre), moments)


def test_moments_are_the_cross_products(seed: int = 7) -> None:
    """Against X'WX written out."""
    data = two_level(seed)
    data["k"] = 0.5 + data["w"] ** 2
    moments = moments_of("y ~ x + z + (x | g)", data, precision="k")
    V = np.column_stack([np.ones(len(data)), data["x"], data["z"], data["y"]])
    V[:, 1:] -= np.average(V[:, 1:], axis=0, weights=data["k"])
    W = np.diag(data["k"])
    assert_allclose(moments.cross, V.T @ W @ V, rtol=1e-12, atol=1e-11)
    (group,) = moments.groups
    for level, ZtZ, ZtV, count in zip(group.levels, group.ZtZ, group.ZtV, group.count, strict=True):
        rows = (data["g"] == level).to_numpy()
        Z = V[rows][:, :2]
        assert count == rows.sum()
        assert_allclose(ZtZ, Z.T @ W[np.ix_(rows, rows)] @ Z, rtol=1e-12, atol=1e-12)
        assert_allclose(ZtV, Z.T @ W[np.ix_(rows, rows)] @ V[rows], rtol=1e-12, atol=1e-12)


def test_pieces_of_different_models_do_not_add() -> None:
    data = two_level(3)
    a = moments_of("y ~ x + (1 | g)", data)
    with pytest.raises(ValueError, match="different columns"):
        a + moments_of("y ~ z + (1 | g)", data)
    with pytest.raises(ValueError, match="different random effects"):
        a + moments_of("y ~ x + (x | g)", data)
    with pytest.raises(ValueError, match="grouping factors"):
        a + moments_of("y ~ x", data)


def test_many_groups_and_many_rows_pass_in_blocks() -> None:
    """More rows than one block holds: the blocks add as pieces do."""
    rng = np.random.default_rng(5)
    n = 90_000
    data = pd.DataFrame({"g": rng.integers(0, 7000, n), "x": rng.normal(size=n)})
    data["y"] = data["x"] + rng.normal(size=7000)[data["g"]] + rng.normal(size=n)
    whole = moments_of("y ~ x + (x | g)", data)
    halves = moments_of("y ~ x + (x | g)", data[: n // 2]) + moments_of(
        "y ~ x + (x | g)", data[n // 2 :]
    )
    scale = np.sqrt(np.outer(*2 * [np.diagonal(whole.cross)]))
    moved = halves.recentred(whole.centre)
    assert_allclose(moved.cross / scale, whole.cross / scale, atol=1e-11)
    first = dict(zip(whole.groups[0].levels, whole.groups[0].count, strict=True))
    assert first == dict(zip(halves.groups[0].levels, halves.groups[0].count, strict=True))
