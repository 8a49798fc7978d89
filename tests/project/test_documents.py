"""What the documents show is what the library prints; their links lead somewhere."""

from __future__ import annotations

import doctest
import re

import pytest
from documents import PAGES, ROOT, outputs

WRITTEN = [
    path
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_print_what_the_page_says(page, tmp_path, monkeypatch):
    """After an intended change: python tests/project/documents.py, and read the difference."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    found = outputs(page)
    assert len(found) >= 3
    for code, before, now in found:
        assert before is None or before == now, f"{page} is out of date after:\n{code}"


def test_style_examples_run():
    """Every example of the style page is a doctest."""
    text = (ROOT / "docs" / "style.md").read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, "style.md", "style.md", 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(test, out=report.append)
    assert test.examples
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#")):
            assert (path.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_source_files_named_exist(path):
    """Paths in backquotes that look like files of this project."""
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_architecture_names_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {p.parent.name for p in (ROOT / "src" / "echelon").glob("*/__init__.py")}
    assert not {room for room in rooms if f"`{room}`" not in text}


def test_decisions_have_their_four_parts():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        headings = re.findall(r"^## (.*)$", path.read_text(encoding="utf-8"), re.M)
        assert headings == ["Status", "Context", "Decision", "Consequences"], path.name
