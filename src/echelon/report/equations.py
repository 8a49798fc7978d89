"""The equations of a model at level 1, at level 2 and combined, in symbols and in numbers."""

from __future__ import annotations

from collections.abc import Iterator

from echelon.model.fit import LmmFit
from echelon.multilevel import equations
from echelon.report.markup import scrolling


def equations_block(fit: LmmFit) -> Iterator[str]:
    """Return the equations with a switch between symbols and estimates.

    The switch is two radio buttons that a style sheet reads, so it works without scripts, and
    paper shows both versions.
    """
    yield "<h3>Equations</h3>"
    yield '<fieldset class="equations">\n<legend>Show the equations with</legend>'
    for name, label, checked in (
        ("symbols", "symbols", " checked"),
        ("numbers", "estimated numbers", ""),
    ):
        yield (
            f'<input type="radio" name="equations" id="equations-{name}"{checked}> '
            f'<label for="equations-{name}">{label}</label>'
        )
    for name, numbers in (("symbols", False), ("numbers", True)):
        math = equations(fit, numbers=numbers).mathml
        box = scrolling(math, f"Equations in {name}", kind=f"shown {name}")
        yield box
    yield "</fieldset>"
