"""Tables and figures of a design study."""

from __future__ import annotations

import io

import pytest

import echelon as ec
from echelon.plot.theme import new_figure


@pytest.fixture(scope="module")
def study():
    return ec.design_study(
        [8, 16], [10, {"mean": 10, "cv": 0.6}], [0.1, 0.3], reps=60, rng=1, size_correlation=0.2
    )


@pytest.fixture(scope="module")
def powers():
    return ec.design_study(
        12, 10, 0.2, effects={"w": [0.0, 0.4, 0.8], "x": 0.3}, level2="w", reps=60, rng=1
    )


def test_table_of_the_grand_mean(study):
    text = str(study.table(where={"J": 8, "cv": 0.6}))
    assert "grand mean: 60 replicates in each of 8 cells" in text
    assert "J = 8; n = 10 (cv 0.6), 3 to 23; ICC = 0.1" in text
    assert "correlation of group and size = 0.2" in text
    assert "Balanced formulas" in text
    assert "J = 16" not in text
    assert "Seed 1." in text


def test_table_of_a_variance(study):
    found = study.table(term="var (Intercept)", estimators=["reml", "balanced"])
    assert [head.name for head in found.headings] == ["", "Bias", "Bias, %", "RMSE", "At zero"]
    assert all(len(section.rows) == 2 for section in found.sections)


def test_numbers_of_the_table_are_those_of_the_frame(study):
    section = study.table(
        where={"J": 8, "icc": 0.3, "cv": 0}, measures=["rmse", "coverage"]
    ).sections[0]
    frame = study.frame()
    frame = frame[(frame["cell"] == 2) & (frame["term"] == "(Intercept)")]
    assert len(section.rows) == len(frame) == 8
    for row, (_, values) in zip(section.rows, frame.iterrows(), strict=True):
        assert row[1].value == pytest.approx(values["rmse"], abs=6e-4)
        assert row[2].value == values["coverage"]


def test_table_says_when_cells_are_left_out():
    many = ec.design_study(list(range(4, 20)), 4, 0.1, reps=4, rng=1, estimators="rows")
    assert "12 of 16 cells" in str(many)


def test_table_in_word_and_slides(study, tmp_path):
    study.to_docx(tmp_path / "study.docx")
    study.to_pptx(tmp_path / "study.pptx")
    assert (tmp_path / "study.docx").stat().st_size > 5000
    assert "<table" in study._repr_html_()


def test_default_term_is_the_last_effect(powers):
    assert powers.main_term == "x"
    assert "Design study of x" in str(powers)
    assert "w: 0/1, 50% ones of the groups." in str(powers)


def test_power_curve(powers):
    ax = powers.plot(term="w", estimators=["rows", "reml"], ax=new_figure().subplots())
    assert ax.get_xlabel() == "effect of w"
    assert ax.get_title(loc="left") == "Power of w by effect of w"
    curve = [line for line in ax.get_lines() if len(line.get_xdata()) == 3]
    frame = powers.frame().query("term == 'w' and estimator == 'rows'")
    assert curve[0].get_ydata().tolist() == frame["power"].tolist()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["OLS on rows", "REML"]


def test_two_factors_make_panels(study):
    ax = study.plot(x="cv", measure="rmse", ax=new_figure().subplots())
    titles = [panel.get_title(loc="left") for panel in ax.figure.axes[1:]]
    assert titles == [
        "J = 8, ICC = 0.1",
        "J = 8, ICC = 0.3",
        "J = 16, ICC = 0.1",
        "J = 16, ICC = 0.3",
    ]
    ax.figure.savefig(io.BytesIO())


def test_words_along_the_axis():
    sizes = ["uniform(2, 8)", 5, {"mean": 5, "cv": 0.4}]
    mixed = ec.design_study(6, sizes, 0.2, reps=20, rng=1, estimators=["rows", "reml"])
    ax = mixed.plot(x="n", measure="bias", ax=new_figure().subplots())
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert ticks == ["2 to 8", "5", "5 (cv 0.4)"]
    for given, label in (("uniform(2, 8)", "2 to 8"), ("2 to 8", "2 to 8"), (5, "5")):
        sections = mixed.table(where={"n": given}).sections
        assert [section.title for section in sections] == [f"J = 6; n = {label}; ICC = 0.2"]
    by_size = ec.design_study(6, [5, 9], 0.2, reps=20, rng=1, estimators="reml")
    assert by_size.plot(ax=new_figure().subplots()).get_xlabel() == "n"
    assert len(by_size.table(where={"n": 9}).sections) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(measure="powr"), "Did you mean 'power'"),
        (dict(x="iccc"), "Did you mean 'icc'"),
        (dict(term="ses"), "term='ses' is not known"),
        (dict(estimators="reml_bw"), "reml_bw"),
        (dict(where={"J": 9}), "There are: 8, 16"),
        (dict(x="J", panel="icc"), "n_cv varies too"),
        (dict(measure="at_zero"), "No estimator"),
    ],
)
def test_figures_that_cannot_be(study, options, words):
    with pytest.raises(ec.errors.EchelonError, match=words):
        study.plot(**options, ax=new_figure().subplots())


def test_nothing_is_drawn_on_a_closed_bar(capsys):
    ec.design_study(5, 4, 0.2, reps=4, rng=1, progress=True, estimators="rows")
    assert "Design study: 1 of 1" in capsys.readouterr().err
