from __future__ import annotations

import pytest

import echelon as ec
from echelon.errors import DataError
from echelon.multilevel import Description, OneWay
from echelon.show.table import Table


def test_oneway_is_its_values_with_methods(timss):
    found = ec.oneway("bsmmatxx", "idschool", timss)
    assert isinstance(found, OneWay)
    assert found.frame().shape[1] == 2
    assert repr(found) == found.table().to_text()
    assert found._repr_html_() == found.table().to_html(styled=True)
    assert "482.7" in found.to_text(width=80)
    with pytest.raises(AttributeError):
        found.tau00 = 0.0


def test_describe_is_its_values_with_methods(eclsk):
    found = ec.describe(eclsk, "ses", by="sector", level="schid")
    assert isinstance(found, Description)
    assert found.frame()["n"].tolist() == [672, 70, 742]
    assert repr(found) == found.table().to_text()


def test_results_are_written_to_files(eclsk, tmp_path):
    found = ec.describe(eclsk, "ses", by="sector", level="schid")
    found.to_file(tmp_path / "described.html")
    found.to_docx(tmp_path / "described.docx")
    found.to_pptx(tmp_path / "described.pptx")
    assert sum(1 for _ in tmp_path.iterdir()) == 3
    assert "tabular" in found.to_latex()
    assert "<table" in found.to_html()


def test_compare_gives_a_table(eclsk):
    ols = ec.lm("g1rscore ~ sector", eclsk)
    fit = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk)
    table = ec.compare(ols, fit, names=["Children", "Schools and children"])
    assert isinstance(table, Table)
    text = table.to_text()
    assert "Schools and children" in text
    assert "6.512" in text


def test_compare_refuses_what_is_no_fit(eclsk):
    ols = ec.lm("g1rscore ~ sector", eclsk)
    with pytest.raises(DataError, match="not DataFrame"):
        ec.compare(ols, eclsk)
    with pytest.raises(DataError, match="at least one"):
        ec.compare()
    with pytest.raises(DataError, match="names"):
        ec.compare(ols, names=["a", "b"])
