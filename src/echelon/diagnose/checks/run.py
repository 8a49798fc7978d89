"""All checks of a fit, in the order of a reader's questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from echelon.data import Values, to_native
from echelon.diagnose.checks.data import data_findings
from echelon.diagnose.checks.fixed import (
    collinearity_findings,
    contextual_findings,
    linearity_findings,
)
from echelon.diagnose.checks.influence import influence_findings
from echelon.diagnose.checks.level1 import level1_findings
from echelon.diagnose.checks.level2 import level2_findings
from echelon.diagnose.checks.model import random_part_findings, search_findings
from echelon.diagnose.finding import VERDICTS, Finding, Verdict
from echelon.errors import DataError, NeedsRows, NotIdentified, NotYetSupported
from echelon.model.fit import LmmFit, OlsFit


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Check:
    """What was checked of a fit.

    Attributes
    ----------
    fit : the fit
    findings : in the order of the checks
    """

    fit: LmmFit | OlsFit
    findings: tuple[Finding, ...]

    def with_verdict(self, *verdicts: Verdict) -> tuple[Finding, ...]:
        """The findings with these verdicts."""
        return tuple(one for one in self.findings if one.verdict in verdicts)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What makes some of the results not mean what they say."""
        return self.with_verdict("problem")

    @property
    def looks(self) -> tuple[Finding, ...]:
        """What is worth a look."""
        return self.with_verdict("look")

    @property
    def sorted(self) -> tuple[Finding, ...]:
        """Problems first, then what is worth a look, what is fine, what was not checked."""
        return tuple(one for verdict in VERDICTS for one in self.with_verdict(verdict))

    @property
    def summary(self) -> str:
        """The verdicts in one sentence."""
        counts = [len(self.with_verdict(verdict)) for verdict in VERDICTS]
        words = (
            f"{counts[0]} problem{'s' if counts[0] != 1 else ''}",
            f"{counts[1]} worth a look",
            f"{counts[2]} fine",
            f"{counts[3]} not checked",
        )
        shown = [text for text, n in zip(words, counts, strict=True) if n]
        return f"{len(self.findings)} checks: {', '.join(shown)}."


def check_values(fit: LmmFit | OlsFit) -> Check:
    """Run every check that applies; see `Check`."""
    found = [*search_findings(fit), *data_findings(fit)]
    if isinstance(fit, LmmFit):
        found += random_part_findings(fit)
    found += _tried(fit, "Linearity", linearity_findings)
    if isinstance(fit, LmmFit):
        found += _tried(fit, "Same slope within and between groups", contextual_findings)
    found += collinearity_findings(fit)
    found += _tried(fit, "Residuals", level1_findings)
    if isinstance(fit, LmmFit):
        found += level2_findings(fit)
    found += _tried(fit, "Influence of single rows and groups", influence_findings)
    return Check(fit, tuple(found))


def _tried(
    fit: LmmFit | OlsFit, check: str, findings: Callable[..., list[Finding]]
) -> list[Finding]:
    """Findings, or why there are none."""
    try:
        return findings(fit)
    except (NeedsRows, NotYetSupported, NotIdentified, DataError) as error:
        return [Finding(check, "model", "not checked", str(error))]


def check_frame(found: Check) -> object:
    """The findings as a table in the caller's dataframe library.

    Returns
    -------
    table: check, where, verdict, evidence, remedy, code; problems first
    """
    rows = found.sorted
    columns: dict[str, Values] = {
        "check": [one.check for one in rows],
        "where": [one.where for one in rows],
        "verdict": [one.verdict for one in rows],
        "evidence": [one.evidence for one in rows],
        "remedy": [one.remedy for one in rows],
        "code": [one.code for one in rows],
    }
    return to_native(columns, found.fit.source.backend)
