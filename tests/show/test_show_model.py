"""Summaries and model tables, against the numbers of lme4, lmerTest and R's lm."""

from __future__ import annotations

import html.parser
import re

import pytest
from example_fits import made, rows, sleep

import echelon as ec
from echelon.show.model import model_table, summary, summary_html


@pytest.fixture(scope="module")
def timss() -> ec.LMM:
    data = ec.datasets.load("timss", quiet=True)
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", data)


@pytest.fixture(scope="module")
def sector() -> ec.LMM:
    data = ec.datasets.load("eclsk", quiet=True)
    return ec.lmer("g1rscore ~ sector + (1 | schid)", data)


@pytest.fixture(scope="module")
def students() -> ec.OLS:
    return ec.lm("g1rscore ~ sector", ec.datasets.load("eclsk", quiet=True))


class TestSummary:
    def test_of_the_null_model_is_what_the_lecture_prints(self, timss):
        lines = summary(timss).splitlines()
        assert lines[:4] == [
            "Linear multilevel model fit by REML",
            "Formula: bsmmatxx ~ 1 + (1 | idschool)",
            "Data: 661 rows in 20 groups of idschool (16 to 51 rows each)",
            "REML criterion 7,614.9, log-likelihood -3,807.4, AIC 7,620.9, BIC 7,634.3",
        ]
        table = rows(summary(timss))
        assert table["idschool"] == ["(Intercept)", "3,557.715", "59.647", "10.112"]
        assert table["Residual"] == ["5,439.903", "73.756", "2.060"]
        assert table["(Intercept)"] == [
            "482.757", "13.673", "19.2", "35.307", "<0.001***", "454.159", "511.354",
        ]  # fmt: skip
        assert "ICC: 0.395" in table
        assert "Verdict: converged. The likelihood is at its maximum." in table
        count = "AIC and BIC count 3 parameters (1 fixed, 2 of variance); BIC uses log(661)."
        assert count in lines

    def test_of_a_level_2_predictor(self, sector):
        table = rows(summary(sector))
        assert table["(Intercept)"][:4] == ["94.657", "0.317", "733.0", "298.818"]
        assert table["sector"][:5] == ["6.512", "1.030", "729.0", "6.323", "<0.001***"]
        assert table["Residual"][1] == "16.052"

    def test_of_random_slopes_has_the_correlation(self):
        text = summary(sleep())
        assert "Correlation with" in text
        table = rows(text)
        assert table["Subject"] == ["(Intercept)", "612.090", "24.740", "5.836"]
        assert re.search(r"Days +35\.072 +5\.922 +1\.248 +0\.066\n", text)
        assert "10 rows each" in text and "ICC (mean over rows): 0.722" in text

    def test_of_independent_slopes_has_no_correlation(self):
        data = ec.datasets.load("sleepstudy", quiet=True)
        assert "Correlation" not in summary(ec.lmer("Reaction ~ Days + (Days || Subject)", data))

    def test_of_z_tests_has_no_df(self):
        text = summary(sleep(df="none", reml=False))
        assert re.search(r"Term +Estimate +SE +z +p +Lower +Upper", text)
        assert "Maximum likelihood; z tests (normal approximation)." in text
        assert "Deviance 1,751.9, log-likelihood -876.0, AIC 1,763.9, BIC 1,783.1" in text

    def test_of_a_linear_model(self, students):
        text = summary(students)
        assert text.splitlines()[:6] == [
            "Linear model fit by ordinary least squares",
            "Formula: g1rscore ~ sector",
            "Data: 11,091 rows",
            "Residual SE 17.509 on 11,089 degrees of freedom",
            "R² 0.01196, adjusted R² 0.01187, F(1, 11089) = 134.19, p < 0.001",
            "Log-likelihood -47,486.9, AIC 94,979.9, BIC 95,001.8",
        ]
        table = rows(text)
        assert table["(Intercept)"][:3] == ["94.847", "0.175", "542.565"]
        assert table["sector"][:4] == ["6.553", "0.566", "11.584", "<0.001***"]
        assert "Verdict" not in text and "Random effects" not in text

    def test_of_a_linear_model_of_school_means_has_f_in_order(self):
        data = ec.datasets.load("eclsk", quiet=True)
        means = data.groupby("schid", as_index=False).agg({"g1rscore": "mean", "sector": "first"})
        text = summary(ec.lm("g1rscore ~ sector", means))
        assert "Residual SE 8.252 on 740 degrees of freedom" in text
        assert "R² 0.05066, adjusted R² 0.04938, F(1, 740) = 39.49, p < 0.001" in text

    def test_of_a_constant_alone_has_no_f(self):
        assert "F(" not in summary(ec.lm("y ~ 1", made()))

    def test_keeps_to_its_width(self):
        data = made().rename(columns={"x": "a name that is far too long for a column " * 3})
        name = data.columns[2]
        fit = ec.lmer(f"y ~ `{name}` + sector + (1 | school)", data)
        for width in (60, 80, 120):
            assert max(map(len, summary(fit, width=width).splitlines())) <= width
        assert summary(fit) == summary(fit, width=80)
        assert "95% interval" not in summary(fit)

    def test_small_numbers_keep_their_digits(self):
        data = made()
        data["x"] *= 1e3
        text = summary(ec.lmer("y ~ x + (1 | school)", data))
        estimate, se = rows(text)["x"][:2]
        assert float(se) > 0 and len(se.lstrip("0.")) >= 2
        assert len(estimate.partition(".")[2]) == len(se.partition(".")[2])

    def test_large_numbers_are_written_out(self):
        data = made()
        data["y"] *= 1e6
        text = summary(ec.lm("y ~ 1", data))
        assert re.search(r"\(Intercept\) +\d\d,\d{3},\d{3} ", text)

    def test_p_is_never_zero(self, timss, sector, students):
        for fit in (timss, sector, students):
            for text in (summary(fit), summary_html(fit), str(model_table(fit))):
                assert "0.0000" not in text and not re.search(r" 0\.000\*", text)


class _Checker(html.parser.HTMLParser):
    """Counts opened and closed elements and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class TestHtml:
    def test_is_whole_and_has_the_numbers(self, timss):
        page = _Checker()
        page.feed(summary_html(timss))
        assert page.open == []
        for number in ("482.757", "13.673", "35.307", "59.647", "73.756", "7,620.9", "−3,807.4"):
            assert number in page.text
        assert summary_html(timss).count("<style>") == 1

    def test_escapes_hostile_names(self):
        data = made().rename(columns={"x": "<script>alert(1)</script>", "school": "s<b>"})
        fit = ec.lmer("y ~ `<script>alert(1)</script>` + (1 | `s<b>`)", data)
        page = summary_html(fit)
        assert "<script" not in page and "<b>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        checker = _Checker()
        checker.feed(page)
        assert checker.open == []


class TestModelTable:
    def test_is_the_lectures_table(self, timss):
        table = rows(model_table(timss).to_text())
        assert table["(Intercept)"] == ["482.757", "13.673", "19", "35.307", "<0.001***"]
        assert table["idschool: (Intercept), SD"] == ["59.647", "10.112"]
        assert table["Residual, SD"][0] == "73.756"
        assert table["ICC"] == ["0.395"]
        assert table["REML log-likelihood"] == ["-3,807.4"]
        assert table["AIC"] == ["7,620.9"]
        assert table["BIC"] == ["7,634.3"]
        assert table["Rows"] == ["661"]
        assert table["Groups of idschool"] == ["20"]

    def test_of_a_level_2_predictor(self, sector):
        table = rows(model_table(sector).to_text())
        assert table["(Intercept)"] == ["94.657", "0.317", "733", "298.818", "<0.001***"]
        assert table["sector"] == ["6.512", "1.030", "729", "6.323", "<0.001***"]
        assert table["schid: (Intercept), SD"][0] == "7.046"
        assert table["Residual, SD"][0] == "16.052"
        assert table["REML log-likelihood"] == ["-47,021.1"]
        assert table["AIC"] == ["94,050.3"]
        assert table["BIC"] == ["94,079.5"]

    def test_of_random_slopes(self):
        table = rows(model_table(sleep()).to_text())
        assert table["Days"] == ["10.467", "1.546", "17", "6.771", "<0.001***"]
        assert table["Subject: correlation of (Intercept), Days"][0] == "0.066"

    def test_of_a_linear_model(self, students):
        table = rows(model_table(students).to_text())
        assert table["Residual SE"] == ["17.509"]
        assert table["R²"] == ["0.01196"]
        assert table["F(1, 11089)"] == ["134.19", "<0.001***"]
        assert table["sector"] == ["6.553", "0.566", "11,089", "11.584", "<0.001***"]

    def test_z_tests(self):
        table = model_table(sleep(df="none"))
        assert [h.name for h in table.headings] == ["Term", "Estimate", "SE", "z", "p"]

    def test_intervals(self, timss):
        table = model_table(timss, conf_int=True)
        assert [h.group for h in table.headings[-2:]] == ["95% interval"] * 2
        assert rows(table.to_text())["(Intercept)"][-2:] == ["454.159", "511.354"]

    def test_without_stars_there_is_no_key(self, timss):
        assert "*" not in model_table(timss, stars=False).to_text()

    def test_digits_and_title(self, timss):
        table = model_table(timss, digits=1, title="Grand mean")
        assert table.title == "Grand mean"
        assert rows(table.to_text())["(Intercept)"][:2] == ["482.8", "13.7"]
        assert model_table(timss, title="").title == ""

    def test_small_df_keep_a_decimal(self):
        data = made().query("school <= 'S03'")
        cell = model_table(ec.lmer("y ~ 1 + (1 | school)", data)).sections[0].rows[0][3]
        assert cell.value < 10 and cell.digits == 1

    def test_notes_carry_the_conventions(self, timss, students):
        assert model_table(timss).notes[0] == (
            "REML (restricted) likelihood; t tests with Satterthwaite's degrees of freedom."
        )
        assert model_table(students).notes[-2] == "* p < .05, ** p < .01, *** p < .001"

    @pytest.mark.parametrize("suffix", ["txt", "html", "tex", "docx", "pptx"])
    def test_is_written_to_every_format(self, timss, tmp_path, suffix):
        path = tmp_path / f"model.{suffix}"
        model_table(timss, conf_int=True).to_file(path)
        assert path.stat().st_size > 100
