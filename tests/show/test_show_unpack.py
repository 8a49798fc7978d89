"""Tables of groups, one-way quantities and descriptions, against the lecture's numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import UnknownOption
from echelon.multilevel import (
    describe_values,
    group_values,
    oneway_values,
    reliability_values,
)
from echelon.show.unpack import (
    components_table,
    description_table,
    groups_table,
    oneway_table,
    reliability_table,
)


@pytest.fixture(scope="module")
def timss() -> pd.DataFrame:
    return ec.datasets.load("timss", quiet=True)


@pytest.fixture(scope="module")
def null(timss) -> ec.LMM:
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)


@pytest.fixture(scope="module")
def slopes() -> ec.LMM:
    data = ec.datasets.load("sleepstudy", quiet=True)
    return ec.lmer("Reaction ~ Days + (Days | Subject)", data)


def line(text: str, start: str) -> list[str]:
    return next(t for t in text.splitlines() if t.strip().startswith(start)).split()


class TestGroups:
    @pytest.mark.parametrize(
        ("school", "numbers"),
        [
            ("5036", ["41", "484.25", "132.68", "11.52", "3,690.40", "5.07", "0.964", "484.20"]),
            ("5049", ["16", "485.51", "339.99", "18.44", "3,897.71", "4.80", "0.913", "485.27"]),
            ("5058", ["42", "378.48", "129.52", "11.38", "3,687.24", "5.07", "0.965", "382.15"]),
            ("5269", ["51", "528.36", "106.66", "10.33", "3,664.38", "5.10", "0.971", "527.03"]),
        ],
    )
    def test_have_the_slides_numbers(self, null, school, numbers):
        text = groups_table(group_values(null)).to_text()
        assert line(text, school)[:9] == [school, *numbers]

    def test_have_the_posterior_se_and_its_interval(self, null):
        values = group_values(null)
        table = groups_table(values)
        assert line(table.to_text(), "5036")[9:] == ["11.32", "462.01", "506.38"]
        assert round(float(values.posterior_se[0, 0]) ** 2, 2) == 128.15
        assert "95% intervals; their SE counts the uncertainty" in table.notes[1]

    def test_show_the_conditional_sd_with_its_own_interval(self, null):
        table = groups_table(group_values(null, interval="conditional", level=0.9))
        assert "90% intervals; their SE does not count" in table.notes[1]
        expected = group_values(null).conditional_sd[0, 0]
        assert float(line(table.to_text(), "5036")[9]) == pytest.approx(expected, abs=0.005)

    def test_of_slopes_stand_below_each_other(self, slopes):
        table = groups_table(group_values(slopes))
        assert [s.title for s in table.sections] == ["(Intercept)", "Days"]
        assert table.headings[2].name == "OLS"
        alone = groups_table(group_values(slopes), term="Days")
        assert alone.sections == table.sections[1:]

    def test_refuse_an_unknown_term(self, slopes):
        with pytest.raises(UnknownOption, match="Did you mean 'Days'"):
            groups_table(group_values(slopes), term="Day")

    def test_of_zero_variance(self, timss):
        data = timss.assign(bsmmatxx=timss.groupby("idschool").cumcount().astype(float) % 2)
        small = data.groupby("idschool").head(16)
        text = groups_table(group_values(ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", small))).to_text()
        assert line(text, "5036")[7] == "0.000"

    def test_of_many_groups_keep_the_digits_of_the_weight(self):
        fit = ec.lmer("g1rscore ~ sector + (1 | schid)", ec.datasets.load("eclsk", quiet=True))
        cell = groups_table(group_values(fit)).sections[0].rows[0][6]
        assert cell.digits == 3


class TestOneway:
    def test_has_the_lectures_numbers(self, timss):
        text = oneway_table(oneway_values("bsmmatxx", "idschool", timss)).to_text()
        assert line(text, "Overall mean")[2:] == ["482.64", "482.78", "482.76"]
        assert line(text, "Variance between groups")[3:] == [
            "3,697.67", "3,515.16", "3,910.30", "3,557.72",
        ]  # fmt: skip
        assert line(text, "Variance within groups")[3:] == ["5,440.81", "5,440.81", "5,439.90"]
        assert line(text, "SE of the mean")[4:] == ["13.60", "13.67"]
        assert line(text, "ICC")[1:] == ["0.418", "0.395"]
        assert line(text, "F(19, 641)")[2:] == ["24.64"]
        assert line(text, "p ")[1:] == ["<0.001"]
        assert "661 rows in 20 groups of 16 to 51 rows" in text

    def test_says_what_a_negative_variance_means(self):
        data = pd.DataFrame({"g": np.repeat(list("abcd"), 5), "y": np.tile(np.arange(5.0), 4)})
        table = oneway_table(oneway_values("y", "g", data))
        assert "20 rows in 4 groups of 5 rows each." in table.notes
        assert table.notes[-1] == "A negative moment estimate of a variance counts as zero."
        assert line(table.to_text(), "Variance between groups")[3:] == [
            "0.00", "-0.50", "-0.50", "0.00",
        ]  # fmt: skip


class TestDescription:
    def test_is_the_lectures_table(self):
        eclsk = ec.datasets.load("eclsk", quiet=True)
        found = describe_values(eclsk, ["g1rscore", "ses"], by="sector", level="schid")
        table = description_table(found)
        assert [h.name for h in table.headings] == [
            "", "0 (N=672)", "1 (N=70)", "Overall (N=742)",
        ]  # fmt: skip
        assert table.sections[0].rows == (
            ("Mean (SD)", "94.6 (8.33)", "101 (7.48)", "95.2 (8.46)"),
            ("Median [min, max]", "95.0 [68.5, 117]", "102 [77.2, 115]", "95.5 [68.5, 117]"),
        )
        assert table.sections[1].rows == (
            ("Mean (SD)", "-0.0982 (0.517)", "0.437 (0.418)", "-0.0477 (0.532)"),
            (
                "Median [min, max]",
                "-0.144 [-1.28, 1.32]",
                "0.516 [-0.798, 1.18]",
                "-0.0576 [-1.28, 1.32]",
            ),
        )
        assert table.notes[0].startswith("Each of 742 groups of schid (10 to 25 rows)")

    def test_counts_missing_values_where_there_are_any(self):
        data = pd.DataFrame({"a": [1.0, 2.0, np.nan], "b": [1.0, 2.0, 3.0]})
        first, second = description_table(describe_values(data, ["a", "b"])).sections
        assert first.rows[-1] == ("Missing", "1")
        assert len(second.rows) == 2

    def test_of_a_single_row_has_no_sd(self):
        data = pd.DataFrame({"a": [1234.5], "s": ["<x>"]})
        table = description_table(describe_values(data, "a", by="s"))
        assert table.sections[0].rows[0] == ("Mean (SD)", "1,234 (—)", "1,234 (—)")
        assert "<x>" not in table.to_html()


def test_components_of_slopes(slopes):
    table = components_table(slopes)
    assert table.headings[-1].name == "(Intercept)"
    assert round(table.sections[0].rows[1][-1], 3) == 0.066


def test_reliability(slopes):
    text = reliability_table(reliability_values(slopes)).to_text()
    assert line(text, "Days") == ["Days", "0.815"]
    assert "18 groups of Subject" in text
