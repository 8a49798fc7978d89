"""Formulas: lme4's grammar to a `ModelSpec`, and its terms to the columns of a design."""

from echelon.formula.bars import independent
from echelon.formula.contrasts import Coding
from echelon.formula.evaluate import evaluate
from echelon.formula.materialise import Matrix, Recipe, materialise
from echelon.formula.parse import columns_in, parse
from echelon.formula.residual import Correlation, ResidualSpec, parse_residual
from echelon.formula.spec import Covariance, ModelSpec, RandomTerm, Terms
from echelon.formula.values import ColumnLike, Contrast

__all__ = [
    "Coding",
    "ColumnLike",
    "Contrast",
    "Correlation",
    "Covariance",
    "Matrix",
    "ModelSpec",
    "RandomTerm",
    "Recipe",
    "ResidualSpec",
    "Terms",
    "columns_in",
    "evaluate",
    "independent",
    "materialise",
    "parse",
    "parse_residual",
]
