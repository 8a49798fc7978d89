"""Bundled data sets, each with a codebook."""

from __future__ import annotations

from echelon.datasets.codebook import Codebook, Variable, codebook, names
from echelon.datasets.load import load

__all__ = ["Codebook", "Variable", "codebook", "load", "names"]
