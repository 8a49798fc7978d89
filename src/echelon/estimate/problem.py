"""The estimation problem in well-conditioned coordinates, and the way back to the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from echelon import tolerances
from echelon.errors import NotIdentified
from echelon.estimate.blocks import Blocks, CrossBlocks, FactorBlocks
from echelon.estimate.choose import choose
from echelon.estimate.engine import Engine
from echelon.estimate.identified import check_identified, check_magnitude, check_not_perfect
from echelon.linalg.rank import independent_columns
from echelon.linalg.structures import HOMOGENEOUS, Kind
from echelon.linalg.symmetric import Pairs, block_diagonal, pairs
from echelon.linalg.triangular import inverse
from echelon.moments.moments import GroupMoments, Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FixedPart:
    """The fixed columns that are kept, and beta in the user's units.

    beta = back @ beta_centred + shift

    Attributes
    ----------
    names : p kept columns
    dropped : names of columns that are combinations of earlier ones
    lay : (k, p + 1) matrix that makes [X y] of the model from the stored columns [1 X y]
    back : (p, p);  shift : (p,)
    """

    names: tuple[str, ...]
    dropped: tuple[str, ...]
    lay: Array
    back: Array
    shift: Array

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """The random columns whitened, everything ready for the engine.

    Attributes
    ----------
    n, p, log_weight : rows, fixed effects, sum of log precision weights
    cross : (p + 1, p + 1) [X y]'W[X y]
    blocks : cross-products of the random effects
    engine : what evaluates them, chosen by the structure of the factors
    whiten : (q, q) Z_whitened = Z_user @ whiten; so D_user = whiten D whiten'; block diagonal
    fixed : the way back for beta
    """

    n: int
    p: int
    log_weight: float
    cross: Array
    blocks: Blocks
    engine: Engine
    whiten: Array
    fixed: FixedPart

    @property
    def pairs(self) -> Pairs:
        """Free entries of the covariance of the effects of all factors."""
        return self.blocks.pairs

    @property
    def q(self) -> int:
        """Effects of all factors together."""
        return self.pairs.q


def fixed_part(moments: Moments) -> FixedPart:
    """Choose the independent fixed columns and the coordinates to work in.

    With a constant among the columns everything is about the means. Without one the columns are
    raw; the response is still centred when the constant is a combination of them (cell means).
    """
    check_magnitude(moments)
    k = len(moments.columns)
    raw = np.eye(k)  # undoes the centring of [1 X y]
    raw[0, 1:] = moments.centre[1:]
    first = 0 if moments.intercept else 1
    basis = (np.eye(k) if moments.intercept else raw)[:, first:-1]
    kept = _independent(moments, basis, raw[:, first:-1])
    X, names = basis[:, kept], moments.columns[first:-1]
    y = np.eye(k)[:, -1]
    back, shift = np.eye(X.shape[1]), np.zeros(X.shape[1])
    if moments.intercept:
        back[0, 1:] = -moments.centre[first:-1][kept][1:]
        shift[0] = moments.centre[-1]
    else:
        constant = _constant_in(moments, X)
        if constant is None:
            y = raw[:, -1]
        else:
            shift = moments.centre[-1] * constant
    return FixedPart(
        names=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        dropped=tuple(name for name, keep in zip(names, kept, strict=True) if not keep),
        lay=np.column_stack([X, y]),
        back=back,
        shift=shift,
    )


def _independent(moments: Moments, basis: Array, raw: Array) -> NDArray[np.bool_]:
    """Columns kept: those that vary and are no combination of earlier ones."""
    cross = basis.T @ moments.cross @ basis
    raw_squares = np.diagonal(raw.T @ moments.cross @ raw)
    kept = np.diagonal(cross) > tolerances.RANK_RAW * raw_squares
    chosen = np.flatnonzero(kept)
    kept[chosen] = independent_columns(cross[np.ix_(chosen, chosen)], tolerances.RANK_CENTRED)
    return kept


def _constant_in(moments: Moments, X: Array) -> Array | None:
    """Coefficients a with X a = 1 in every row, None when there are none."""
    cross, with_one = X.T @ moments.cross @ X, X.T @ moments.cross[:, 0]
    a = np.linalg.solve(cross, with_one).astype(np.float64)
    left = moments.weight - a @ with_one
    return a if left <= 100 * tolerances.RANK_CENTRED * moments.weight else None


def problem(moments: Moments, engine_of: Callable[[Blocks], Engine] = choose) -> Problem:
    """Lay out moments for the engine that fits the structure of their grouping factors.

    Parameters
    ----------
    engine_of : makes the engine

    Raises
    ------
    NotIdentified : one group; as many random effects as rows; factors with the same groups; a
        response that is constant
    """
    check_identified(moments)
    fixed = fixed_part(moments)
    if fixed.p >= moments.n:
        raise NotIdentified(
            f"{moments.n} rows cannot estimate {fixed.p} fixed effects and the variances besides. "
            "Use fewer predictors."
        )
    cross = fixed.lay.T @ moments.cross @ fixed.lay
    check_not_perfect(cross, moments)
    whitens = [_whitening(group, moments.n) for group in moments.groups]
    blocks = _blocks(moments, fixed, whitens)
    to_user = [g.user_from_centred() @ T for g, T in zip(moments.groups, whitens, strict=True)]
    return Problem(
        n=moments.n,
        p=fixed.p,
        log_weight=moments.log_weight,
        cross=cross,
        blocks=blocks,
        engine=engine_of(blocks),
        whiten=block_diagonal(to_user),
        fixed=fixed,
    )


def laid(task: Problem, moments: Moments) -> tuple[Array, Blocks]:
    """Cross-products of [X y] and blocks of other moments of the same columns, as the task's."""
    whitens = []
    for group, part in zip(moments.groups, task.blocks.parts, strict=True):
        to_user = group.user_from_centred()  # unit triangular
        whitens.append(np.linalg.solve(to_user, task.whiten[part, part]).astype(np.float64))
    cross = task.fixed.lay.T @ moments.cross @ task.fixed.lay
    return cross, _blocks(moments, task.fixed, whitens)


def _blocks(moments: Moments, fixed: FixedPart, whitens: list[Array]) -> Blocks:
    factors = tuple(
        FactorBlocks(
            ZtZ=np.ascontiguousarray((T.T @ group.ZtZ @ T).transpose(1, 2, 0)),
            ZtV=np.ascontiguousarray(((T.T @ group.ZtV) @ fixed.lay).transpose(1, 2, 0)),
        )
        for group, T in zip(moments.groups, whitens, strict=True)
    )
    crossings = tuple(
        CrossBlocks(
            c.first,
            c.second,
            c.row,
            c.col,
            np.ascontiguousarray(
                (whitens[c.first].T @ c.blocks @ whitens[c.second]).transpose(1, 2, 0)
            ),
        )
        for c in moments.crossings
    )
    sizes = tuple(size for group in moments.groups for size in group.sizes)
    return Blocks(factors, crossings, pairs(sizes, _kinds(moments.groups)))


def _kinds(groups: tuple[GroupMoments, ...]) -> tuple[Kind, ...]:
    """Structure of each block of D; () where all are unstructured."""
    if not any(group.kinds for group in groups):
        return ()
    return tuple(kind for group in groups for kind in group.structure)


def _whitening(group: GroupMoments, n: int) -> Array:
    """T, block diagonal, with (Z T)'W(Z T) / n = I in each block without a structure.

    One unit of relative standard deviation then means the same for every effect, on any scale. A
    structure is kept by a diagonal T, or by a scalar one where the effects share a variance.
    """
    total = group.ZtZ.sum(axis=0) / n
    raw = np.diagonal(total) + group.weight.sum() / n * group.centre**2
    whiten: Array = np.zeros_like(total)
    start = 0
    for kind, size in zip(group.structure, group.sizes, strict=True):
        block = slice(start, start + size)
        part = total[block, block]
        squares = np.diagonal(part)
        flat = squares <= tolerances.RANK_RAW * raw[block]
        if kind == "us" and not flat.any():
            scale = np.sqrt(squares)
            correlation = part / np.outer(scale, scale)
            flat = ~independent_columns(correlation, tolerances.RANK_CENTRED)
        if flat.any():
            name = group.effects[start + int(np.argmax(flat))]
            raise NotIdentified(
                f"The random effect {name!r} of {group.factor!r} is constant or a combination of "
                "the random effects before it, so its variance cannot be told from theirs. Remove "
                "it from the random part."
            )
        whiten[block, block] = (
            inverse(np.linalg.cholesky(part)).T if kind == "us" else _scaling(squares, kind)
        )
        start += size
    return whiten


def _scaling(squares: Array, kind: Kind) -> Array:
    """T of a structured block: the columns' mean squares then sum to one."""
    if kind in HOMOGENEOUS:
        squares = np.full(len(squares), squares.mean())
    return np.diag(1 / np.sqrt(len(squares) * squares))
