"""Several models side by side, against the lecture's three models."""

from __future__ import annotations

import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, UnknownOption
from echelon.show.compare import compare_table
from echelon.show.table import Entry


@pytest.fixture(scope="module")
def eclsk() -> pd.DataFrame:
    return ec.datasets.load("eclsk", quiet=True)


@pytest.fixture(scope="module")
def three(eclsk) -> list[object]:
    means = eclsk.groupby("schid", as_index=False).agg({"g1rscore": "mean", "sector": "first"})
    return [
        ec.lm("g1rscore ~ sector", eclsk),
        ec.lm("g1rscore ~ sector", means),
        ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk),
    ]


@pytest.fixture(scope="module")
def adjusted(eclsk) -> ec.LMM:
    return ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", eclsk)


def value(table, label: str, column: int) -> object:
    for section in table.sections:
        for row in section.rows:
            if row[0] == label:
                cell = row[column]
                return cell.value if isinstance(cell, Entry) else cell
    raise LookupError(label)


def labels(table) -> list[object]:
    return [row[0] for section in table.sections for row in section.rows]


class TestWide:
    def test_is_the_lectures_comparison(self, three):
        text = compare_table(three).to_text()
        line = next(t for t in text.splitlines() if t.startswith("  sector"))
        assert line.split() == [
            "sector", "6.553", "0.566", "11,089", "11.584", "<0.001***", "6.513", "1.036", "740",
            "6.284", "<0.001***", "6.512", "1.030", "729", "6.323", "<0.001***",
        ]  # fmt: skip
        for number in ("17.509", "8.252", "16.052", "7.046", "-47,021.1", "94,050.3", "94,079.5"):
            assert number in text

    def test_has_a_group_of_columns_a_model(self, three):
        heads = compare_table(three).headings
        assert [h.name for h in heads] == ["Term", *["Estimate", "SE", "df", "t", "p"] * 3]
        assert [h.group for h in heads[1::5]] == ["OLS 1", "OLS 2", "Multilevel (REML)"]

    def test_z_tests_have_no_df(self, eclsk, three):
        fit = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk, df="none", reml=False)
        heads = compare_table([three[2], fit]).headings
        assert [h.name for h in heads[6:]] == ["Estimate", "SE", "z", "p"]
        assert heads[-1].group == "Multilevel (ML)"

    def test_fits_the_terminal_by_continuing_below(self, three):
        text = compare_table(three).to_text(width=80)
        assert max(map(len, text.splitlines())) <= 80
        assert text.count("sector ") == 3


class TestStacked:
    def test_has_errors_in_parentheses(self, three, adjusted):
        table = compare_table([*three, adjusted], ["Students", "Means", "Null", "SES"])
        assert [h.name for h in table.headings] == ["Term", "Students", "Means", "Null", "SES"]
        lines = table.to_text().splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("  sector"))
        assert lines[at].split()[1:] == ["6.553***", "6.513***", "6.512***", "1.886*"]
        assert lines[at + 1].split() == ["(0.566)", "(1.036)", "(1.030)", "(0.914)"]
        assert "Standard errors in parentheses." in table.notes

    def test_matches_terms_over_models(self, three, adjusted):
        table = compare_table([*three, adjusted])
        assert labels(table) == [
            "(Intercept)", "sector", "schmeansesc", "schid: (Intercept), SD", "Residual, SD",
            "ICC", "R²", "Log-likelihood", "AIC", "BIC", "Rows", "Groups of schid",
        ]  # fmt: skip
        assert value(table, "schmeansesc", 1) is None
        assert value(table, "schmeansesc", 4) == pytest.approx(8.63729681, rel=1e-6)
        assert value(table, "schid: (Intercept), SD", 1) is None

    def test_is_the_default_for_more_than_three(self, three, adjusted):
        assert len(compare_table(three).headings) == 16
        assert len(compare_table([*three, adjusted]).headings) == 5
        assert len(compare_table(three, layout="stacked").headings) == 4

    def test_without_stars(self, three):
        assert "*" not in compare_table(three, layout="stacked", stars=False).to_text()


class TestNotes:
    def test_warn_of_different_rows(self, three):
        (note,) = (n for n in compare_table(three).notes if n.startswith("Log-likelihood"))
        assert note.endswith("fitted by the same likelihood: here none.")

    def test_warn_of_reml_with_different_fixed_effects(self, three, adjusted):
        notes = compare_table([three[2], adjusted]).notes
        assert any("here none" in n and "refit with reml=False" in n for n in notes)

    def test_name_those_that_may_be_compared(self, eclsk, three, adjusted):
        ml = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk, reml=False)
        notes = compare_table([three[0], ml, adjusted]).notes
        assert any("here OLS with Multilevel (ML)." in n for n in notes)

    def test_are_silent_when_all_may(self, eclsk, three):
        ml = ec.lmer("g1rscore ~ sector + (1 | schid)", eclsk, reml=False)
        assert not any("comparable" in n for n in compare_table([three[0], ml]).notes)
        again = ec.lmer("g1rscore ~ sector + (1 + ses | schid)", eclsk)
        assert not any("comparable" in n for n in compare_table([three[2], again]).notes)

    def test_say_which_tests(self, three):
        assert compare_table(three).notes[0] == (
            "OLS 1, OLS 2: t tests on residual degrees of freedom; "
            "Multilevel (REML): t tests with Satterthwaite's degrees of freedom."
        )

    def test_carry_the_notes_of_every_model(self, eclsk):
        fit = ec.lm("g1rscore ~ sector + I(2 * sector)", eclsk)
        once = ec.lm("g1rscore ~ sector", eclsk)
        notes = compare_table([fit, once], ["Twice", "Once"]).notes
        assert any(n.startswith("Twice: Left out because") for n in notes)
        assert sum("synthetic" in n for n in notes) == 1  # what all say is said once


class TestNames:
    @pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d"], "abc"])
    def test_as_many_as_models(self, three, names):
        with pytest.raises(DataError, match="names for 3 models"):
            compare_table(three, names)

    @pytest.mark.parametrize("names", [["a", "b", "a"], ["a", "b", " "]])
    def test_differ(self, three, names):
        with pytest.raises(DataError, match="names must differ"):
            compare_table(three, names)

    def test_hostile_ones_are_escaped(self, three):
        page = compare_table(three, ["<b>", "a & b", "c\nd"]).to_html()
        assert "<b>" not in page and "a &amp; b" in page and "c d" in page


def test_refuses_what_is_no_fit(three):
    with pytest.raises(DataError, match="not DataFrame"):
        compare_table([three[0], pd.DataFrame()])
    with pytest.raises(DataError, match="at least one"):
        compare_table([])
    with pytest.raises(UnknownOption, match="stacked"):
        compare_table(three, layout="staked")


def test_linear_models_alone_have_no_random_effects(three):
    titles = [section.title for section in compare_table(three[:2]).sections]
    assert titles == ["Coefficients", "Residual", "Shares of variance", "Fit"]


@pytest.mark.parametrize("layout", ["wide", "stacked"])
@pytest.mark.parametrize("suffix", ["txt", "html", "tex", "docx", "pptx"])
def test_is_written_to_every_format(three, tmp_path, suffix, layout):
    path = tmp_path / f"models.{suffix}"
    compare_table(three, layout=layout).to_file(path)
    assert path.stat().st_size > 100
