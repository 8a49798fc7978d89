"""What a fit with several grouping factors shows of itself."""

from __future__ import annotations

import re

import numpy as np
import pytest

import echelon as ec
from echelon.infer.components import Component, Components
from echelon.multilevel import group_values, reliability_values
from echelon.show import components
from echelon.show.components import component_label, components_table
from echelon.show.unpack import groups_table, reliability_table
from several_factors import CROSSED, CROSSED_SLOPES, THREE, answers, schools


@pytest.fixture(scope="module")
def three():
    return ec.lmer(THREE, schools())


@pytest.fixture(scope="module")
def crossed():
    return ec.lmer(CROSSED, answers())


@pytest.fixture(scope="module")
def slopes():
    return ec.lmer(CROSSED_SLOPES, answers())


def test_the_summary_counts_the_groups_of_every_factor(three):
    lines = three.summary().splitlines()
    assert lines[2:4] == [
        f"Data: {three.n} rows",
        "Groups: room:school 56 (4 to 9 rows each), school 16 (12 to 38 rows each)",
    ]
    (note,) = [line for line in lines if line.startswith("ICC: ")]
    numbers = [float(x) for x in re.findall(r"0\.\d+", note)]
    expected = [three.icc(), three.icc("room:school"), three.icc("school")]
    assert numbers == pytest.approx(expected, abs=6e-4)
    assert max(map(len, lines)) <= 80


def test_the_summary_of_slopes_keeps_the_correlations_apart(slopes):
    table = components_table(slopes)
    assert [h.name for h in table.headings[5:]] == ["(Intercept)"]
    rows = table.sections[0].rows
    assert [row[0] for row in rows] == ["pupil", "", "item", "", "Residual"]
    T = slopes.optimum.covariance
    rho = [T[1, 0] / np.sqrt(T[0, 0] * T[1, 1]), T[3, 2] / np.sqrt(T[2, 2] * T[3, 3])]
    assert [rows[1][5], rows[3][5]] == pytest.approx(rho)
    assert "ICC (mean over rows)" in slopes.summary()


def test_the_html_summary_and_the_table_name_every_factor(three):
    html = three._repr_html_()
    text = three.table().to_text()
    for factor in three.factors:
        assert html.count(f">{factor}<") == 1
        assert f"{factor}: (Intercept), SD" in text
        assert f"ICC: {factor}" in text
        assert f"Groups of {factor}" in text


@pytest.mark.parametrize("ending", ["docx", "pptx", "html", "tex", "txt"])
def test_every_renderer_writes_it(ending, slopes, tmp_path):
    slopes.table().to_file(tmp_path / f"table.{ending}")
    assert (tmp_path / f"table.{ending}").stat().st_size > 500


def test_comparison_has_rows_for_each_factor(crossed, slopes):
    one = ec.lmer("y ~ 1 + (1 | pupil)", answers())
    text = ec.compare(one, crossed, slopes, names=["One", "Two", "Slopes"]).to_text()
    labels = [line.strip().split("  ")[0] for line in text.splitlines()]
    for label in ("pupil: (Intercept), SD", "item: (Intercept), SD", "item: load, SD"):
        assert labels.count(label) == 1
    shares = labels[labels.index("Shares of variance") + 1 : labels.index("Fit")]
    assert shares == ["ICC", "ICC (mean over rows)", "ICC: pupil", "ICC: item"]
    assert [label for label in labels if label.startswith("Groups of")] == [
        "Groups of pupil",
        "Groups of item",
    ]


def test_groups_table_leaves_out_what_does_not_exist(three):
    table = groups_table(group_values(three, "school"))
    assert [h.name for h in table.headings] == [
        "school", "n", "Mean", "Adjusted", "Reliability", "Estimate", "SE", "Lower", "Upper",
    ]  # fmt: skip
    assert "room:school at zero" in table.notes[0]
    assert len(table.sections[0].rows) == 16


def test_reliability_table_says_which_reliability(three, crossed):
    assert "own estimate exists" in reliability_table(reliability_values(three, "school")).notes[0]
    found = reliability_table(reliability_values(crossed, "item"))
    assert "conditional variance" in found.notes[0]
    assert 0 < found.sections[0].rows[0][1] < 1


def test_a_correlation_of_its_own_gets_a_row_with_its_label(three, monkeypatch):
    """Whatever rows `infer.components` gives are shown, known or not."""
    rows = (
        Component("school", "day", "", 4.0, 1.0, 2.0, 0.25),
        Component("school", "day", "rho (ar1)", 2.0, 0.5, 0.5, 0.1),
        Component("Residual", "girls", "", 1.0, 0.1, 1.0, 0.05),
        Component("Residual", "boys", "", 2.25, 0.2, 1.5, 0.07),
        Component("Residual", "ar1(day | id)", "ar1(day | id)", np.nan, np.nan, 0.4, 0.12),
    )
    monkeypatch.setattr(components, "component_values", lambda fit: Components(rows))
    text = components_table(three).to_text()
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    assert ["school", "day", "4.000", "2.000", "0.250"] in lines
    assert ["rho (ar1) of day", "0.500", "0.100"] in lines
    assert ["ar1(day | id)", "0.400", "0.120"] in lines
    assert [component_label(row) for row in rows[1::3]] == [
        "school: rho (ar1) of day",
        "Residual: ar1(day | id)",
    ]


def test_summaries_of_nested_groups_are_shown():
    """One row a class: its n, mean and SD."""
    data = schools().groupby(["school", "room"]).y.agg(["size", "mean", "std"]).reset_index()
    given = ec.Summaries(data, n="size", sd="std")
    fit = ec.lmer("mean ~ 1 + (1 | school/room)", summaries=given)
    rows = ec.lmer("y ~ 1 + (1 | school/room)", schools())
    np.testing.assert_allclose(fit.optimum.covariance, rows.optimum.covariance, rtol=1e-6)
    assert "behind the summaries" in fit.summary()
    np.testing.assert_allclose(fit.groups("school").EB, rows.groups("school").EB, rtol=1e-8)
    assert "Level 3: school" in str(fit.equations())
