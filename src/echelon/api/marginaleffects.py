"""`fit.to_marginaleffects()`: a fit as the library marginaleffects takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from echelon.api.options import known_options
from echelon.data import Column, Values, to_native
from echelon.errors import MissingDependency
from echelon.formula.values import level_text
from echelon.infer.choose import uncertainty
from echelon.infer.marginal.rows import new_rows, own_rows
from echelon.infer.robust.clusters import Cluster
from echelon.infer.uncertainty import FixedFreedom
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]


@known_options
def to_marginaleffects(
    fit: LmmFit | OlsFit,
    *,
    df: str | float | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
) -> object:
    """The fit as a model of the Python library marginaleffects.

    Give it to `marginaleffects.predictions`, `comparisons`, `slopes`, `hypotheses` and their
    `avg_` forms. Predictions are those of the fixed part.

    Parameters
    ----------
    df : a number: the degrees of freedom of every test and interval. A method, as "kenward-roger":
        its covariance. None for the fit's own. marginaleffects knows one number for all rows, so
        that methods with a number for each row are replaced by the normal approximation; a linear
        model has n - p. `fit.predictions()` and `fit.slopes()` have them row by row
    robust, cluster : cluster-robust covariance, as "CR2", and the groups it is of. The same is
        `vcov="CR2"` in a call of marginaleffects

    Returns
    -------
    a `marginaleffects.classes.ModelAbstract`; its data are the rows used, with the predictors, the
    response and the grouping factors

    Raises
    ------
    MissingDependency : marginaleffects is not installed (pip install marginaleffects)
    NeedsRows : the fit was made from moments, without a table

    Notes
    -----
    Estimates are the same as ours. The library's standard errors are exact for predictions and
    comparisons; those of slopes are difference quotients of difference quotients, good to four
    digits (`eps=1` in its `slopes` makes it eight for products and squares).
    """
    number = None if df is None or isinstance(df, str) else float(df)
    method = df if isinstance(df, str) else None
    known = uncertainty(fit, method, robust=robust, cluster=cluster)
    freedom = known.freedom if isinstance(known, FixedFreedom) else np.inf
    beta = fit.beta if isinstance(fit, OlsFit) else fit.optimum.beta
    model, vault = _library()
    made: object = model(
        fit,
        vault(
            coef=beta.copy(),
            coefnames=np.array(fit.names, dtype=object),
            formula=lambda table: (None, _design(fit, table)),
            modeldata=_model_table(fit),
            package="echelon",
            vcov=known.vcov.copy(),
            variable_names=[fit.response, *own_rows(fit, ()).columns],
        ),
        float(freedom if number is None else number),
    )
    return made


def _model_table(fit: LmmFit | OlsFit) -> object:
    """The rows used as a polars table: predictors, response, grouping factors."""
    design = (
        fit.rows("to_marginaleffects()").design if isinstance(fit, LmmFit) else fit.built.design
    )
    names = [f.factor for f in design.factors if _simple(f.levels)]
    columns: dict[str, Values] = {
        name: _told(column) for name, column in own_rows(fit, names).columns.items()
    }
    columns.setdefault(fit.response, design.y)
    return to_native(columns, "polars")


def _simple(levels: Sequence[object]) -> bool:
    """Whether groups are named by one text or number each."""
    return all(isinstance(level, str | int | float | np.number) for level in levels)


def _told(column: Column) -> Values:
    """A column as the library knows it: truth values and whole numbers as such, else categories."""
    if column.levels is None:
        return column.values
    if all(isinstance(level, bool | np.bool_ | int | np.integer) for level in column.levels):
        return np.array(column.levels)[column.values]
    return replace(column, levels=tuple(level_text(level) for level in column.levels))


def _design(fit: LmmFit | OlsFit, table: object) -> Array:
    """X (m, p) over a table of the library, with the offset as a last column where there is one."""
    rows = new_rows(fit, table, ())
    return np.column_stack([rows.X, rows.offset]) if rows.offset.any() else rows.X


@cache
def _library() -> tuple[Callable[..., object], Callable[..., object]]:
    """The class of models made for marginaleffects, and the library's own for what it holds.

    Raises
    ------
    MissingDependency : it is not installed
    """
    try:
        classes = import_module("marginaleffects.classes")
    except ImportError as error:
        raise MissingDependency("marginaleffects", "", "to_marginaleffects()") from error
    base: type = classes.ModelAbstract

    class EchelonModel(base):  # type: ignore[misc]
        """A fit of Echelon, answering what marginaleffects asks of a model."""

        def __init__(self, fit: LmmFit | OlsFit, vault: object, freedom: float) -> None:
            super().__init__(fit, vault)
            self.df_resid = freedom  # one number for all rows; inf is the normal distribution

        def get_vcov(self, vcov: bool | str = True) -> Array | None:
            """The covariance of the fixed effects; "CR2" and the like for a robust one."""
            if isinstance(vcov, str):
                return uncertainty(self.model, robust=vcov).vcov
            held: Array = self.vault.vcov
            return held if vcov else None

        def get_predict(self, params: Array, newdata: Array) -> object:
            """Predictions of the fixed part, one a row of the design."""
            p = len(params)
            mean = newdata[:, :p] @ params + newdata[:, p:].sum(axis=1)
            return to_native(
                {"rowid": np.arange(len(mean), dtype=np.int32), "estimate": mean}, "polars"
            )

        def get_df(self) -> float:
            """The degrees of freedom of joint tests."""
            return self.df_resid

        def get_autodiff_args(self) -> dict[str, str | None]:
            """It is linear in its coefficients: the library may differentiate exactly."""
            return {"model_type": "linear", "family": None, "link": None}

    return EchelonModel, classes.ModelVault
