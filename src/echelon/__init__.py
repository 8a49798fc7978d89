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
    from echelon.api.design_study import design_study
    from echelon.api.fitting import lm, lmer
    from echelon.api.likelihood import anova
    from echelon.api.power import mdes, optimal_design, power, sample_size
    from echelon.api.results import LMM, OLS
    from echelon.api.tables import compare, describe, oneway
    from echelon.data import center, group_mean, read, write
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
    "design_study": "echelon.api.design_study",
    "mdes": "echelon.api.power",
    "oneway": "echelon.api.tables",
    "optimal_design": "echelon.api.power",
    "power": "echelon.api.power",
    "sample_size": "echelon.api.power",
    "Summaries": "echelon.model.summaries",
    "center": "echelon.data",
    "group_mean": "echelon.data",
    "read": "echelon.data",
    "write": "echelon.data",
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
    "design_study",
    "errors",
    "group_mean",
    "lm",
    "lmer",
    "mdes",
    "oneway",
    "optimal_design",
    "power",
    "read",
    "sample_size",
    "write",
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
