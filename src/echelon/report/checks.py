"""What was checked of the model: verdicts with their evidence, and what to do."""

from __future__ import annotations

from echelon.diagnose.checks.run import Check, check_values
from echelon.model.fit import LmmFit
from echelon.report.markup import paragraph, safe, section, table_box
from echelon.show.diagnostics import check_table


def checks_section(fit: LmmFit) -> str:
    """Return the checks of a fit: what needs attention first, then what was found fine."""
    found = check_values(fit)
    box = table_box(check_table(found), "check")
    return section("checks", "Checks", [paragraph(_lead(found)), box])


def _lead(found: Check) -> str:
    """The verdicts in a sentence, the gravest named."""
    grave = [one.check for one in found.problems] or [one.check for one in found.looks]
    words = safe(found.summary)
    if not grave:
        return words
    kind = "problem" if found.problems else "worth a look"
    names = "; ".join(safe(name) for name in grave)
    return f"{words} <strong>{kind.capitalize()}: {names}.</strong>"
