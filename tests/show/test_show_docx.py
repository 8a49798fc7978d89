from __future__ import annotations

import sys

import docx
import pytest
from docx.oxml.ns import qn

from echelon.errors import MissingDependency
from echelon.show import Heading, Section, Table, write_docx
from echelon.show.format import clean


def _rows(word):
    """Texts of a table, a merged cell once."""
    return [[docx.table._Cell(tc, word).text for tc in tr.tc_lst] for tr in word._tbl.tr_lst]


def _written(tmp_path, *tables, title=None):
    write_docx(tables, tmp_path / "a.docx", title=title)
    return docx.Document(str(tmp_path / "a.docx"))


def test_coefficients_are_native_cells(coefficients, tmp_path):
    document = _written(tmp_path, coefficients)
    rows = _rows(document.tables[0])
    assert rows[0] == ["Term", "Estimate", "Std. error", "df", "t", "p"]
    assert rows[1] == ["Fixed effects"]
    assert rows[2] == ["(Intercept)", "473.22***", "4.88", "186.4", "96.94", "<0.001"]
    assert rows[3][1:3] == ["−7.03*", "3.10"]
    assert ["Random effects"] in rows
    texts = [p.text for p in document.paragraphs]
    assert texts[0] == coefficients.title
    assert texts[-2:] == list(coefficients.notes)


def test_spans_are_merged_cells_and_errors_stand_below(comparison, schools, tmp_path):
    models, groups = (_rows(t) for t in _written(tmp_path, comparison, schools).tables)
    assert models[0] == ["", "All students", "School means", "Two levels"]
    assert models[2][1] == "50.621***\n(0.123)"
    assert groups[0] == ["", "", "Sample", "", "Empirical Bayes"]
    assert len(groups) == 2 + 45


def test_head_is_repeated_and_rows_are_not_split(schools, tmp_path):
    rows = _written(tmp_path, schools).tables[0]._tbl.tr_lst
    heads = [row.trPr.find(qn("w:tblHeader")) is not None for row in rows]
    assert heads == [True, True] + [False] * 45
    assert all(row.trPr.find(qn("w:cantSplit")) is not None for row in rows)


def test_hostile_text_arrives_unchanged(hostile, tmp_path):
    rows = _rows(_written(tmp_path, hostile).tables[0])
    labels = [row[0] for row in rows]
    for row in hostile.sections[1].rows:
        assert clean(str(row[0])) in labels


def test_nothing_is_wider_than_the_page_and_wide_tables_turn_it(any_table, tmp_path):
    wide = Table(
        (Heading("", "text"), *(Heading(f"Column {j}") for j in range(13))),
        (Section((("Label", *[1234.5] * 13),)),),
    )
    document = _written(tmp_path, any_table, wide, any_table)
    turned = [s.page_width > s.page_height for s in document.sections]
    assert turned == [False, True, False]
    pages = [document.sections[0], document.sections[1], document.sections[2]]
    for word, page in zip(document.tables, pages, strict=True):
        inside = page.page_width - page.left_margin - page.right_margin
        assert sum(column.width for column in word.columns) <= inside + 12700


def test_several_tables_are_numbered(coefficients, comparison, tmp_path):
    texts = [p.text for p in _written(tmp_path, coefficients, comparison, title="Two").paragraphs]
    assert texts[0] == "Two"
    assert {"Table 1", "Table 2"} <= set(texts)


def test_missing_library_names_the_command(coefficients, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    monkeypatch.delitem(sys.modules, "echelon.show.docx", raising=False)
    with pytest.raises(MissingDependency, match=r"echelon\[office\]"):
        coefficients.to_docx(tmp_path / "a.docx")
