"""Integer codes and sorted levels for the values of one column, by the fastest exact route."""

from __future__ import annotations

from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.intp]
Levels: TypeAlias = tuple[object, ...]

# A table of counts may be this many times longer than the column before sorting is cheaper;
# measured at 1e6 rows: 6 ms with a table of 4e6 counts, 75 ms by np.unique.
_TABLE_PER_ROW = 4
_SMALL_TABLE = 1 << 16
_EXACT_INT = 2.0**53  # whole floats beyond this do not name one integer


def encode_integers(
    values: NDArray[Any], missing: NDArray[np.bool_] | None
) -> tuple[Codes, Levels]:
    """Codes and ascending levels of integers; -1 where `missing` is True.

    Counting instead of sorting when the range of the values is of the order of their number,
    as it is for school and student ids: O(n + range), otherwise O(n log n).
    """
    present = values if missing is None else values[~missing]
    if present.size == 0:
        return np.full(values.size, -1, dtype=np.intp), ()
    low, high = int(present.min()), int(present.max())
    if high - low < max(_SMALL_TABLE, _TABLE_PER_ROW * present.size):
        codes, levels = _encode_by_counting(present, low)
    else:
        found, inverse = np.unique(present, return_inverse=True)
        codes, levels = inverse.astype(np.intp, copy=False), tuple(found.tolist())
    return _spread(codes, missing), levels


def encode_floats(values: NDArray[np.float64]) -> tuple[Codes, Levels]:
    """Codes and ascending levels of floats; whole numbers become ints, `nan` becomes -1."""
    absent = np.isnan(values)
    missing = absent if absent.any() else None
    present = values if missing is None else values[~absent]
    whole = np.all(np.abs(present) < _EXACT_INT) and np.array_equal(present, np.trunc(present))
    if whole:
        filled = values if missing is None else np.where(absent, 0.0, values)
        return encode_integers(filled.astype(np.int64), missing)
    found, inverse = np.unique(present, return_inverse=True)
    return _spread(inverse.astype(np.intp, copy=False), missing), tuple(found.tolist())


def encode_text(series: nw.Series[Any]) -> tuple[Codes, Levels]:
    """Codes of strings, levels sorted by code point; the library's own hashing does the work."""
    native = series.to_native()
    if series.implementation.is_polars():
        # Polars' own cast to a category is its hash; a dense rank would sort every string
        return encode_polars_categories(series.cast(nw.Categorical).to_native())
    if series.implementation.is_pyarrow():
        codes, levels = encode_arrow_dictionary(native.dictionary_encode())
    else:
        numbers, found = native.factorize()
        codes, levels = numbers.astype(np.intp, copy=False), tuple(found.tolist())
    return sort_levels(codes, levels)


def encode_polars_categories(native: Any) -> tuple[Codes, Levels]:
    """Codes of a polars Categorical, sorted by code point: its own order has no meaning."""
    physical = native.to_physical()
    absent = physical.is_null().to_numpy() if physical.null_count() else None
    codes, found = encode_integers(physical.fill_null(0).to_numpy(), absent)
    # One row of each category names it; the library's list may hold other tables' strings too
    row_of = np.zeros(len(found) + 1, dtype=np.int64)  # the last slot swallows the missing rows
    row_of[codes] = np.arange(codes.size)
    names = native.gather(row_of[:-1]).to_list() if found else []
    return sort_levels(codes, tuple(names))


def encode_arrow_dictionary(chunked: Any) -> tuple[Codes, Levels]:
    """Codes and values of a dictionary-encoded pyarrow ChunkedArray, in the dictionary's order."""
    if not chunked.num_chunks:
        return np.empty(0, dtype=np.intp), ()
    chunks = chunked.unify_dictionaries().chunks
    parts = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate(parts).astype(np.intp), tuple(chunks[0].dictionary.to_pylist())


def sort_levels(codes: Codes, levels: tuple[Any, ...]) -> tuple[Codes, Levels]:
    """The same values with their levels in ascending order."""
    order = sorted(range(len(levels)), key=levels.__getitem__)
    if order == list(range(len(levels))):
        return codes, levels
    rank = np.full(len(levels) + 1, -1, dtype=np.intp)  # the last entry keeps missing missing
    rank[order] = np.arange(len(levels))
    return rank[codes], tuple(levels[i] for i in order)


def _encode_by_counting(present: NDArray[Any], low: int) -> tuple[Codes, Levels]:
    """Codes by a table of counts from `low` upwards."""
    offset = present.astype(np.intp, copy=False)
    offset = offset - low if low else offset
    occupied = np.bincount(offset) > 0
    levels = tuple((np.flatnonzero(occupied) + low).tolist())
    if occupied.all():
        return offset, levels
    return (np.cumsum(occupied) - 1)[offset], levels


def _spread(codes: Codes, missing: NDArray[np.bool_] | None) -> Codes:
    """Put the codes of the present rows back among the missing ones."""
    if missing is None:
        return codes
    full = np.full(missing.size, -1, dtype=np.intp)
    full[~missing] = codes
    return full
