"""How many threads BLAS uses: one for everything small, the user's number for large products.

NumPy and SciPy bring a BLAS each, with a pool of threads each that wait by spinning. Small products
gain nothing from threads and lose a factor of two (two pools on two cores) to fifty (a busy second
core), so a fit runs on one thread and lets go of that for large products only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_limits: list[tuple[int, ...]] = []  # numbers of threads before each nested `serial`


@cache
def _pools() -> tuple[Any, ...]:
    """The BLAS libraries of this process; none where they cannot be told (Accelerate)."""
    import numpy as np  # noqa: F401  both are loaded before the libraries are looked for
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def _set(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Set the numbers of threads; returns what they were."""
    before = tuple(pool.get_num_threads() for pool in _pools())
    for pool, number, old in zip(_pools(), numbers, before, strict=True):
        if number != old:
            pool.set_num_threads(number)
    return before


def serial(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function with BLAS on one thread."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        before = _set((1,) * len(_pools()))
        _limits.append(before)
        try:
            return function(*args, **kwargs)
        finally:
            _limits.pop()
            _set(before)

    return call


@contextmanager
def threaded(order: int, least: int) -> Iterator[None]:
    """Inside `serial`, give a product of matrices of this order its threads back if large enough.

    Parameters
    ----------
    order : order of the matrices;  least : the smallest order that gains from threads
    """
    if order < least or not _limits:
        yield
        return
    before = _set(_limits[0])
    try:
        yield
    finally:
        _set(before)
