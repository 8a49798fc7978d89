from __future__ import annotations

from html.parser import HTMLParser

from echelon.show import Entry, Heading, Section, Table, save_tables, to_html

_VOID = {"br", "meta"}


class _Reader(HTMLParser):
    """Cells, tags and attributes; fails on tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_tags_match_and_everything_is_escaped(any_table):
    read = _Reader(to_html(any_table, sortable=True, table_id='x"y', styled=True))
    assert "script" not in {tag for tag, _ in read.seen}
    assert read.seen[1] == ("table", {"class": "ec-table ec-sortable", "id": 'x"y'})


def test_hostile_text_arrives_unchanged(hostile):
    cells = _Reader(to_html(hostile)).cells
    for text in ("<script>alert('x')</script>", "50% of_A {x} \\cmd $y$ #1 ~^", "a & b", "−∞", "—"):
        assert text in cells


def test_headings_have_scopes(comparison):
    read = _Reader(to_html(comparison))
    scopes = [a["scope"] for t, a in read.seen if t == "th"]
    assert {"col", "colgroup", "row", "rowgroup"} == set(scopes)
    assert [t for t, _ in read.seen if t in ("thead", "tbody", "tfoot")] == [
        "thead", "tbody", "tbody", "tbody", "tfoot",
    ]  # fmt: skip


def test_stars_are_raised_and_numbers_stay_numbers(coefficients):
    page = to_html(coefficients)
    assert '473.22<sup class="ec-mark">***</sup>' in page
    assert "−7.03*" in _Reader(page).cells


def test_sorting_sees_full_precision(coefficients):
    read = _Reader(to_html(coefficients, sortable=True))
    raw = [a["data-sort"] for _, a in read.seen if "data-sort" in a]
    assert "473.2168" in raw
    assert "" in raw
    assert "data-sort" not in to_html(coefficients)


def test_caption_and_style_are_options(coefficients):
    assert "<caption>" not in to_html(coefficients, caption=False)
    assert "<style>" not in to_html(coefficients)
    assert coefficients._repr_html_() == to_html(coefficients, styled=True)


def test_untitled_later_sections_are_set_apart():
    rows = Section(((Entry(1.0),),))
    assert to_html(Table((Heading("A"),), (rows, rows))).count("ec-ruled") == 1


def test_page_is_complete_and_loads_nothing(any_table, tmp_path):
    save_tables([any_table, any_table], tmp_path / "a.html", title="A <b>")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    _Reader(page.removeprefix("<!DOCTYPE html>"))
    assert page.count("<table") == 2
    assert "A &lt;b&gt;" in page
    assert not [w for w in ("http:", "https:", "<link", "<script", "url(", "@import") if w in page]
