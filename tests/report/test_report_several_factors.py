"""The report of a model with several grouping factors."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_report_page import SECTIONS, Page

import echelon as ec
from echelon.multilevel import group_values
from echelon.report.data import data_section
from echelon.report.estimates import random_table
from echelon.report.groups import groups_section
from echelon.report.summary import summary_paragraph
from echelon.report.words import keys_of
from several_factors import CROSSED_SLOPES, THREE, answers, schools


@pytest.fixture(scope="module")
def three():
    return ec.lmer(THREE, schools())


@pytest.fixture(scope="module")
def crossed():
    return ec.lmer(CROSSED_SLOPES, answers())


def unpacked(fit):
    return [group_values(fit, factor) for factor in fit.factors]


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize("name", ["three", "crossed"])
def test_the_page_is_whole(name, request, tmp_path):
    fit = request.getfixturevalue(name)
    page = Page(fit.report(tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [a["id"] for tag, a in page.tags if tag == "section"] == SECTIONS
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {"all-groups", "all-groups-2"} <= set(ids)
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) == len(fit.plot.figures())
    labels = {a["for"] for tag, a in page.tags if tag == "label"}
    assert labels <= set(ids)


@pytest.mark.usefixtures("one_figure")
def test_the_title_counts_all_groups(three, tmp_path):
    text = three.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>A multilevel model of y in 56 groups of room:school and 16 groups of school" in text


def test_the_summary_says_every_variance(three, crossed):
    text = words(summary_paragraph(three, *unpacked(three)))
    assert "373 rows in 56 groups of room:school and 16 groups of school" in text
    share = 100 * three.icc("school")
    assert f"school {share:.1f}%" in text
    assert "the variance between groups of school is" in text
    slopes = words(summary_paragraph(crossed, *unpacked(crossed)))
    assert "load between groups of item" in slopes and "on average over the rows" in slopes


def test_a_variance_of_zero_is_said():
    data = schools()
    data["y"] = data.y - data.groupby(["school", "room"]).y.transform("mean") + data.school
    fit = ec.lmer("y ~ 1 + (1 | school/room)", data)
    text = words(summary_paragraph(fit, *unpacked(fit)))
    assert "no sign that groups of room:school differ in (Intercept)" in text


def test_the_data_section_says_what_lies_in_what(three, crossed):
    text = words(data_section(three, *unpacked(three)))
    assert "56 of room:school, each within one group of school" in text
    assert "each within" not in words(data_section(crossed, *unpacked(crossed)))


def test_the_random_table_has_both_reliabilities_and_no_test(three, crossed):
    table = random_table(three)
    assert [h.name for h in table.headings][-2:] == ["Reliability", "EB reliability"]
    found = three.reliability()
    rows = [row[-2:] for row in table.sections[0].rows[:2]]
    np.testing.assert_allclose(
        np.array(rows, dtype=float), found[["reliability", "eb_reliability"]].to_numpy()
    )
    assert random_table(crossed).sections[0].rows[0][-2].value == "—"


def test_each_factor_has_its_table_of_groups(three):
    html = groups_section(three, *unpacked(three))
    assert html.count("<h3>") == 2 and html.count("<table") == 2
    assert html.count('class="filter"') == 1  # 56 rooms are many, 16 schools are not


def test_the_glossary_explains_what_is_on_the_page(three, crossed):
    assert "several" in keys_of(three)
    assert not {"chi2", "unpacked", "means", "icc", "one"} & keys_of(three)
    assert "slopes" in keys_of(crossed) and "slopes" not in keys_of(three)
