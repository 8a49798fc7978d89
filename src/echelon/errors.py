"""Everything that can go wrong, one class a kind; each is also the built-in the caller expects.

A message says what was found, where, and what to do next, and offers the nearest valid name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_LISTED = 12  # names quoted in full before a list is cut with an ellipsis


class EchelonError(Exception):
    """The base of every error Echelon raises on purpose."""


class EchelonWarning(UserWarning):
    """A reported number may be wrong; the text says which and what to do."""


class DataError(EchelonError, ValueError):
    """The data cannot be used as they are: wrong kind, infinite, empty, inconsistent."""


class FormulaError(EchelonError, ValueError):
    """A formula that is not understood; shows the formula with a caret under the piece.

    Parameters
    ----------
    message : what is wrong and what to do
    formula : the formula as typed
    span : (start, end) positions of the offending piece in `formula`
    """

    def __init__(
        self, message: str, formula: str = "", span: tuple[int, int] | None = None
    ) -> None:
        self.formula, self.span = formula, span
        if formula and span is not None:
            start, end = span
            caret = " " * start + "^" * max(1, end - start)
            message = f"{message}\n    {formula}\n    {caret}"
        super().__init__(message)


class UnknownColumn(EchelonError, LookupError):
    """A name that is no column of the table."""

    def __init__(self, name: str, columns: Iterable[str], where: str, caret: str = "") -> None:
        self.name = name
        hint = nearest_hint(name, list(columns), "Columns")
        text = f"No column {name!r} (used in {where}).{hint or ' There are none.'}"
        super().__init__(f"{text}\n{caret}" if caret else text)

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownOption(EchelonError, ValueError):
    """An option value that is not one of those offered."""

    def __init__(
        self, option: str, value: object, choices: Sequence[str], instead: str = ""
    ) -> None:
        hint = f" {instead}" if instead else nearest_hint(str(value), list(choices), "Choose from")
        super().__init__(f"{option}={value!r} is not known.{hint}")


class UnknownArgument(EchelonError, TypeError):
    """An option that a function does not have."""

    def __init__(self, function: str, name: str, known: Sequence[str], instead: str = "") -> None:
        hint = f" {instead}" if instead else nearest_hint(name, known, "Options")
        super().__init__(f"{function}() has no option {name}=.{hint}")


class WrongCall(EchelonError, TypeError):
    """A call that lacks an argument, or gives more by position than there are."""

    def __init__(
        self, function: str, problem: str, positions: Sequence[str], names: Sequence[str]
    ) -> None:
        ways = [
            f"{how}: {', '.join(some)}"
            for how, some in (("By position it takes", positions), ("By name", names))
            if some
        ]
        super().__init__(f"{function}(): {problem}. {'. '.join(ways) or 'It takes none'}.")


class NotIdentified(EchelonError, ValueError):
    """The data hold too little to estimate the model: one group, one row a group, a perfect fit."""


class NeedsRows(EchelonError, TypeError):
    """What was asked needs single rows, and this fit was made from summaries."""


class NotYetSupported(EchelonError, NotImplementedError):
    """A model that is understood but cannot be fitted by this version."""


class MissingDependency(EchelonError, ImportError):
    """An optional library is needed; says the command that installs it.

    `extra` is the extra of this library that brings it, "" where it is installed by itself.
    """

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        command = f"'echelon[{extra}]'" if extra else library
        super().__init__(
            f"{purpose} needs the library {library!r}. Install it with: pip install {command}"
        )


class FileFormatError(EchelonError, OSError):
    """A file that cannot be read or written as asked."""


def nearest_hint(name: str, names: Sequence[str], otherwise: str) -> str:
    """Return " Did you mean 'x'?" or the list of valid names, ready to append to a message.

    >>> nearest_hint("schol", ["score", "school"], "Columns")
    " Did you mean 'school'?"
    """
    lowered = {n.lower(): n for n in names}
    near = difflib.get_close_matches(str(name).lower(), list(lowered), n=1)
    if near:
        return f" Did you mean {lowered[near[0]]!r}?"
    shown = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    return f" {otherwise}: {shown}." if names else ""


class TooLarge(EchelonError, MemoryError):
    """The exact method would need more memory than is sensible; the message names the other way."""


class NoConvergence(EchelonError, ArithmeticError):
    """An iteration did not end; the message says what makes it hard and what to use instead."""
