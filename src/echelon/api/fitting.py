"""The functions a user calls to fit a model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from echelon.api.options import known_options
from echelon.api.results import LMM, OLS
from echelon.design.build import Extra
from echelon.errors import DataError, NeedsRows
from echelon.infer.choose import check_df, check_offered
from echelon.infer.kenward_roger import refuse_kenward_roger
from echelon.model.assemble import fit_lmm, fit_summaries
from echelon.model.fit import DfMethod
from echelon.model.iterative import Method, probes_of
from echelon.model.least_squares import fit_ols
from echelon.model.notes import warn
from echelon.model.summaries import Summaries


@known_options
def lmer(
    formula: str,
    data: object = None,
    *,
    reml: bool = True,
    df: DfMethod = "satterthwaite",
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
    residual: str | None = None,
    method: Method = "exact",
    probes: int | None = None,
    rng: int | np.random.Generator | None = None,
    summaries: object = None,
) -> LMM:
    """Fit a linear multilevel (mixed) model.

    Parameters
    ----------
    formula : lme4's grammar, e.g. "score ~ ses + sector + (1 + ses | school)"
    data : a data frame of pandas, polars or pyarrow (or a mapping of columns); one row a unit of
        level 1. Never changed.
    reml : True for restricted maximum likelihood (REML), False for maximum likelihood
    df : degrees of freedom of tests and intervals: "satterthwaite"; "kenward-roger", with standard
        errors adjusted (REML); "between-within", as HLM counts them; "none" for z tests
    precision : column name or (n,) values: known precision weights, Var(e_i) = sigma^2 / w_i. Not
        survey weights, and not the model's own weights 1 / Delta_j, which it applies by itself.
    offset : column name or (n,) values added to the fixed part
    contrasts : coding of categorical predictors in the fixed part by name, e.g. {"sector": "sum"};
        default treatment coding with the first level as reference, which random effects always
        have (as in lme4)
    residual : structure of the residuals; None for independent ones of one variance.
        "by(sector)": a variance for each sector; "by(sector, female)": for each combination.
        "ar1(time | id)": correlation phi^(difference of times) within id, whole times with gaps;
        "ar1(1 | id)": by the order of the rows; "car1(time | id)": the same for any times;
        "cs(1 | id)": equal correlation within id. "by(sex) + ar1(time | id)": both
        (`residual-model`; pinheiro2000, ch. 5). `fit.residual` has the estimates
    method : "exact"; "iterative" for several crossed factors too large for it (1e5 by 1e4 levels):
        variances and likelihood then carry Monte Carlo errors, which the verdict reports
    probes : random vectors a factor of the iterative method (20); more make its errors smaller
    rng : seed or generator of the probes; the same seed gives the same fit
    summaries : instead of `data`, a table with one row a group and columns n and sd (or
        `ec.Summaries` with their names, or one pooled sd); the response is the column of means

    Returns
    -------
    LMM : frozen; print it for the summary

    Raises
    ------
    FormulaError : the formula is not understood, with a caret under the piece
    UnknownColumn : a name that is no column, with the nearest one
    DataError : infinite values, a response that is not numeric, no complete rows
    NotIdentified : one group, one row a group, a constant response, a perfect fit
    NotYetSupported : options that do not go together
    TooLarge : crossed factors too large for the exact method; names method="iterative"
    NoConvergence : factors too loosely connected for the iterative method

    Notes
    -----
    Minimises the profiled deviance (`deviance-profiled`; bates2015) with exact derivatives. Rows
    with a missing value in any variable of the formula are left out first; `scale(x)` and its like
    are then computed over the rows that are used.

    Examples
    --------
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> round(float(fit.fixef()["(Intercept)"]), 3), round(fit.sigma, 3)
    (482.757, 73.756)
    >>> sleep = ec.datasets.load("sleepstudy")
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    >>> print(fit.residual)
    ar1(Days | Subject): ar1 0.6531
    """
    df = check_df(df)
    signs = probes_of(method, probes, rng)
    if df == "kenward-roger":  # before a fit that may take long
        refuse_kenward_roger(reml=reml, residual=residual is not None, iterative=signs is not None)
    if (data is None) == (summaries is None):
        raise DataError(
            "Give lmer() either data (rows) or summaries= (n, mean and sd of each group)."
        )
    if summaries is None:
        fit = fit_lmm(
            formula,
            data,
            reml=reml,
            df=df,
            precision=precision,
            offset=offset,
            contrasts=contrasts,
            residual=residual,
            probes=signs,
        )
    else:
        if precision is not None or offset is not None or contrasts is not None:
            raise DataError("precision=, offset= and contrasts= do not go with summaries=.")
        if signs is not None:
            raise DataError('method="iterative" is for several grouping factors, not summaries=.')
        if residual is not None:
            raise NeedsRows(
                "residual= needs the single rows: summaries (n, mean, sd) of a group do not say "
                "which of its rows belong together."
            )
        given = summaries if isinstance(summaries, Summaries) else Summaries(summaries)
        fit = fit_summaries(formula, given, reml=reml, df=df)
    check_offered(fit)
    warn(fit)
    return LMM.of(fit)


@known_options
def lm(
    formula: str,
    data: object,
    *,
    precision: Extra = None,
    offset: Extra = None,
    contrasts: Mapping[str, str] | None = None,
) -> OLS:
    """Fit a linear model by least squares: the naive analysis that ignores groups.

    Parameters
    ----------
    formula : e.g. "score ~ sector"
    data : a data frame of pandas, polars or pyarrow (or a mapping of columns). Never changed.
    precision : column name or (n,) values: known precision weights, Var(e_i) = sigma^2 / w_i
    offset : column name or (n,) values added to the linear predictor
    contrasts : coding of categorical predictors by name

    Returns
    -------
    OLS : frozen; print it for the summary

    Raises
    ------
    FormulaError, UnknownColumn, DataError, NotIdentified : as `lmer`

    Examples
    --------
    >>> import echelon as ec
    >>> eclsk = ec.datasets.load("eclsk", quiet=True)
    >>> fit = ec.lm("g1rscore ~ sector", eclsk)
    >>> round(float(fit.fixef()["sector"]), 3), fit.df_resid
    (6.553, 11089)
    """
    return OLS.of(fit_ols(formula, data, precision=precision, offset=offset, contrasts=contrasts))
