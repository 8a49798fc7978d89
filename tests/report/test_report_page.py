from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import FileFormatError
from echelon.report import report

VOID = {"meta", "img", "br", "input"}
SECTIONS = [
    "summary",
    "data",
    "model",
    "tests",
    "checks",
    "groups",
    "figures",
    "meaning",
    "notes",
    "cite",
    "versions",
]


class Page(HTMLParser):
    """A page read tag by tag; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.headings: list[int] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.tags if attrs.get("id")]


def written(fit, folder: Path, **options) -> str:
    return report(fit, folder / "r.html", **options).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def timss():
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", ec.datasets.load("timss", quiet=True))


@pytest.fixture(scope="module")
def text(timss, tmp_path_factory):
    return written(timss, tmp_path_factory.mktemp("timss"))


@pytest.fixture(scope="module")
def eclsk():
    data = ec.datasets.load("eclsk", quiet=True)
    return ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", data)


def test_sections_stand_in_order_under_headings_that_skip_no_level(text):
    page = Page(text)
    assert [a["id"] for a in page.all("section")] == SECTIONS
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert max(np.diff(page.headings)) <= 1
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    assert page.all("html") == [{"lang": "en"}]


def test_every_reference_inside_the_page_has_its_target(text):
    page = Page(text)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    wanted = [a["href"].removeprefix("#") for a in page.all("a")]
    wanted += [a["for"] for a in page.all("label")]
    for name in ("aria-labelledby", "aria-controls"):
        wanted += [a[name] for _, a in page.tags if a.get(name)]
    assert set(wanted) <= set(ids)


def test_nothing_is_loaded_from_elsewhere(text):
    page = Page(text)
    assert not page.all("link") + page.all("iframe") + page.all("object") + page.all("base")
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            assert (attrs.get(name) or "#").startswith(("#", "data:image/"))
    assert "url(" not in text.split("</style>")[0]
    assert "@import" not in text


def test_the_policy_allows_this_one_script_and_nothing_from_outside(text):
    page = Page(text)
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    (script,) = page.scripts
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]


def test_pictures_have_a_text_and_a_caption_each(text):
    page = Page(text)
    pictures = page.all("img")
    assert len(pictures) >= 4
    assert len(pictures) == text.count("<figcaption>")
    assert all(a["alt"] and a["src"].startswith("data:image/svg+xml;base64,") for a in pictures)


def test_all_groups_are_in_a_table_that_sorts(text, timss):
    table = text.split('id="all-groups"')[1].split("</table>")[0]
    assert table.count("<tr>") == timss.J + 2
    assert "data-sort=" in table
    assert 'id="filter"' not in text


def test_scroll_boxes_can_be_reached_by_keyboard(text):
    boxes = [a for a in Page(text).all("div") if a.get("role") == "region"]
    assert boxes
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in boxes)


def test_many_groups_are_filtered_and_the_page_stays_small(eclsk, tmp_path):
    text = written(eclsk, tmp_path)
    page = Page(text)
    assert text.split('id="all-groups"')[1].split("</table>")[0].count("<tr>") == 742 + 2
    assert [a["id"] for a in page.all("input")][-1] == "filter"
    assert len(text.encode()) < 3_000_000


@pytest.mark.usefixtures("one_figure")
def test_names_cannot_become_markup(tmp_path):
    rng = np.random.default_rng(1)
    x, g = "<script>alert(1)</script>", "a\"b'<img src=x onerror=alert(2)>"
    groups = [f"<b>&{i}" for i in range(8) for _ in range(6)]
    data = pd.DataFrame({"y": rng.normal(size=48), x: rng.normal(size=48), g: groups})
    fit = ec.lmer(f"y ~ `{x}` + (1 | `{g}`)", data)
    text = written(fit, tmp_path, title="</title><script>$style</script>")
    page = Page(text)
    assert len(page.scripts) == 1
    assert all(a["src"].startswith("data:") for a in page.all("img"))
    assert not page.all("b") or text.count("<b>") == text.count("<b>Figure ")
    assert "<title>&lt;/title&gt;&lt;script&gt;$style&lt;/script&gt;</title>" in text


@pytest.mark.usefixtures("one_figure")
def test_a_failing_write_leaves_the_older_file(timss, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("older", encoding="utf-8")

    def half(self, text, **options):
        self.write_bytes(text[:100].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(FileFormatError, match="No space left"):
        report(timss, path)
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == "older"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.usefixtures("one_figure")
def test_a_missing_folder_is_said(timss, tmp_path):
    with pytest.raises(FileFormatError, match="does not exist"):
        report(timss, tmp_path / "no" / "r.html")


@pytest.mark.usefixtures("one_figure")
def test_a_fit_reports_itself(timss, tmp_path):
    path = timss.report(tmp_path / "r.html", title="Schools")
    assert path == tmp_path / "r.html"
    assert "<h1>Schools</h1>" in path.read_text(encoding="utf-8")


def test_a_report_says_nothing_about_the_machine(text):
    plain = re.sub(r"base64,[^\"]*", "", text)  # pictures hold any short string by chance
    for folder in (Path.home(), Path.cwd(), Path(ec.__file__).parent):
        assert folder == Path("/") or str(folder) not in plain


@pytest.mark.usefixtures("one_figure")
def test_a_failed_fit_is_not_reported_as_a_result(timss, tmp_path):
    verdict = replace(timss.verdict, status="failed", message="The search stopped.")
    text = written(replace(timss, verdict=verdict), tmp_path)
    assert "did not converge: do not report" in text.split('id="data"')[0]
    assert '<div class="verdict failed">' in text
