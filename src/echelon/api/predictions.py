"""`fit.predictions(...)`: what the fixed part expects, with standard errors and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Self

from echelon.api.options import known_options
from echelon.api.shown import Shown
from echelon.infer.choose import uncertainty
from echelon.infer.marginal.grid import At
from echelon.infer.marginal.predictions import Predictions, prediction_values, predictions_frame
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit, OlsFit

if TYPE_CHECKING:
    from echelon.show.table import Table


def _predictions_table(found: Predictions, *, digits: int = 3) -> Table:
    """The predictions as a `Table`: write it with `to_docx`, `to_pptx`, `to_html`, `to_latex`."""
    from echelon.show.slopes import predictions_table

    return predictions_table(found, digits=digits)


class PredictionResult(Shown, Predictions):
    """Predictions of the fixed part; see `Predictions` for their values."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Predictions) -> Self:
        """The same values with the methods of the public surface."""
        return cls(**{f.name: getattr(values, f.name) for f in fields(Predictions)})

    frame = predictions_frame
    table = _predictions_table


@known_options
def predictions(
    fit: LmmFit | OlsFit,
    at: At | None = None,
    *,
    by: str | Sequence[str] | None = None,
    average: bool = False,
    newdata: object = None,
    df: str | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    level: float = 0.95,
) -> PredictionResult:
    """Adjusted predictions of the fixed part, each with its own standard error and interval.

    These are predictions for the population: random effects are zero, and the interval is that of
    the expected value, not of a new observation.

    Parameters
    ----------
    at : values of predictors by name, e.g. {"ses": [-1, 0, 1]}: a prediction for each combination;
        what is not named is at its mean, factors at each of their levels. Without `at`, a
        prediction for each row of the data
    by : predictors or grouping factors within whose values predictions are averaged over rows
    average : True for the average over the rows of the data. With `at`, the average if all rows had
        these values and else their own (counterfactual)
    newdata : a table of pandas, polars or pyarrow with the predictors, instead of the data
    df : "satterthwaite", "kenward-roger", "between-within", "none"; None for the fit's own
    robust, cluster : cluster-robust standard errors, as "CR2", and the groups they are of
    level : coverage of the intervals

    Returns
    -------
    PredictionResult : print it; `.frame()` in the caller's library (the predictors or groups,
        estimate, std_error, df, statistic, p_value, conf_low, conf_high), `.table()`

    Raises
    ------
    UnknownColumn : a name that is no predictor, or no column of `newdata`
    DataError : missing values, or categories that the fit has not seen
    NeedsRows : the fit was made from moments, without a table

    Notes
    -----
    `prediction`, `average-prediction`. As `predictions` and `avg_predictions` of marginaleffects,
    which knows one number of degrees of freedom for all rows; here each row has its own.

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> fit.predictions({"Days": [0, 9]}).frame()[["Days", "estimate", "std_error"]].round(2)
       Days  estimate  std_error
    0   0.0    251.41       6.82
    1   9.0    345.61      14.63
    >>> round(float(fit.predictions(average=True).values.estimate[0]), 2)
    298.51
    """
    known = uncertainty(fit, df, robust=robust, cluster=cluster)
    return PredictionResult.of(
        prediction_values(
            fit, at, by=by, average=average, newdata=newdata, known=known, level=level
        )
    )
