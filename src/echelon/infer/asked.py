"""Hypotheses as users give them: texts, weights by name, matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echelon.errors import DataError
from echelon.infer.anova.terms import fixed_terms
from echelon.infer.hypotheses import Hypotheses, hypotheses
from echelon.infer.names import Lexicon
from echelon.model.fit import LmmFit, OlsFit

Array = NDArray[np.float64]
Hypothesis: TypeAlias = str | Sequence[str] | Mapping[str, str | Mapping[str, float]] | ArrayLike
"""What may be tested: see `asked`."""


def lexicon(fit: LmmFit | OlsFit) -> Lexicon:
    """The names a hypothesis about a fit may use."""
    if fit.built is None:
        return Lexicon(fit.names, fit.dropped)
    terms = fixed_terms(fit)
    own = (
        (label, tuple(fit.names[j] for j in terms.own(i))) for i, label in enumerate(terms.names)
    )
    return Lexicon(fit.names, fit.dropped, tuple(term for term in own if term[0] not in fit.names))


def asked(fit: LmmFit | OlsFit, hypothesis: Hypothesis, rhs: ArrayLike | None) -> Hypotheses:
    """Linear hypotheses, however they were given.

    Parameters
    ----------
    hypothesis : text or texts, a mapping of labels to texts or to weights by name, a matrix (m, p)
    rhs : (m,) what weights or rows of a matrix are tested against; 0 without

    Raises
    ------
    FormulaError : a text that is not understood
    DataError : weights, or a matrix, that are not numbers or of another shape
    """
    if not isinstance(fit, LmmFit | OlsFit):
        raise DataError(
            f"contrast() takes a fit of lmer() or lm() first, then the hypothesis, as in "
            f'contrast(fit, "ses = 0"); given first was something of type {type(fit).__name__}.'
        )
    if isinstance(hypothesis, Mapping):
        return _mapped(fit, hypothesis, rhs)
    texts = _texts(hypothesis)
    if not texts:
        return _matrix(fit, hypothesis, rhs)
    if rhs is not None:
        raise DataError("rhs= goes with a matrix or weights; in a text write it after '='.")
    return _joined([hypotheses(text, lexicon(fit)) for text in texts])


def _texts(hypothesis: object) -> list[str]:
    """The texts, if it is one or a list of them; else nothing."""
    if isinstance(hypothesis, str):
        return [hypothesis]
    listed = list(hypothesis) if isinstance(hypothesis, list | tuple) else []
    return [item for item in listed if isinstance(item, str)] if _all_text(listed) else []


def _all_text(items: Sequence[object]) -> bool:
    return all(isinstance(item, str) for item in items)


def _joined(parts: Sequence[Hypotheses]) -> Hypotheses:
    if not parts:
        raise DataError("No hypothesis was given: write for example contrast('ses = 0').")
    return Hypotheses(
        tuple(label for part in parts for label in part.labels),
        np.vstack([part.L for part in parts]),
        np.concatenate([part.null for part in parts]),
    )


def _mapped(
    fit: LmmFit | OlsFit, given: Mapping[str, str | Mapping[str, float]], rhs: ArrayLike | None
) -> Hypotheses:
    """Labels with a text each, or with weights by name."""
    names, parts = lexicon(fit), []
    values = _values(rhs, len(given))
    for (label, what), value in zip(given.items(), values, strict=True):
        if isinstance(what, str):
            read = hypotheses(what, names)
            if len(read.labels) > 1 or rhs is not None:
                problem = "rhs= goes with weights" if rhs is not None else "more than one equation"
                raise DataError(f"{label!r}: {what!r}: {problem}. Give each label one equation.")
            parts.append(Hypotheses((str(label),), read.L, read.null))
            continue
        if not isinstance(what, Mapping):
            raise DataError(
                f"{label!r}: {what!r} is neither a text ('a = b') nor weights by name "
                "({'a': 1, 'b': -1}). With weights give {label: {name: weight, ...}}."
            )
        row = np.zeros((1, len(names.names)))
        for name, weight in what.items():
            row[0, names.place(name)] += _finite(weight, f"{label!r}: the weight of {name!r}")
        _check_rows(row, (str(label),))
        parts.append(Hypotheses((str(label),), row, np.array([value])))
    return _joined(parts)


def _finite(weight: object, what: str) -> float:
    try:
        value = float(weight)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise DataError(f"{what} is {weight!r}, which is no finite number.")
    return value


def _matrix(fit: LmmFit | OlsFit, given: object, rhs: ArrayLike | None) -> Hypotheses:
    """The rows of a matrix, each written out in names."""
    p = len(fit.names)
    try:
        L = np.atleast_2d(np.array([] if given is None else given, dtype=np.float64))
    except (TypeError, ValueError):
        raise DataError(
            "A hypothesis is a text ('ses = 0'), a list of texts, a mapping of labels to weights, "
            f"or a matrix with one column for each of the {p} fixed effects."
        ) from None
    if L.ndim != 2 or L.shape[1] != p or not len(L):
        raise DataError(
            f"The matrix has shape {L.shape}; it needs one column for each of the {p} "
            f"fixed effects: {', '.join(fit.names)}."
        )
    if not np.isfinite(L).all():
        raise DataError("The matrix holds values that are missing or infinite.")
    null = _values(rhs, len(L))
    labels = tuple(
        f"{_written(row, fit.names)} = {value:g}" for row, value in zip(L, null, strict=True)
    )
    _check_rows(L, labels)
    return Hypotheses(labels, L, null)


def _values(rhs: ArrayLike | None, m: int) -> Array:
    """(m,) values under test."""
    if rhs is None:
        return np.zeros(m)
    try:
        values = np.array(rhs, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("rhs= holds values that are not numbers.") from None
    if values.shape not in ((), (m,)) or not np.isfinite(values).all():
        raise DataError(f"rhs= needs one finite number for each of {m} hypotheses, or one for all.")
    return np.broadcast_to(values, (m,)).astype(np.float64)


def _check_rows(L: Array, labels: Sequence[str]) -> None:
    for row, label in zip(L, labels, strict=True):
        if not row.any():
            raise DataError(f"{label!r} tests nothing: all of its weights are zero.")


def _written(row: Array, names: Sequence[str]) -> str:
    """A row of L as a sum."""
    text = ""
    for weight, name in zip(row, names, strict=True):
        if weight:
            sign = (" - " if weight < 0 else " + ") if text else ("-" if weight < 0 else "")
            text += sign + ("" if abs(weight) == 1 else f"{abs(weight):.4g}*") + name
    return text
