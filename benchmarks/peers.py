"""The Python peers behind one face: fit a workload, tell the answer, print the summary."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fits are compared by: restricted log-likelihood; fixed effects by name; their SE."""

    loglik: float
    names: tuple[str, ...]
    beta: tuple[float, ...]
    se: tuple[float, ...]

    @classmethod
    def of(cls, loglik: Any, names: Iterable[str], beta: Any, se: Any) -> Answer:
        numbers = (tuple(np.asarray(values, float).tolist()) for values in (beta, se))
        return cls(float(loglik), tuple(names), *numbers)


@dataclass(frozen=True, slots=True)
class Peer:
    """`fit(table)`, `answer(fit)`, `text(fit)`; `forget()` empties what the peer remembers."""

    version: str
    fit: Callable[[Any], Any]
    answer: Callable[[Any], Answer]
    text: Callable[[Any], str]
    forget: Callable[[], None] = lambda: None


def peer(name: str, work: Workload) -> Peer:
    """A peer set up for a workload; the library is imported here."""
    known = {"echelon": _echelon, "glmm": _glmm, "mixedlm": _mixedlm, "statsmodels": _statsmodels}
    return known[name](work)


def _echelon(work: Workload) -> Peer:
    import echelon

    return Peer(
        echelon.__version__,
        lambda table: echelon.lmer(work.formula, table),
        lambda fit: Answer.of(
            fit.loglik, fit.names, fit.optimum.beta, np.sqrt(np.diagonal(fit.vcov()))
        ),
        lambda fit: str(fit.summary()),
        _forget_all,
    )


def _forget_all() -> None:
    """Empty every cache in Echelon, as before the first fit of a process."""
    for name, module in list(sys.modules.items()):
        if name.startswith("echelon."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _glmm(work: Workload) -> Peer:
    from importlib.metadata import version

    import glmm

    return Peer(
        version("glmm"),
        lambda table: glmm.fit(table, work.formula),
        lambda fit: Answer.of(fit.loglik, fit.names, fit.beta, fit.se),
        lambda fit: str(fit.summary()),
    )


def _mixedlm(work: Workload) -> Peer:
    import mixedlm

    return Peer(
        mixedlm.__version__,
        lambda table: mixedlm.lmer(work.formula, table),
        lambda fit: Answer.of(
            fit.logLik().value, fit.fixef(), fit.beta, np.sqrt(np.diagonal(fit.vcov()))
        ),
        lambda fit: str(fit.summary()),
    )


def _statsmodels(work: Workload) -> Peer:
    import statsmodels
    import statsmodels.formula.api as smf

    def fit(table: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = smf.mixedlm(work.fixed, table, groups=work.groups, re_formula=work.effects)
            return model.fit()

    return Peer(
        statsmodels.__version__,
        fit,
        lambda fit: Answer.of(fit.llf, fit.fe_params.index, fit.fe_params, fit.bse_fe),
        lambda fit: str(fit.summary()),
    )
