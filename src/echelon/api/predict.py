"""`fit.predict(new)`: predictions for rows, with the groups' own effects, in the caller's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from warnings import warn

import numpy as np

from echelon.api.options import known_options
from echelon.api.predict_options import ELSEWHERE, asked_of
from echelon.data import Frame, Values, to_native
from echelon.design.build import Built
from echelon.effects.chosen import Random
from echelon.effects.predict import (
    Asked,
    Predicted,
    predict_linear,
    predict_mixed,
)
from echelon.effects.predict_extras import Extra
from echelon.effects.predict_rows import NewRows, new_rows, used_rows
from echelon.errors import DataError, EchelonWarning, NeedsRows, UnknownOption
from echelon.infer.marginal.estimable import estimable, unseen_part
from echelon.model.fit import LmmFit, OlsFit

_NEW_GROUPS = ("error", "population")
_LISTED = 5  # unseen groups named in an error


def _predict(
    fit: LmmFit | OlsFit,
    new: object = None,
    *,
    random: Random | None = None,
    terms: str | Sequence[str] | None = None,
    new_groups: str = "error",
    interval: str | None = None,
    variance_parameters: bool = False,
    offset: Extra = None,
    precision: Extra = None,
    df: str | None = None,
    level: float = 0.95,
) -> object:
    """Predictions for rows, by default with the random effects of their groups, as lme4's predict.

    Parameters
    ----------
    new : a table of pandas, polars or pyarrow (or a mapping of columns) with the columns of the
        formula; None for the table of the fit
    random : which random effects count: "all", "none" (the fixed part alone), a grouping factor, a
        list of factors, or terms as in the formula, as "(1 | school)"; None for all, and for none
        when `terms` is given
    terms : terms of the fixed part that count, as ["ses", "(Intercept)"]; the others are at zero,
        the offset is left out; None for the whole fixed part
    new_groups : what to do with groups that the fit has not seen, and rows without one: "error", or
        "population" to predict them with random effects of zero
    interval : None for estimates alone; "confidence" for standard errors and intervals of the
        expected value, "prediction" for those of a new observation
    variance_parameters : whether standard errors count that the variances are estimates too
    offset, precision : those of the new rows where the fit has them by value, not by column name: a
        column name, one number, or one value a row
    df : degrees of freedom of the intervals, "satterthwaite" or "none" (normal quantiles); None for
        the fit's own, Satterthwaite's in place of others
    level : coverage of the intervals

    Returns
    -------
    table in the library of `new`, one row for each of its rows, in order and with pandas' row
        labels: estimate; with an interval std_error, df, and conf_low and conf_high or pred_low and
        pred_high. Where a value is missing the row is missing (nan). Without `new` one row for each
        row of the table of the fit, missing where the fit left the row out; such a row is predicted
        by predict(table) if its predictors are there.

    Raises
    ------
    DataError : groups that the fit has not seen, categories that it has not seen, numbers for
        categories, offsets or precisions that are not known for the new rows
    UnknownColumn : a column of the formula that `new` does not have
    UnknownOption : no such factor, effect or term
    NeedsRows : no `new`, and the fit was made from summaries
    NotYetSupported : intervals with random effects after method="iterative"

    Notes
    -----
    Three standard errors, three questions (`row-variance`, `observation-variance`;
    henderson1975):

    * random="none", interval="confidence": the mean of many groups at these predictors. The
      variance of x'beta_hat.
    * random="all", interval="confidence": the mean of *this* group. The conditional variance of
      its effects and the estimation of beta, with their covariances; of a new group all of its
      variance.
    * interval="prediction": a new observation of this group, or with random="none" of any group.
      The residual variance besides (over `precision`; of the row's stratum under
      residual="by(...)").

    All three take the variance parameters as known unless variance_parameters=True
    (`variance-parameters`; kackar1984, prasad1990). The correlation of a new observation with
    observed ones (residual="ar1(...)") is not used. Rows of new groups are predicted one by one:
    the interval is right for each, and the errors of rows of one new group go together.

    Predictions are on the scale of the response as typed: of log(y) they are of log(y).

    Examples
    --------
    >>> import echelon as ec
    >>> import pandas as pd
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> new = pd.DataFrame({"Days": [0, 9, 9], "Subject": ["308", "308", "399"]})
    >>> fit.predict(new, new_groups="population", interval="prediction").round(1)
       estimate  std_error     df  pred_low  pred_high
    0     253.7       28.4  160.8     197.6      309.7
    1     430.7       29.1  154.1     373.2      488.2
    2     345.6       67.0   20.7     206.1      485.1
    >>> fit.predict(new, random="none")["estimate"].round(1).tolist()
    [251.4, 345.6, 345.6]
    """
    built = _built(fit)
    asked = asked_of(
        fit,
        built,
        random=random,
        terms=terms,
        interval=interval,
        variance_parameters=variance_parameters,
        df=df,
        level=level,
    )
    if new_groups not in _NEW_GROUPS:
        raise UnknownOption("new_groups", new_groups, _NEW_GROUPS)
    if new is None:
        frame, backend, index = None, fit.source.backend, fit.source.index
    else:
        frame = Frame.of(new)
        backend, index = frame.backend, frame.index
    laid = _laid(fit, frame, asked, offset=offset, precision=precision)
    if new_groups == "error":
        _refuse_unseen(laid)
    found = _predicted(fit, laid, asked)
    return to_native(_columns(found, laid, asked), backend, index)


def _built(fit: LmmFit | OlsFit) -> Built:
    if fit.built is None:
        raise NeedsRows("Predictions need a fit made from a table; this one was made from moments.")
    return fit.built


def _laid(
    fit: LmmFit | OlsFit,
    frame: Frame | None,
    asked: Asked,
    *,
    offset: Extra,
    precision: Extra,
) -> NewRows:
    """The rows to predict for: of a new table, or those that the fit used."""
    if frame is None:
        if offset is not None or precision is not None:
            raise DataError("offset= and precision= are those of new rows; give new= with them.")
        return used_rows(fit, fixed=asked.terms is None, noise=asked.observation)
    factors = [f for f, keep in enumerate(asked.effects) if keep.any()]
    return new_rows(
        fit,
        _built(fit),
        frame,
        factors=factors,
        columns_of=range(len(asked.effects)) if asked.observation else (),
        fixed=asked.terms is None,
        noise=asked.observation,
        offset=offset,
        precision=precision,
    )


def _refuse_unseen(laid: NewRows) -> None:
    """Refuse groups without estimates of their effects."""
    if not laid.unseen:
        return
    found = []
    for factor, (labels, count) in laid.unseen.items():
        named = [repr(label) for label in labels if label]
        shown = ", ".join(named[:_LISTED]) + (", ..." if len(named) > _LISTED else "")
        what = " and ".join([*([shown] if named else []), *(["none"] if "" in labels else [])])
        found.append(f"{what} for {factor!r} ({count} {'row' if count == 1 else 'rows'})")
    raise DataError(
        f"new= has groups that are not in the data of the fit: {'; '.join(found)}. "
        'new_groups="population" predicts them with random effects of zero (their variance '
        'counts in intervals); random="none" predicts the fixed part of every row.'
    )


def _predicted(fit: LmmFit | OlsFit, laid: NewRows, asked: Asked) -> Predicted:
    """The predictions; what dropped columns leave open is missing."""
    if isinstance(fit, LmmFit):
        found = predict_mixed(fit, laid.rows, asked, laid.stratum)
    else:
        found = predict_linear(fit, laid.rows, asked)
    if not laid.dropped.size or asked.terms is not None:
        return found
    lost = ~estimable(unseen_part(fit, laid.rows.X, laid.dropped))
    if not lost.any():
        return found
    warn(
        f"{int(lost.sum())} of {len(lost)} rows cannot be predicted and are missing: columns were "
        f"dropped ({', '.join(fit.dropped)}), and there they are not what they are in the data of "
        "the fit. Leave these terms out of the formula.",
        EchelonWarning,
        stacklevel=4,
    )
    return found.without(lost)


def _columns(found: Predicted, laid: NewRows, asked: Asked) -> Mapping[str, Values]:
    """The columns of the table, over all of its rows."""
    made = {"estimate": found.estimate}
    if asked.interval is not None:
        kind = "pred" if asked.observation else "conf"
        made |= {"std_error": found.std_error, "df": found.df}
        made |= {f"{kind}_low": found.low, f"{kind}_high": found.high}
    out: dict[str, Values] = {}
    for name, values in made.items():
        full = np.full(len(laid.present), np.nan)
        full[laid.present] = values
        out[name] = full
    return out


predict = known_options(_predict, "predict", ELSEWHERE)
