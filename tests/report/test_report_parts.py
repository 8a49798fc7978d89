from __future__ import annotations

import re
import sys

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.multilevel import group_values
from echelon.report.data import data_section
from echelon.report.figures import figures_section
from echelon.report.markup import entries, template
from echelon.report.model import model_section, verdict_box
from echelon.report.page import report
from echelon.report.summary import summary_paragraph
from echelon.report.words import cite_section, glossary_section, notes_section
from several_factors import answers


def words(html: str) -> str:
    """A piece of a page as its reader sees it, without the help of alignment."""
    return re.sub(r"<[^>]+>", "", html).replace("&#x27;", "'")


def load(name: str):
    return ec.datasets.load(name, quiet=True)


@pytest.fixture(scope="module")
def timss():
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", load("timss"))


@pytest.fixture(scope="module")
def hsb():
    data = load("hsb").copy()
    data.loc[::17, "ses"] = np.nan
    return ec.lmer("mathach ~ ses * meanses + (ses | school)", data, reml=False)


@pytest.fixture(scope="module")
def boundary():
    rng = np.random.default_rng(1)
    school = np.repeat(np.arange(8), 6)
    y = rng.normal(size=48)
    y -= 0.9 * np.bincount(school, y)[school] / 6
    return ec.lmer("y ~ 1 + (1 | school)", pd.DataFrame({"y": y, "school": school}))


@pytest.fixture(scope="module")
def summaries():
    return ec.lmer(
        "mean ~ 1 + (1 | idschool)", summaries=ec.Summaries(load("timss_summaries"), sd=73.756)
    )


def test_the_summary_says_the_result_in_numbers(timss):
    text = words(summary_paragraph(timss, group_values(timss)))
    assert "661 rows in 20 groups of idschool" in text
    assert "estimated at 483 (95% interval 454 to 511)" in text
    assert "standard deviation of 59.6" in text
    assert f"{100 * timss.icc():.1f}% of the variance lies between groups" in text


def test_the_summary_tells_direction_and_whether_zero_is_inside(hsb):
    text = words(summary_paragraph(hsb, group_values(hsb)))
    b = hsb.fixef()["ses"]
    assert f"One unit more of ses goes with a difference of +{b:.2f} in mathach" in text
    assert "where the variables it interacts with are zero" in text
    assert "The interaction ses:meanses is estimated at" in text
    assert "the interval excludes zero" in text
    assert "The effect of ses differs between groups" in text
    assert "maximum likelihood (ML)" in text


def test_missing_rows_are_counted_by_variable(hsb):
    text = words(data_section(hsb, group_values(hsb)))
    missing = hsb.source.missing
    assert f"{missing.n_used:,} of {missing.n_total:,} rows were used" in text
    assert re.search(r"ses\s*423", text)


def test_a_complete_table_is_said_to_be_complete(timss):
    text = words(data_section(timss, group_values(timss)))
    assert "All 661 rows of the table were used" in text
    assert "16 to 51; median 34.5, mean 33.0" in text


def test_the_model_stands_in_equations_tables_and_a_verdict(hsb):
    html = model_section(hsb)
    text = words(html)
    assert html.count("<math") == 2
    for heading in ("Fixed effects", "Random effects", "Equations", "Shares of variance and fit"):
        assert f"<h3>{heading}</h3>" in html
    for name in ("Reliability", "χ²", "Correlation", "Explained variance within groups", "AIC"):
        assert name in text
    assert "Converged." in text


def test_equations_are_switched_by_two_labelled_buttons(timss):
    html = model_section(timss)
    assert html.count('type="radio"') == 2
    assert html.count(" checked>") == 1
    assert "482.757" in html.split('class="shown numbers"')[1]


def test_z_tests_have_no_degrees_of_freedom():
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", load("timss"), df="none")
    html = model_section(fit)
    assert "normal approximation" in html
    assert ">z</th>" in html
    assert "Satterthwaite" not in glossary_section(fit)
    assert "Kuznetsova" not in cite_section(fit)


def test_a_boundary_is_a_result_and_said_in_words(boundary):
    html = verdict_box(boundary.verdict)
    assert '<div class="verdict boundary">' in html
    assert "legitimate optimum at the edge" in words(html)
    text = words(summary_paragraph(boundary, group_values(boundary)))
    assert "no sign that the groups differ in their levels" in text
    assert "A variance of exactly zero has no standard error." in words(model_section(boundary))
    assert "zero variance" in words(notes_section(boundary))


def test_summaries_have_no_figures_of_rows_and_say_why(summaries):
    html = figures_section(summaries)
    assert "<figure" in html
    assert "cannot be drawn: the model was fitted from summaries" in html
    assert 'alt="distributions' not in html
    text = words(data_section(summaries, group_values(summaries)))
    assert "fitted to summaries, not to rows" in text
    assert "20 groups, which stand for 661 rows" in text


def test_without_matplotlib_a_sentence_stands_for_the_figures(timss, tmp_path, monkeypatch):
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = report(timss, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert "pip install &#x27;echelon[plot]&#x27;" in text
    assert 'id="versions"' in text


def test_the_glossary_holds_what_the_page_shows(timss, hsb, summaries):
    alone = glossary_section(timss)
    assert "Grand mean" in alone
    assert "REML" in alone
    assert "random slope and" not in alone
    both = glossary_section(hsb)
    assert "random slope and" in both
    assert "Explained variance" in both
    assert "<dt>REML" not in both
    assert glossary_section(summaries) == alone


def test_every_entry_of_a_template_has_a_key_that_is_asked_for(timss, hsb):
    from echelon.report.words import keys_of

    several = ec.lmer("y ~ 1 + (1 | pupil) + (1 | item)", answers())
    known = keys_of(timss) | keys_of(hsb) | keys_of(several) | {"precision", "kenward-roger"}
    known |= {"between-within", "robust", "CR2", "profile", "bootstrap"}
    for name in ("glossary.html", "references.html"):
        keys = set(re.findall(r"<!-- ([\w-]+) -->", template(name)))
        assert keys <= known
        assert entries(name, keys).count("<") > 0


def test_web_addresses_stand_in_the_text_of_references_only():
    for name in ("page.html", "page.css", "page.js", "glossary.html", "references.html"):
        text = template(name)
        tags = "".join(re.findall(r"<[^>]*>", text)) if name.endswith(".html") else text
        assert "http:" not in tags
        assert "https:" not in tags
