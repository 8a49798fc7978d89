"""Sources of random numbers: nothing is random unless `rng` says so."""

from __future__ import annotations

from typing import cast

import numpy as np

from echelon.errors import DataError


def generator(rng: object) -> np.random.Generator:
    """The generator that `rng` asks for.

    Raises
    ------
    DataError : neither a seed nor a generator

    >>> generator(1).random() == generator(np.random.default_rng(1)).random()
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    whole = isinstance(rng, int | np.integer) and not isinstance(rng, bool)
    if rng is None or (whole and int(cast(int, rng)) >= 0):
        return np.random.default_rng(cast("int | None", rng))
    raise DataError(
        f"rng={rng!r}: give a seed (a whole number of 0 or more) or a numpy.random.Generator, as "
        "in rng=1 or rng=numpy.random.default_rng(1)."
    )
