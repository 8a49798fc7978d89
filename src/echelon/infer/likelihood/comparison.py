"""`ec.anova(m0, m1, ...)`: models of the same data, each tested against the next smaller one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from echelon.data import Values, to_native
from echelon.errors import DataError
from echelon.infer.criteria import Criteria, criteria
from echelon.infer.likelihood.fitted import by_ml, fitted
from echelon.infer.likelihood.ratio import Ratio, ratio
from echelon.infer.likelihood.same_data import check_same_data, plain_moments
from echelon.infer.likelihood.words import comparison_notes
from echelon.model.fit import LmmFit, OlsFit
from echelon.tolerances import SAME_DATA

Array = NDArray[np.float64]
Fit = LmmFit | OlsFit
_LONG = 40  # characters; longer formulas stand in the notes


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Models by increasing number of parameters, arrays of length m.

    Attributes
    ----------
    models : names;  formulas : what each is
    parameters : fixed effects + variance parameters + residual variance
    aic, bic, loglik, deviance : as compared, so of the refits where there were any
    chi_square : twice the gain in log-likelihood over the model before; nan for the first
    df : further parameters;  p_value : upper tail of chi-square(df), nan where there is no test
    p_mixture : upper tail of the mixture that holds where a variance is tested, nan elsewhere
    mixtures : the mixtures in words, "" where there is none
    restricted : whether log-likelihoods are restricted (REML)
    refitted : names of the models refitted by maximum likelihood
    notes : what a reader should know, one sentence each
    backend : the first caller's dataframe library
    """

    models: tuple[str, ...]
    formulas: tuple[str, ...]
    parameters: NDArray[np.intp]
    aic: Array
    bic: Array
    loglik: Array
    deviance: Array
    chi_square: Array
    df: Array
    p_value: Array
    p_mixture: Array
    mixtures: tuple[str, ...]
    restricted: bool
    refitted: tuple[str, ...]
    notes: tuple[str, ...]
    backend: str


def comparison_frame(found: Comparison) -> object:
    """The comparison as a table in the caller's dataframe library.

    Returns
    -------
    one row a model: model, formula, parameters, aic, bic, loglik, deviance, chi_square, df,
    p_value, p_mixture
    """
    columns: dict[str, Values] = {
        "model": list(found.models),
        "formula": list(found.formulas),
    }
    for name in ("parameters", "aic", "bic", "loglik", "deviance"):
        columns[name] = getattr(found, name)
    for name in ("chi_square", "df", "p_value", "p_mixture"):
        columns[name] = getattr(found, name)
    return to_native(columns, found.backend)


def compare_likelihoods(
    fits: Sequence[Fit], *, names: Sequence[str] | None = None, refit: bool | None = None
) -> Comparison:
    """Likelihood-ratio tests of models, each against the next smaller one.

    Parameters
    ----------
    names : of the models; None for their formulas where these are short, else "Model 1", ...
    refit : True to refit all REML fits by ML (lme4's default); False to compare them as fitted;
        None to refit only where REML likelihoods cannot be compared

    Raises
    ------
    DataError : fewer than two models; different responses or rows; refit=False for REML
        likelihoods of different fixed parts, or for REML beside ML

    Notes
    -----
    `lrt`; wilks1938, pinheiro2000 (sec. 2.4). Mixtures: `mixture-one`.
    """
    given = list(fits)
    labels = _labels(given, names)
    check_same_data(given, labels)
    to_ml = _refit(given, labels, refit)
    refitted = tuple(
        name for fit, name in zip(given, labels, strict=True) if to_ml and _restricted(fit)
    )
    used = [by_ml(fit) if to_ml and isinstance(fit, LmmFit) else fit for fit in given]
    values = [criteria(fit) for fit in used]
    order = sorted(range(len(used)), key=lambda i: values[i].parameters)  # stable, as lme4
    used, values = [used[i] for i in order], [values[i] for i in order]
    models = tuple(labels[i] for i in order)
    ratios = [ratio(fitted(b), fitted(a)) for a, b in pairwise(used)]
    return _gathered(models, used, values, ratios, refitted)


def _gathered(
    models: tuple[str, ...],
    used: list[Fit],
    values: list[Criteria],
    ratios: list[Ratio],
    refitted: tuple[str, ...],
) -> Comparison:
    restricted = any(map(_restricted, used))
    tested = [r.chi_square if r.df > 0 else np.nan for r in ratios]
    return Comparison(
        models=models,
        formulas=tuple(map(_formula, used)),
        parameters=np.array([v.parameters for v in values], dtype=np.intp),
        aic=np.array([v.aic for v in values]),
        bic=np.array([v.bic for v in values]),
        loglik=np.array([v.loglik for v in values]),
        deviance=np.array([v.deviance for v in values]),
        chi_square=np.array([np.nan, *tested]),
        df=np.array([np.nan, *(float(r.df) for r in ratios)]),
        p_value=np.array([np.nan, *(r.p_value for r in ratios)]),
        p_mixture=np.array([np.nan, *(r.p_mixture for r in ratios)]),
        mixtures=("", *("" if r.mixed is None else str(r.mixed) for r in ratios)),
        restricted=restricted,
        refitted=refitted,
        notes=comparison_notes(models, used, ratios, refitted, restricted=restricted),
        backend=used[0].source.backend,
    )


def _restricted(fit: Fit) -> bool:
    return isinstance(fit, LmmFit) and fit.reml


def _labels(fits: list[Fit], names: Sequence[str] | None) -> list[str]:
    """The names given, or formulas; "Model 1", ... where these are long or repeat."""
    for fit in fits:
        if not isinstance(fit, LmmFit | OlsFit):
            hint = " Unpack it: anova(*fits)." if isinstance(fit, list | tuple) else ""
            raise DataError(
                "anova() compares fits of lmer() and lm(), and was given something of type "
                f"{type(fit).__name__}.{hint}"
            )
    if len(fits) < 2:
        raise DataError("anova() compares two models or more.")
    if names is not None:
        if isinstance(names, str) or len(names) != len(fits):
            raise DataError(f"names= needs one name for each of the {len(fits)} models.")
        return list(map(str, names))
    made = [_formula(fit) for fit in fits]
    if len(set(made)) == len(made) and max(map(len, made)) <= _LONG:
        return made
    return [f"Model {i + 1}" for i in range(len(fits))]


def _formula(fit: Fit) -> str:
    """The formula, and the residual structure where there is one."""
    text = " ".join(fit.spec.formula.split())
    if isinstance(fit, LmmFit) and fit.residual is not None:
        return f"{text}, residual {fit.residual.structure}"
    return text


def _refit(fits: list[Fit], names: list[str], asked: bool | None) -> bool:
    """Whether REML fits are refitted by ML.

    Raises
    ------
    DataError : they must be, and `asked` is False
    """
    restricted = [_restricted(fit) for fit in fits]
    if asked is True or not any(restricted):
        return asked is True
    if not all(restricted):
        if asked is False:
            raise DataError(
                f"{names[restricted.index(True)]} was fitted by REML and "
                f"{names[restricted.index(False)]} by maximum likelihood: their likelihoods cannot "
                "be compared. Leave refit= out, and all are compared by maximum likelihood."
            )
        return True
    other = next((i for i, fit in enumerate(fits) if not _same_fixed(fits[0], fit)), None)
    if other is not None and asked is False:
        raise DataError(
            f"The fixed parts of {names[0]} and {names[other]} differ, so their REML likelihoods "
            "cannot be compared. Leave refit= out, and both are refitted by maximum likelihood."
        )
    return other is not None


def _same_fixed(one: Fit, other: Fit) -> bool:
    """Whether two models have the same fixed columns: REML depends on their units too."""
    if one.names != other.names:
        return False
    a, b = plain_moments(one), plain_moments(other)
    at = [a.columns.index(name) for name in one.names]
    to = [b.columns.index(name) for name in other.names]
    first, second = a.cross[np.ix_(at, at)], b.cross[np.ix_(to, to)]
    scale = np.sqrt(np.outer(np.diagonal(first), np.diagonal(first)))
    return bool((np.abs(first - second) <= SAME_DATA * scale).all())
