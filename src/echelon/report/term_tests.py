"""Tests of whole terms: the fixed ones by F, the random ones by likelihood ratio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from echelon.errors import EchelonError
from echelon.infer.anova import Anova, anova_values
from echelon.infer.likelihood import TermTests, random_term_tests
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit
from echelon.report.markup import code, counted, paragraph, safe, section, table_box
from echelon.show.hypotheses import anova_table
from echelon.show.likelihood import term_tests_table

_LEVEL = 0.05
_NAMED = 6  # terms told by name; more are counted
_FAILED = "The fit did not converge, so nothing is tested."


def tests_section(fit: LmmFit, *, robust: str | None = None, cluster: Cluster = None) -> str:
    """Return the tests of fixed and random terms, each with a sentence of what it says.

    Parameters
    ----------
    robust, cluster : cluster-robust tests of the fixed terms
    """
    if fit.verdict.status == "failed":
        return section("tests", "Tests", [paragraph(_FAILED)])
    parts = [*_fixed(fit, robust, cluster), *_random(fit)]
    return section("tests", "Tests", parts)


def has_terms(fit: LmmFit) -> bool:
    """Whether the fixed part has terms to test beyond the constant."""
    return any(name != "(Intercept)" for name in fit.names)


def _fixed(fit: LmmFit, robust: str | None, cluster: Cluster) -> list[str]:
    if not has_terms(fit):
        return []
    try:
        found = anova_values(fit, robust=robust, cluster=cluster)
    except EchelonError as reason:
        return ["<h3>Fixed terms</h3>", paragraph(f"Not tested: {safe(reason)}")]
    table = anova_table(found, stars=False)
    return [f"<h3>{safe(table.title)}</h3>", paragraph(_of_fixed(found)), table_box(table, "anova")]


def _random(fit: LmmFit) -> list[str]:
    heading = "<h3>Likelihood-ratio tests of the random terms</h3>"
    try:
        found = random_term_tests(fit)
    except EchelonError as reason:
        return [heading, paragraph(f"Not tested: {safe(reason)}")]
    table = term_tests_table(found, stars=False)
    return [heading, paragraph(_of_random(found)), table_box(table, "ranova")]


def _of_fixed(found: Anova) -> str:
    """What the tests of the fixed terms ask and say."""
    tested = np.isfinite(found.p_value)
    names = [name for name, known in zip(found.names, tested.tolist(), strict=True) if known]
    asked = "Would the model do as well without a term, all other terms kept?"
    open_ = "that does not show that {} no effect"
    return " ".join([asked, *_verdicts(names, found.p_value[tested], "", open_)])


def _of_random(found: TermTests) -> str:
    """What the tests of the random terms ask and say, by the mixture where it is known."""
    p = np.where(np.isfinite(found.p_mixture), found.p_mixture, found.p_value)
    tested = np.isfinite(p)
    names = [name for name, known in zip(found.terms, tested.tolist(), strict=True) if known]
    asked = "Would a model with less of a random term fit as well?"
    known = np.isfinite(found.p_mixture[tested])
    by = "by the mixture" + ("" if known.all() else " where it is known")
    by = by if known.any() else "by chi-square, which is rough here"
    open_ = "that does not show that {} no variance"
    return " ".join([asked, *_verdicts(names, p[tested], f", {by}", open_)])


def _verdicts(names: Sequence[str], p: NDArray[np.float64], by: str, undecided: str) -> list[str]:
    """Which terms the data ask for, and for which they do not decide."""
    needed = [name for name, q in zip(names, p.tolist(), strict=True) if q < _LEVEL]
    open_ = [name for name, q in zip(names, p.tolist(), strict=True) if q >= _LEVEL]
    said = []
    if needed:
        said.append(f"The data speak against leaving out {_listed(needed)} (p &lt; .05{by}).")
    if open_:
        word = "They" if needed else "The data"
        also = "" if needed else f" (p ≥ .05{by})"
        said.append(
            f"{word} do not speak against leaving out {_listed(open_)}{also}; "
            f"{undecided.format('it has' if len(open_) == 1 else 'they have')}."
        )
    return said


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence, or how many there are."""
    if len(names) > _NAMED:
        return counted(len(names), "term", "terms")
    shown = [code(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
