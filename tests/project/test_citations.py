"""Every equation label and every BibTeX key that the source cites exists in docs/theory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THEORY = ROOT / "docs" / "theory"
SOURCES = sorted((ROOT / "src" / "echelon").rglob("*.py"))

LABELS = {
    label
    for page in THEORY.glob("*.md")
    for label in re.findall(r"\\tag\{([^}]+)\}", page.read_text("utf-8"))
}
KEYS = set(re.findall(r"^@\w+\{(\w+),", (THEORY / "references.bib").read_text("utf-8"), re.M))

KEY = r"\b[a-z]{3,}(?:19|20)\d\d\b"
LIST = r"((?:`[a-z0-9-]+`(?:,\s+| and\s+)?)+)"
CITED = (
    rf"\({LIST};\s+{KEY}",  # (`one-factor`; bates2015)
    rf"\({LIST}\s+of\s+docs/theory",
    rf"[Ee]quations?\s+{LIST}",
    r"(`[a-z0-9]+(?:-[a-z0-9]+)+`)",  # no Python name has a hyphen
)
OTHER_HYPHENS = {"data-sort"}  # an HTML attribute; classes start with ec-


def cited_labels(text: str) -> set[str]:
    """Backquoted names where docstrings put equation labels."""
    found = {match for pattern in CITED for match in re.findall(pattern, text)}
    labels = {label for group in found for label in re.findall(r"`([a-z0-9-]+)`", group)}
    return {label for label in labels - OTHER_HYPHENS if not label.startswith("ec-")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_cited_labels_and_keys_exist(path):
    text = path.read_text("utf-8")
    assert not cited_labels(text) - LABELS, "labels without an equation"
    assert not set(re.findall(KEY, text)) - KEYS, "keys without an entry in references.bib"


def test_citations_are_found():
    """The patterns see what they are meant to see."""
    text = "(`one-factor`; bates2015) (`eb-mode`, `eb-total`; bates2015). Equations `cgm` and `cwc`"
    assert cited_labels(text) == {"one-factor", "eb-mode", "eb-total", "cgm", "cwc"}
    assert {"deviance-profiled", "gradient", "hessian", "satterthwaite"} <= LABELS


def test_labels_are_unique():
    pages = {page: page.read_text("utf-8") for page in THEORY.glob("*.md")}
    found = [label for text in pages.values() for label in re.findall(r"\\tag\{([^}]+)\}", text)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("page", sorted(THEORY.glob("*.md")), ids=lambda p: p.name)
def test_pages_cite_what_exists(page):
    """Keys and labels in theory pages; mathematics opened and closed."""
    text = page.read_text("utf-8")
    assert not set(re.findall(KEY, text)) - KEYS
    assert text.count("$$") % 2 == 0
    assert text.count("$") % 2 == 0
    assert all(part.count("{") == part.count("}") for part in text.split("$")[1::2])
    assert not set(re.findall(r"(?<!\])\(([a-z]+(?:-[a-z]+)+)\)", text)) - LABELS
