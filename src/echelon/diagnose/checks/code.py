"""What to type next: calls that fit the same model, changed."""

from __future__ import annotations

from echelon.model.fit import LmmFit, OlsFit


def quoted(text: str) -> str:
    """A formula or name as a Python string.

    >>> print(quoted("y ~ x"))
    "y ~ x"
    """
    return f'"{text}"' if '"' not in text else repr(text)


def formula_with(fit: LmmFit | OlsFit, *terms: str) -> str:
    """The formula of a fit with further terms."""
    return " + ".join([" ".join(fit.spec.formula.split()), *terms])


def call(fit: LmmFit | OlsFit, formula: str | None = None, **options: object) -> str:
    """A call that fits a formula, by default that of the fit, in the way the fit was made.

    Parameters
    ----------
    options : further arguments; reml= and residual= of the fit are kept, and a comment says where
        it had arguments that are not known by name any more
    """
    kept: dict[str, object] = {}
    if isinstance(fit, LmmFit):
        kept |= {} if fit.reml else {"reml": False}
        kept |= {} if fit.residual is None else {"residual": fit.residual.structure}
    kept |= options
    text = quoted(formula_with(fit) if formula is None else formula)
    more = "".join(
        f", {name}={quoted(value) if isinstance(value, str) else repr(value)}"
        for name, value in kept.items()
    )
    function = "ec.lmer" if isinstance(fit, LmmFit) else "ec.lm"
    return f"{function}({text}, data{more}){_as_before(fit)}"


def _as_before(fit: LmmFit | OlsFit) -> str:
    if fit.built is None:
        return ""
    given = ["precision="] if fit.built.design.precision is not None else []
    given += ["offset="] if fit.built.shift is not None else []
    return f"  # {' and '.join(given)} as before" if given else ""
