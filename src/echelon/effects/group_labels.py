"""Groups of a new table found among those of a fit, by their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.data import Column
from echelon.errors import DataError
from echelon.formula.values import level_text

Places = NDArray[np.intp]
Label = Callable[[int], str]


def looked_up(
    columns: Sequence[Column], levels: Sequence[object], what: str
) -> tuple[Places, Label]:
    """Places (m,) among known levels of one variable or of several together; -1 for others.

    Levels are the same when they are equal, or spelled alike: 308 and "308".

    Returns
    -------
    codes : (m,);  label : the text of a row's own level, "" where it is missing
    """
    exact = {level: i for i, level in enumerate(levels)}
    spelled = {level_text(level): i for i, level in enumerate(levels)}
    if len(spelled) < len(levels) and len(columns) > 1:
        raise DataError(
            f"Groups of {what!r} cannot be told apart by their labels. Make one column of distinct "
            "labels and fit the model with it."
        )
    m = len(columns[0].values)
    keys = np.column_stack([column.values for column in columns])
    distinct, place = np.unique(keys, axis=0, return_inverse=True) if m else (keys, np.zeros(0))
    texts, codes = [], np.full(len(distinct), -1, dtype=np.intp)
    for i, key in enumerate(distinct.tolist()):
        own = [(c.levels or ())[k] if k >= 0 else None for c, k in zip(columns, key, strict=True)]
        text = "" if None in own else ":".join(map(level_text, own))
        texts.append(text)
        if text:
            known = spelled.get(text, -1)
            codes[i] = exact.get(own[0], known) if len(own) == 1 else known
    at = place.ravel().astype(np.intp)
    return codes[at], lambda row: texts[at[row]]
