"""Echelon: multilevel models, fitted, unpacked, compared and reported.

>>> import echelon as ec
>>> timss = ec.datasets.load("timss", quiet=True)
>>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
>>> round(fit.icc(), 3)
0.395
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from echelon import datasets, errors
    from echelon.api.contrasts import contrast
    from echelon.api.fitting import lm, lmer
    from echelon.api.likelihood import anova
    from echelon.api.results import LMM, OLS
    from echelon.api.tables import compare, describe, oneway
    from echelon.data import center, group_mean, read
    from echelon.model.summaries import Summaries

_HOME = {
    "anova": "echelon.api.likelihood",
    "lmer": "echelon.api.fitting",
    "lm": "echelon.api.fitting",
    "LMM": "echelon.api.results",
    "OLS": "echelon.api.results",
    "compare": "echelon.api.tables",
    "contrast": "echelon.api.contrasts",
    "describe": "echelon.api.tables",
    "oneway": "echelon.api.tables",
    "Summaries": "echelon.model.summaries",
    "center": "echelon.data",
    "group_mean": "echelon.data",
    "read": "echelon.data",
}
_ROOMS = ("datasets", "errors")

__all__ = [
    "LMM",
    "OLS",
    "Summaries",
    "anova",
    "center",
    "compare",
    "contrast",
    "datasets",
    "describe",
    "errors",
    "group_mean",
    "lm",
    "lmer",
    "oneway",
    "read",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that `import echelon` stays fast."""
    if name in _ROOMS:
        return import_module(f"echelon.{name}")
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    from echelon.errors import nearest_hint

    hint = nearest_hint(name, __all__, "Public names")
    raise AttributeError(f"module 'echelon' has no attribute {name!r}.{hint}")


def __dir__() -> list[str]:
    return sorted(__all__)
