"""Tables of marginal means and their comparisons."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec


@pytest.fixture(scope="module")
def fit() -> ec.LMM:
    hsb = ec.datasets.load("hsb", quiet=True)
    return ec.lmer("mathach ~ cses + sector * meanses + (1 | school)", hsb)


def test_means_are_shown_by_sections_of_by(fit: ec.LMM) -> None:
    means = fit.emmeans("sector", by="meanses", at={"meanses": [-0.5, 0.5]})
    table = means.table()
    assert [section.title for section in table.sections] == ["meanses = -0.5", "meanses = 0.5"]
    assert [head.name for head in table.headings] == [
        "sector",
        "Mean",
        "SE",
        "df",
        "Lower",
        "Upper",
    ]
    shown = [row[1].value for section in table.sections for row in section.rows]
    assert shown == pytest.approx(means.values.estimate)
    assert "Satterthwaite's degrees of freedom." in table.notes
    assert repr(means) == table.to_text()


def test_z_tests_have_no_column_of_df(fit: ec.LMM) -> None:
    found = fit.emmeans("sector", df="none").contrasts()
    heads = [head.name for head in found.table().headings]
    assert heads == ["Contrast", "Estimate", "SE", "z", "p", "Lower", "Upper"]
    assert "Normal approximation (z)." in found.table().notes


def test_stars_and_their_key(fit: ec.LMM) -> None:
    found = fit.emmeans("sector").contrasts()
    assert found.values.p_value[0] < 0.05
    with_stars, without = found.table(), found.table(stars=False)
    assert any("p <" in note for note in with_stars.notes)
    assert not any("p <" in note for note in without.notes)


def test_level_stands_above_the_limits(fit: ec.LMM) -> None:
    table = fit.emmeans("sector", level=0.9).table()
    assert table.headings[-1].group == "90% interval"


def test_means_that_cannot_be_told_are_dashes(fit: ec.LMM) -> None:
    data = ec.datasets.load("hsb", quiet=True)
    data = data.assign(copy=2 * data["meanses"])
    twin = ec.lm("mathach ~ sector + meanses + copy", data)
    means = twin.emmeans("sector", at={"copy": 1.0})
    assert np.isnan(means.values.estimate).all()
    assert "—" in means.to_text() and "cannot be estimated" in means.to_text()


@pytest.mark.parametrize("ending", [".txt", ".html", ".tex", ".docx", ".pptx"])
def test_every_file_can_be_written(fit: ec.LMM, tmp_path, ending: str) -> None:
    for name, result in (("m", fit.emmeans("sector")), ("c", fit.emmeans("sector").contrasts())):
        path = tmp_path / (name + ending)
        result.to_file(path)
        assert path.stat().st_size > 200
