"""The report: one HTML page that holds all it needs and loads nothing."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from os import PathLike
from pathlib import Path
from string import Template

import numpy as np

from echelon import __version__
from echelon.infer.robust.clusters import Cluster
from echelon.model.fit import LmmFit
from echelon.multilevel import group_values
from echelon.report.checks import checks_section
from echelon.report.data import data_section
from echelon.report.figures import figures_section
from echelon.report.further import Result, further_section, results_of
from echelon.report.groups import groups_section
from echelon.report.inference import Asked, Inference, inference_of
from echelon.report.markup import paragraph, safe, section, template
from echelon.report.model import model_section
from echelon.report.summary import summary_paragraph
from echelon.report.term_tests import tests_section
from echelon.report.words import cite_section, glossary_section, notes_section, versions_section
from echelon.show import atomic, table_style

_HEADING = re.compile(r'<section[^>]* id="([^"]+)"[^>]*>\n<h2[^>]*>(.*?)</h2>')


def report(
    fit: LmmFit,
    path: str | PathLike[str],
    *,
    title: str | None = None,
    also: Result | Sequence[Result] | None = None,
    robust: str | None = None,
    cluster: Cluster = None,
    intervals: Asked = "wald",
    n: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> Path:
    """Write a fit as one self-contained HTML page.

    Parameters
    ----------
    path : the file, written whole or not at all
    title : heading of the page; None for one made from the response and the groups
    also : a further result to show, or a list of them: anything with a table, such as
        `fit.emmeans("sector")`, its `.contrasts()`, `fit.profile()`, `ec.anova(m0, m1)`; with its
        figure where it has one
    robust, cluster : cluster-robust standard errors beside those of the model, and tests by them,
        as `coefficients` takes them
    intervals : of fixed effects, standard deviations and correlations: "wald" (fixed effects only),
        "profile" or "bootstrap"; or a `fit.profile()` or `fit.bootstrap()` that has been made
    n, rng : replicates (1,000 without) and seed of the bootstrap

    Returns
    -------
    Path : the file

    Raises
    ------
    FileFormatError : the file cannot be written; an older file is left as it was
    NotYetSupported : intervals that this model does not have
    DataError, UnknownOption : a further result without a table; options that are not known, or do
        not go together

    Notes
    -----
    The page loads nothing from anywhere: tables, figures, styles and its one script are inside it,
    and its content security policy forbids everything else. It is laid out for screens from 360
    pixels, for dark mode and for paper. Without matplotlib it has a sentence in place of figures.

    Its tests are type III F tests of the fixed terms by the fit's degrees of freedom, and
    likelihood-ratio tests of the random terms, for which smaller models are fitted from moments.
    Profiles take some evaluations of the deviance a parameter, a bootstrap many fits: neither is
    made unless asked for.

    Examples
    --------
    >>> import tempfile
    >>> import echelon as ec
    >>> timss = ec.datasets.load("timss", quiet=True)
    >>> fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report(fit, f"{folder}/timss.html").read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    further = results_of(also)
    shown = inference_of(fit, robust=robust, cluster=cluster, intervals=intervals, n=n, rng=rng)
    tests = tests_section(fit, robust=robust, cluster=cluster)
    with atomic(path) as temporary:  # before the page is made: a folder may be missing
        page = report_page(fit, title or _title(fit), Parts(shown, tests, further))
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


def _title(fit: LmmFit) -> str:
    where = " and ".join(f"{len(g.levels):,} groups of {g.factor}" for g in fit.moments.groups)
    return f"A multilevel model of {fit.response} in {where}"


def _formula(fit: LmmFit) -> str:
    """The formula as typed, and the residual structure."""
    residual = "" if fit.residual is None else f", residual = {fit.residual.structure}"
    return f"{fit.spec.formula}{residual}"


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What of a page was asked for: how fixed effects are tested, tests, further results."""

    shown: Inference
    tests: str
    further: tuple[Result, ...] = ()


def report_page(fit: LmmFit, title: str, parts: Parts) -> str:
    """Return the page as text."""
    sections = "\n".join(part for part in _sections(fit, parts) if part)
    script = template("page.js")
    return Template(template("page.html")).substitute(
        policy=_policy(script),
        generator=f"Echelon {__version__}",
        title=safe(title),
        formula=safe(_formula(fit)),
        style=f"{table_style()}\n{template('page.css')}",
        contents=_contents(sections),
        sections=sections,
        footer=f"Made with Echelon {__version__} on {date.today().isoformat()}.",
        script=script,
    )


def _sections(fit: LmmFit, parts: Parts) -> list[str]:
    groups = [group_values(fit, factor) for factor in fit.factors]
    lead = paragraph(summary_paragraph(fit, *groups, values=parts.shown.fixed), "lead")
    further = further_section(parts.further)
    return [
        section("summary", "Summary", [lead]),
        data_section(fit, *groups),
        model_section(fit, parts.shown),
        parts.tests,
        checks_section(fit),
        further,
        groups_section(fit, *groups),
        figures_section(fit, further.count("<figure") + 1),
        glossary_section(fit, parts.shown),
        notes_section(fit, parts.shown),
        cite_section(fit, parts.shown),
        versions_section(fit),
    ]


def _contents(sections: str) -> str:
    found = _HEADING.findall(sections)
    return "\n".join(f'<li><a href="#{name}">{heading}</a></li>' for name, heading in found)


def _policy(script: str) -> str:
    """Everything is forbidden but the styles, the pictures inside the page and this one script.

    The script is named by its hash, so that no other can run, whatever a column is called. Styles
    cannot be: figures of a table are aligned by style attributes.
    """
    digest = b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
