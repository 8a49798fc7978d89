"""Names of fixed effects as users write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from echelon.errors import FormulaError, nearest_hint

_CODING = re.compile(r"\[[TSH]\.")
_WORD = re.compile(r"[\w.]")
_OPENS, _CLOSES = "([{", ")]}"
_ENDS = set("+-*/=<>,;!~|")
_SPACED = re.compile(r"\s+|(?<=[,(\[:])|(?=[,)\]:])")
"""Where blanks may be or not be: "poly(x,2)1" is "poly(x, 2)1"."""


@dataclass(frozen=True)
class Lexicon:
    """The fixed effects of a model and what else they may be called.

    Attributes
    ----------
    names : (p,) fixed effects
    dropped : columns left out of the model because they depend on others
    terms : factors in the model with the fixed effects that belong to each alone
    """

    names: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @cached_property
    def _exact(self) -> list[tuple[re.Pattern[str], int]]:
        """A pattern for each name that can be told from arithmetic, the longest first."""
        order = sorted(range(len(self.names)), key=lambda i: -len(self.names[i]))
        return [(_pattern(self.names[i]), i) for i in order if _is_one_piece(self.names[i])]

    @cached_property
    def _loose(self) -> dict[str, list[int]]:
        """Places by the name without the mark of its coding and the order of its parts."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            found.setdefault(_plain(name), []).append(place)
        return found

    def at(self, text: str, at: int) -> tuple[int, int] | None:
        """The name that begins at a place of a text, as its number and its end; None if none does.

        Raises
        ------
        FormulaError : a name in backticks, or one with brackets or colons, that is not known; a
            factor with several coefficients; a column that was left out of the model
        """
        if text[at] == "`":
            return self._ticked(text, at)
        for pattern, place in self._exact:
            found = pattern.match(text, at)
            if found is not None and not self.word_goes_on(text, found.end()):
                return place, found.end()
        end = _end_of_name(text, at)
        if end == at or not _WORD.match(text[at]):
            return None
        return self.place(text[at:end].rstrip(), text, at), at + len(text[at:end].rstrip())

    def place(self, name: str, text: str = "", at: int = 0) -> int:
        """The number of a name, whatever the mark of its coding and the order of its parts.

        Raises
        ------
        FormulaError : as `at`
        """
        if name in self.names:
            return self.names.index(name)
        found = self._loose.get(_plain(name), [])
        if len(found) == 1:
            return found[0]
        own = next((mine for term, mine in self.terms if _plain(term) == _plain(name)), ())
        if len(own) == 1:
            return self.names.index(own[0])
        raise self._not_one(name, own, [self.names[i] for i in found], text or name, at)

    def _ticked(self, text: str, at: int) -> tuple[int, int]:
        end = text.find("`", at + 1)
        if end < 0:
            raise FormulaError("This backtick is not closed.", _line(text), (at, at + 1))
        stop = _end_of_name(text, end + 1) if text[end + 1 : end + 2] in (":", "[") else end + 1
        name = text[at:stop].replace("`", "").rstrip()
        return self.place(name, text, at), stop

    def word_goes_on(self, text: str, end: int) -> bool:
        """Whether a name would go on here: a letter, a digit, a bracket or a colon follows."""
        return end < len(text) and bool(_WORD.match(text[end]) or text[end] in "([:`")

    def unknown(self, text: str, at: int) -> FormulaError:
        """The error for a character that begins nothing."""
        message = f"The character {text[at]!r} is not part of a hypothesis."
        return FormulaError(message, _line(text), (at, at + 1))

    def _not_one(
        self, name: str, own: Sequence[str], several: Sequence[str], text: str, at: int
    ) -> FormulaError:
        span = (at, at + len(name))
        if several:
            message = f"{name!r} may be {' or '.join(several)}: write one of them."
        elif name in self.dropped:
            message = (
                f"{name!r} is not in the model: it was left out because it is a combination of "
                "columns before it, so the data say nothing of it."
            )
        elif own:
            message = (
                f"{name!r} has {len(own)} coefficients: {', '.join(own)}. Test them one by one, "
                f"all at once as '{', '.join(own)}', or with anova()."
            )
        else:
            known = [*self.names, *(_CODING.sub("[", n) for n in self.names)]
            near = nearest_hint(name, list(dict.fromkeys(known)), "")
            listed = ", ".join(self.names[:12]) + (", ..." if len(self.names) > 12 else "")
            hint = near if near.startswith(" Did") else f" Fixed effects: {listed or 'none'}."
            message = f"{name!r} is no fixed effect of this model.{hint}"
        return FormulaError(message, _line(text), span)


def _plain(name: str) -> str:
    """A name without blanks, backticks, marks of coding and the order of its parts."""
    parts = _parts(_CODING.sub("[", name.replace("`", "")))
    return ":".join(sorted("".join(part.split()) for part in parts))


def _parts(name: str) -> list[str]:
    """The parts of an interaction: cut at colons outside of brackets."""
    parts, depth = [""], 0
    for char in name:
        depth += (char in _OPENS) - (char in _CLOSES)
        if char == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _pattern(name: str) -> re.Pattern[str]:
    pieces = [re.escape(piece) for piece in _SPACED.split(name)]
    return re.compile(r"\s*".join(pieces))


def _is_one_piece(name: str) -> bool:
    """Whether a name holds no arithmetic outside of brackets, and may go without backticks."""
    return bool(name) and not name[0].isdigit() and _end_of_name(name, 0) == len(name)


def _end_of_name(text: str, at: int) -> int:
    """Where arithmetic, or a separator, follows outside of brackets."""
    depth, end, ticked = 0, at, False
    while end < len(text):
        char = text[end]
        ticked ^= char == "`"
        if depth == 0 and not ticked and (char in _ENDS or char in _CLOSES or char in "\n\r"):
            break
        depth += (char in _OPENS) - (char in _CLOSES)
        end += 1
    return end


def _line(text: str) -> str:
    """The text with line breaks as blanks, so that a caret points where it should."""
    return re.sub(r"[\n\r\t]", " ", text)
