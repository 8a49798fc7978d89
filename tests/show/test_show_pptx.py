from __future__ import annotations

import subprocess
import sys

import pptx
import pytest
from pptx.util import Pt

from echelon.errors import MissingDependency
from echelon.show import write_pptx
from echelon.show.format import clean


def _written(tmp_path, *tables, title=None):
    write_pptx(tables, tmp_path / "a.pptx", title=title)
    return pptx.Presentation(str(tmp_path / "a.pptx"))


def _table(slide):
    return next(shape for shape in slide.shapes if shape.has_table)


def _rows(slide):
    return [[cell.text for cell in row.cells] for row in _table(slide).table.rows]


def test_coefficients_are_native_cells(coefficients, tmp_path):
    (slide,) = _written(tmp_path, coefficients).slides
    rows = _rows(slide)
    assert slide.shapes.title.text == coefficients.title
    assert rows[0] == ["Term", "Estimate", "Std. error", "df", "t", "p"]
    assert rows[1][0] == "Fixed effects"
    assert rows[2] == ["(Intercept)", "473.22***", "4.88", "186.4", "96.94", "<0.001"]


def test_second_numbers_have_their_own_row(comparison, tmp_path):
    (slide,) = _written(tmp_path, comparison).slides
    rows = _rows(slide)
    assert rows[0] == ["", "All students", "School means", "Two levels"]
    assert rows[2][1] == "50.621***"
    assert rows[3] == ["", "(0.123)", "(0.420)", "(0.391)"]


def test_long_tables_continue_with_their_head(schools, tmp_path):
    slides = list(_written(tmp_path, schools).slides)
    assert len(slides) > 1
    heads = [_rows(slide)[:2] for slide in slides]
    assert all(head == heads[0] for head in heads)
    assert [s.shapes.title.text.endswith("(continued)") for s in slides] == [
        k > 0 for k in range(len(slides))
    ]
    labels = [row[0] for slide in slides for row in _rows(slide)[2:]]
    assert labels == [row[0] for row in schools.sections[0].rows]


def test_nothing_overlaps_and_everything_is_on_the_slide(any_table, tmp_path):
    deck = _written(tmp_path, any_table, title="A title")
    for slide in list(deck.slides)[1:]:
        frame, title = _table(slide), slide.shapes.title
        notes = [shape for shape in slide.shapes if shape.name == "Notes"]
        assert title.top + title.height <= frame.top
        assert sum(row.height for row in frame.table.rows) <= frame.height + Pt(1)
        assert frame.left + sum(c.width for c in frame.table.columns) <= deck.slide_width
        lowest = frame.top + frame.height
        for box in notes:
            assert box.top >= lowest
            lowest = box.top + box.height
        assert lowest <= deck.slide_height


def test_type_is_readable(any_table, tmp_path):
    for slide in _written(tmp_path, any_table).slides:
        runs = [r for row in _table(slide).table.rows for c in row.cells
                for p in c.text_frame.paragraphs for r in p.runs]  # fmt: skip
        assert min(run.font.size for run in runs) >= Pt(12)


def test_no_default_bands(coefficients, tmp_path):
    (slide,) = _written(tmp_path, coefficients).slides
    properties = _table(slide).table._tbl.tblPr
    assert properties.get("bandRow") == "0"


def test_hostile_text_arrives_unchanged(hostile, tmp_path):
    labels = [row[0] for slide in _written(tmp_path, hostile).slides for row in _rows(slide)]
    for row in hostile.sections[1].rows:
        assert clean(str(row[0])) in labels


def test_missing_library_names_the_command(coefficients, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pptx", None)
    monkeypatch.delitem(sys.modules, "echelon.show.pptx", raising=False)
    with pytest.raises(MissingDependency, match=r"echelon\[office\]"):
        coefficients.to_pptx(tmp_path / "a.pptx")


def test_import_is_light():
    code = (
        "import sys, echelon.show; "
        "assert not {'docx', 'pptx', 'rich', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
