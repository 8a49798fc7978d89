"""What the numbers mean, what to know about this fit, and how to cite it."""

from __future__ import annotations

import platform
from datetime import date

import numpy as np
import scipy

from echelon import __version__
from echelon.model.fit import LmmFit
from echelon.model.iterative import probes_used
from echelon.model.notes import notes
from echelon.report.inference import Inference
from echelon.report.markup import bullets, code, entries, facts, paragraph, safe, section
from echelon.report.term_tests import has_terms
from echelon.show.words import conventions


def keys_of(fit: LmmFit, shown: Inference | None = None) -> set[str]:
    """Return which quantities stand on the page of a fit.

    Parameters
    ----------
    shown : how fixed effects are tested and intervals found; None for the fit's own way
    """
    more = set() if shown is None else shown.keys
    own = "robust" not in more  # degrees of freedom are the fit's method's
    tested = fit.verdict.status != "failed"
    one = len(fit.factors) == 1
    kinds = [group.effects for group in fit.moments.groups]
    intercept = one and "(Intercept)" in kinds[0]
    means = kinds == [("(Intercept)",)] and fit.names == ("(Intercept)",)
    asked = {
        "intercept": intercept,
        "unpacked": intercept,
        "one": one,
        "several": not one,
        "slopes": any(effects != ("(Intercept)",) for effects in kinds),
        "icc": one,
        "means": means,
        "posterior": not means,
        "chi2": one,
        "explained": len(fit.names) > 1,
        "r2": len(fit.names) > 1,
        "precision": fit.built is not None and fit.built.design.precision is not None,
        "satterthwaite": own and fit.df_method == "satterthwaite",
        "kenward-roger": own and fit.df_method == "kenward-roger",
        "between-within": own and fit.df_method == "between-within",
        "anova": tested and has_terms(fit),
        "ranova": tested and probes_used(fit) is None,
        "reml": fit.reml,
        "ml": not fit.reml,
    }
    return {"always", *more, *(key for key, wanted in asked.items() if wanted)}


def glossary_section(fit: LmmFit, shown: Inference | None = None) -> str:
    """Return what each number means: a few lines and a formula each."""
    found = entries("glossary.html", keys_of(fit, shown))
    return section("meaning", "What each number means", [f"<dl>\n{found}</dl>"])


def notes_section(fit: LmmFit, shown: Inference | None = None) -> str:
    """Return the guard rails and the conventions of the numbers."""
    found = notes(fit)
    rails = (
        bullets(safe(note) for note in found)
        if found
        else paragraph("Nothing about this fit calls for particular care.")
    )
    always = (
        "Intervals and tests take the form of the model as given: linear effects, normal "
        "distributions, one residual variance. The figures are the place to doubt it.",
        "A coefficient is a difference between rows or groups that differ in a predictor. It is an "
        "effect of that predictor only under assumptions that no table can check.",
    )
    said = (*conventions(fit, "" if shown is None else shown.tests), *always)
    parts = [rails, "<h3>Conventions</h3>", bullets(safe(x) for x in said)]
    return section("notes", "Notes", parts)


def cite_section(fit: LmmFit, shown: Inference | None = None) -> str:
    """Return how to cite the program and the methods, with a sentence to copy."""
    today = date.today()
    method = "restricted maximum likelihood" if fit.reml else "maximum likelihood"
    sentence = (
        f"We fitted a multilevel model of {safe(fit.response)} ({code(_formula(fit))}) by {method} "
        f"with Echelon {__version__} (The Echelon developers, {today.year}), which uses the "
        f"profiled deviance of Bates et al. (2015), with {safe(_tests(fit, shown))}; empirical "
        "Bayes estimates and reliabilities follow Raudenbush and Bryk (2002)."
    )
    own = (
        f"<li>The Echelon developers ({today.year}). <cite>Echelon: Multilevel models for Python"
        f"</cite> (version {__version__}) [Computer software].</li>\n"
    )
    references = entries("references.html", keys_of(fit, shown))
    parts = [
        paragraph("A sentence for the methods section, with its references:"),
        f"<blockquote>{paragraph(sentence)}</blockquote>",
        f'<ul class="references prose">\n{own}{references}</ul>',
    ]
    return section("cite", "How to cite", parts)


_ROBUST = {
    "CR0": "cluster-robust standard errors (CR0; Liang & Zeger, 1986)",
    "CR1": "cluster-robust standard errors (CR1; Liang & Zeger, 1986)",
    "CR1S": "cluster-robust standard errors (CR1S; Liang & Zeger, 1986)",
    "CR2": "cluster-robust standard errors (CR2; Bell & McCaffrey, 2002) and their "
    "Satterthwaite degrees of freedom (Pustejovsky & Tipton, 2018)",
}
_INTERVALS = {
    "profile": ", and intervals by profile likelihood (Venzon & Moolgavkar, 1988)",
    "bootstrap": ", and bootstrap intervals (Davison & Hinkley, 1997)",
}


def _tests(fit: LmmFit, shown: Inference | None) -> str:
    """How tests and intervals were made, with their sources."""
    if shown is None or not shown.correction:
        tests = {
            "satterthwaite": "degrees of freedom by Satterthwaite’s method (Kuznetsova et al., "
            "2017)",
            "kenward-roger": "standard errors and degrees of freedom of Kenward and Roger (1997)",
            "between-within": "between-within degrees of freedom (Raudenbush & Bryk, 2002)",
            "none": "normal approximations for tests and intervals",
        }[fit.df_method]
    else:
        tests = _ROBUST[shown.correction]
    return tests + ("" if shown is None else _INTERVALS.get(shown.means, ""))


def versions_section(fit: LmmFit) -> str:
    """Return what the report was made with, for whoever repeats it."""
    pairs = [
        ("Echelon", __version__),
        ("Python", platform.python_version()),
        ("NumPy", np.__version__),
        ("SciPy", scipy.__version__),
        ("Date", date.today().isoformat()),
        ("Formula", code(_formula(fit))),
    ]
    return section("versions", "Versions", [facts(pairs)])


def _formula(fit: LmmFit) -> str:
    return " ".join(fit.spec.formula.split())
