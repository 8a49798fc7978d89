"""The report: one HTML page that holds all it needs and loads nothing."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from os import PathLike
from pathlib import Path
from string import Template

from echelon import __version__
from echelon.model.fit import LmmFit
from echelon.multilevel import group_values
from echelon.report.data import data_section
from echelon.report.figures import figures_section
from echelon.report.groups import groups_section
from echelon.report.markup import paragraph, safe, section, template
from echelon.report.model import model_section
from echelon.report.summary import summary_paragraph
from echelon.report.words import cite_section, glossary_section, notes_section, versions_section
from echelon.show import atomic, table_style

_HEADING = re.compile(r'<section[^>]* id="([^"]+)"[^>]*>\n<h2[^>]*>(.*?)</h2>')


def report(fit: LmmFit, path: str | PathLike[str], *, title: str | None = None) -> Path:
    """Write a fit as one self-contained HTML page.

    Parameters
    ----------
    path : the file, written whole or not at all
    title : heading of the page; None for one made from the response and the groups

    Returns
    -------
    Path : the file

    Raises
    ------
    FileFormatError : the file cannot be written; an older file is left as it was

    Notes
    -----
    The page loads nothing from anywhere: tables, figures, styles and its one script are inside it,
    and its content security policy forbids everything else. It is laid out for screens from 360
    pixels, for dark mode and for paper. Without matplotlib it has a sentence in place of figures.

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
    fit.require_plain("report()")
    page = report_page(fit, title or _title(fit))
    with atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


def _title(fit: LmmFit) -> str:
    where = " and ".join(f"{len(g.levels):,} groups of {g.factor}" for g in fit.moments.groups)
    return f"A multilevel model of {fit.response} in {where}"


def report_page(fit: LmmFit, title: str) -> str:
    """Return the page as text."""
    sections = "\n".join(_sections(fit))
    script = template("page.js")
    return Template(template("page.html")).substitute(
        policy=_policy(script),
        generator=f"Echelon {__version__}",
        title=safe(title),
        formula=safe(fit.spec.formula),
        style=f"{table_style()}\n{template('page.css')}",
        contents=_contents(sections),
        sections=sections,
        footer=f"Made with Echelon {__version__} on {date.today().isoformat()}.",
        script=script,
    )


def _sections(fit: LmmFit) -> list[str]:
    groups = [group_values(fit, factor) for factor in fit.factors]
    lead = paragraph(summary_paragraph(fit, *groups), "lead")
    return [
        section("summary", "Summary", [lead]),
        data_section(fit, *groups),
        model_section(fit),
        groups_section(fit, *groups),
        figures_section(fit),
        glossary_section(fit),
        notes_section(fit),
        cite_section(fit),
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
