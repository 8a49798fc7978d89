"""The Python peers behind one face: prepare, fit a workload, tell the answer, print the summary."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fits are compared by.

    Attributes
    ----------
    loglik : (restricted) log-likelihood
    names, beta, se : fixed effects
    variances : of the residuals and of every random effect, without covariances, in any order
    df : Satterthwaite's, one a fixed effect; empty where they were not asked for
    logliks : of every response of a batch; shorter than the batch if the time did not suffice
    """

    loglik: float
    names: tuple[str, ...] = ()
    beta: tuple[float, ...] = ()
    se: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()
    df: tuple[float, ...] = ()
    logliks: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, loglik: Any, names: Iterable[str], beta: Any, se: Any, variances: Any, df: Any = ()
    ) -> Answer:
        numbers = (tuple(np.ravel(values).astype(float).tolist()) for values in (beta, se))
        rest = (tuple(np.ravel(values).astype(float).tolist()) for values in (variances, df))
        return cls(float(loglik), tuple(names), *numbers, *rest)


def _as_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Peer:
    """`fit(prepare(table))` is timed without `prepare`; `answer(fit)` and `text(fit)` are not.

    `forget()` empties what the peer remembers; `ml` fits by full likelihood, for comparison.
    """

    version: str
    fit: Callable[[Any], Any]
    answer: Callable[[Any], Answer]
    loglik: Callable[[Any], float]
    text: Callable[[Any], str] = str
    prepare: Callable[[Any], Any] = _as_is
    forget: Callable[[], None] = lambda: None
    ml: Callable[[Any], Answer] | None = None


class NotAvailable(Exception):
    """This version of the peer does not offer what the workload asks for."""


def peer(name: str, work: Workload, patience: float = float("inf")) -> Peer:
    """A peer set up for a workload; the library is imported here.

    `patience` is how long a peer that refits responses one by one may go on, in seconds.
    """
    known: dict[str, Callable[[Workload], tuple[Peer, Any]]] = {
        "echelon": _echelon,
        "glmm": _glmm,
        "mixedlm": _mixedlm,
        "gpboost": _gpboost,
        "statsmodels": _statsmodels,
    }
    made, refit = known[name](work)
    if work.mode in ("satterthwaite", "kenward-roger"):
        return replace(made, prepare=made.fit, fit=_tested(work.mode))
    if work.mode == "bootstrap":
        return replace(made, prepare=made.fit, fit=_bootstrapped)
    if work.mode == "influence":
        return replace(made, prepare=made.fit, fit=_left_out(work), answer=_of_deletions(made))
    if work.mode == "refit":
        return replace(made, prepare=lambda t: refit(t, ["r1"]), fit=lambda again: again())
    if work.mode == "batch":
        return replace(
            made,
            prepare=lambda t: refit(t, [name for name in t if re.fullmatch(r"r\d+", name)]),
            fit=(lambda again: again()) if name == "echelon" else _one_by_one(patience),
            answer=_of_batch(made.loglik),
        )
    return made


def _tested(df: str) -> Callable[[Any], Any]:
    """The table of coefficients of a fitted model, with degrees of freedom by a method."""

    def run(fit: Any) -> Any:
        fit.coefficients(df=df)
        return fit

    return run


def _bootstrapped(fit: Any) -> Any:
    """1,000 replicates of a fitted model, and the intervals of all parameters."""
    fit.confint("bootstrap", n=1000, rng=1)
    return fit


def _left_out(work: Workload) -> Callable[[Any], Any]:
    """Every group of a fitted model left out in turn, refitted exactly."""

    def run(fit: Any) -> Any:
        if not hasattr(fit, "influence"):
            raise NotAvailable("no influence() in this version")
        return fit.influence(work.model.groups, refit=True)

    return run


def _of_deletions(made: Peer) -> Callable[[Any], Answer]:
    """The fit, and the residual variances without each group."""

    def told(found: Any) -> Answer:
        return replace(made.answer(found.fit), variances=tuple(found.components[:, -1].tolist()))

    return told


def _one_by_one(patience: float) -> Callable[[Any], list[Any]]:
    """Fit one response after the other, as many as there is time for."""

    def run(again: Callable[[], Iterable[Any]]) -> list[Any]:
        until, found = time.perf_counter() + patience, []
        for fit in again():
            found.append(fit)
            if time.perf_counter() > until:
                break
        return found

    return run


def _of_batch(loglik: Callable[[Any], float]) -> Callable[[Any], Answer]:
    def told(fits: Any) -> Answer:
        if hasattr(fits, "deviance"):  # one object for all responses; nan where there is no fit
            values = np.nan_to_num(-0.5 * fits.deviance, nan=-np.inf).tolist()
        else:
            values = [float(loglik(fit)) for fit in fits]
        return Answer(values[0], logliks=tuple(values))

    return told


def _single(work: Workload, fits: Callable[[], Iterable[Any]]) -> Callable[[], Any]:
    """What to time for new responses: the only fit, or all of them one by one."""
    return fits if work.mode == "batch" else lambda: next(iter(fits()))


def _echelon(work: Workload) -> tuple[Peer, Any]:
    import echelon

    model = work.model
    options = {"method": "iterative"} if model.iterative else {}

    def plain(table: Any) -> Any:
        try:
            return echelon.lmer(model.formula, table, reml=model.reml, **options)
        except echelon.errors.UnknownArgument as error:
            raise NotAvailable(str(error).splitlines()[0]) from error

    def answer(fit: Any) -> Answer:
        lam, df = fit.optimum.lam, ()
        if work.mode == "df":
            df = fit.coefficients()["df"]
        variances = [fit.optimum.sigma2, *(fit.optimum.sigma2 * np.diagonal(lam @ lam.T))]
        se = np.sqrt(np.diagonal(fit.vcov()))
        return Answer.of(fit.loglik, fit.names, fit.optimum.beta, se, variances, df)

    def with_df(table: Any) -> Any:
        fit = plain(table)
        fit.coefficients()
        return fit

    def refit(table: Any, names: list[str]) -> Callable[[], Any]:
        fit, Y = plain(table), table[names].to_numpy(float)
        if not hasattr(fit, "refit"):
            raise NotAvailable("no refit() in this version")
        return lambda: fit.refit(Y if work.mode == "batch" else Y[:, 0])

    def ml(table: Any) -> Answer:
        fit = echelon.lmer(model.formula, table, reml=False, **options)
        return answer(fit)

    made = Peer(
        echelon.__version__,
        with_df if work.mode == "df" else plain,
        answer,
        lambda fit: fit.loglik,
        lambda fit: str(fit.summary()),
        forget=_forget_all,
        ml=ml,
    )
    return made, refit


def _forget_all() -> None:
    """Empty every cache in Echelon, as before the first fit of a process."""
    for name, module in list(sys.modules.items()):
        if name.startswith("echelon."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _glmm(work: Workload) -> tuple[Peer, Any]:
    import glmm

    model, df = work.model, work.mode in ("summary", "df")

    def fit(table: Any) -> Any:
        return glmm.fit(table, model.formula, reml=model.reml, satterthwaite=df)

    def refit(table: Any, names: list[str]) -> Callable[[], Any]:
        variables = re.findall(r"\w+", f"{model.fixed} {model.groups}")
        columns = {name: table[name] for name in variables[1:] if name in table}
        responses = [table[name].to_numpy() for name in names]
        return _single(work, lambda: (fit({variables[0]: y, **columns}) for y in responses))

    def answer(fitted: Any) -> Answer:
        effects = [v for block in fitted.varcorr for v in _diagonal(block)]
        variances = [fitted.dispersion, *effects]
        found = fitted.coef_df if work.mode == "df" else ()
        return Answer.of(fitted.loglik, fitted.names, fitted.beta, fitted.se, variances, found)

    return Peer(version("glmm"), fit, answer, lambda f: f.loglik, lambda f: str(f.summary())), refit


def _diagonal(packed: list[float]) -> list[float]:
    """The diagonal of a symmetric matrix given as the rows of its lower triangle."""
    places = np.cumsum(np.arange(1, len(packed) + 1)) - 1
    return [packed[i] for i in places if i < len(packed)]


def _mixedlm(work: Workload) -> tuple[Peer, Any]:
    import mixedlm

    model = work.model

    def plain(table: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mixedlm.lmer(model.formula, table, REML=model.reml)

    def with_df(table: Any) -> Any:
        fit = plain(table)
        return fit, mixedlm.satterthwaite_df(fit).df

    def answer(fitted: Any) -> Answer:
        fit, df = fitted if isinstance(fitted, tuple) else (fitted, ())
        parts = fit.VarCorr()
        effects = [v for group in parts.groups.values() for v in group.variance.values()]
        se = np.sqrt(np.diagonal(fit.vcov()))
        variances = [parts.residual, *effects]
        return Answer.of(fit.logLik().value, fit.fixef(), fit.beta, se, variances, df)

    def refit(table: Any, names: list[str]) -> Callable[[], Any]:
        fit, responses = plain(table), [table[name].to_numpy() for name in names]
        warnings.simplefilter("ignore")
        return _single(work, lambda: (fit.refit(y) for y in responses))

    fit = with_df if work.mode == "df" else plain
    made = Peer(
        mixedlm.__version__,
        fit,
        answer,
        lambda f: f.logLik().value,
        lambda f: str(f.summary()),
    )
    return made, refit


def _gpboost(work: Workload) -> tuple[Peer, Any]:
    import gpboost

    model = work.model
    names = re.findall(r"\w+", model.fixed.partition("~")[2])
    names = [name for name in names if name != "1"]
    groups = re.findall(r"\(1 \| ([\w:]+)\)", model.formula)
    how = "iterative" if model.iterative else "cholesky"  # its default is the former, with noise

    def fit(table: Any) -> Any:
        X = np.column_stack([np.ones(len(table)), *(_numbers(table[name]) for name in names)])
        codes = np.column_stack([_cells(table, group) for group in groups])
        fitted = gpboost.GPModel(
            group_data=codes, likelihood="gaussian", matrix_inversion_method=how
        )
        return fitted.fit(y=table[model.fixed.split()[0]].to_numpy(float), X=X)

    def answer(fitted: Any) -> Answer:
        beta = fitted.get_coef(format_pandas=False)
        variances = fitted.get_cov_pars(format_pandas=False)
        se = np.full(len(beta), 0.0)
        return Answer.of(loglik(fitted), ("(Intercept)", *names), beta, se, variances)

    def loglik(fitted: Any) -> float:
        return -fitted.get_current_neg_log_likelihood()

    return Peer(version("gpboost"), fit, answer, loglik), None


def _numbers(column: Any) -> np.ndarray:
    """A numeric column, or 0 and 1 for a factor of two levels."""
    codes = column.cat.codes if hasattr(column, "cat") else column
    return codes.to_numpy(float)


def _cells(table: Any, group: str) -> np.ndarray:
    """A code for every level of a factor or every cell of factors joined by colons."""
    cells = np.zeros(len(table), np.int64)
    for name in group.split(":"):
        column = table[name]
        codes = (column.cat.codes if hasattr(column, "cat") else column).to_numpy(np.int64)
        cells = cells * (codes.max() + 1) + codes
    return cells


def _statsmodels(work: Workload) -> tuple[Peer, Any]:
    import statsmodels
    import statsmodels.formula.api as smf
    from statsmodels.regression.mixed_linear_model import MixedLM

    model = work.model

    def fit(table: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows, components = table, model.components or {}
            if model.groups == "one":
                rows = rows.assign(one=1)
            elif components:  # as text, a group has columns for its own levels only
                rows = rows.assign(**{name: rows[name].astype(str) for name in components})
            options = {"vc_formula": dict(components)} if components else {}
            made = smf.mixedlm(
                model.fixed, rows, groups=model.groups, re_formula=model.effects, **options
            )
            return made.fit(reml=model.reml)

    def answer(fitted: Any) -> Answer:
        effects = [*np.diagonal(np.atleast_2d(fitted.cov_re)), *np.ravel(fitted.vcomp)]
        fixed = (fitted.fe_params.index, fitted.fe_params, fitted.bse_fe)
        return Answer.of(fitted.llf, *fixed, [fitted.scale, *effects])

    def refit(table: Any, names: list[str]) -> Callable[[], Any]:
        first = smf.mixedlm(model.fixed, table, groups=model.groups, re_formula=model.effects)
        design = (first.exog, first.groups, first.exog_re)
        responses = [table[name].to_numpy() for name in names]
        warnings.simplefilter("ignore")
        return _single(work, lambda: (MixedLM(y, *design).fit() for y in responses))

    def numbered(fitted: Any) -> Answer:  # a model of arrays has no names
        effects = np.diagonal(fitted.cov_re)
        fixed = (first_names, fitted.fe_params, fitted.bse_fe)
        return Answer.of(fitted.llf, *fixed, [fitted.scale, *effects])

    first_names = ("Intercept", *re.findall(r"\w+", model.fixed)[1:])
    tell = numbered if work.mode in ("refit", "batch") else answer
    made = Peer(statsmodels.__version__, fit, tell, lambda f: f.llf, lambda f: str(f.summary()))
    return made, refit
