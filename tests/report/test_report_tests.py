"""The section of tests, and how a report tests fixed effects and finds its intervals."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, UnknownArgument, UnknownOption
from echelon.infer import component_values
from echelon.report.estimates import covariance_table, fixed_table, random_table
from echelon.report.inference import inference_of, parameter_name
from echelon.report.term_tests import tests_section as section_of
from echelon.report.words import cite_section, glossary_section, keys_of
from several_factors import CROSSED, answers

pytestmark = pytest.mark.usefixtures("one_figure")

FORMULA = "mathach ~ ses * sector + (ses | school)"


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("&#x27;", "'")


def cells(html: str, name: str) -> list[list[str]]:
    """The rows of a table by its id."""
    body = html.split(f'id="{name}"')[1].split("</table>")[0].split("<tbody>")[1]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [[words(c) for c in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)] for row in rows]


def load(name: str):
    return ec.datasets.load(name, quiet=True)


@pytest.fixture(scope="module")
def hsb():
    return ec.lmer(FORMULA, load("hsb"))


@pytest.fixture(scope="module")
def sleep():
    return ec.lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"))


@pytest.fixture(scope="module")
def timss():
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", load("timss"))


def test_fixed_terms_are_those_of_the_anova(hsb):
    html = section_of(hsb)
    found = hsb.anova()
    rows = cells(html, "anova")
    assert tuple(row[0] for row in rows) == found.names
    assert [row[5] for row in rows] == [f"{F:.3f}" for F in found.statistic]
    assert "Type III analysis of variance with Satterthwaite's method" in words(html)
    assert "speak against leaving out ses, sector and ses:sector (p &lt; .05)" in words(html)


def test_random_terms_have_both_p_values(sleep):
    html = section_of(sleep)
    (whole, row) = cells(html, "ranova")
    found = sleep.ranova()
    assert whole[0] == "&lt;none&gt;" and row[0] == found.terms[1]
    assert row[4] == f"{found.chi_square[1]:.3f}"
    assert len(row) == 8
    assert "less of a random term" in words(html)
    assert "(p &lt; .05, by the mixture)" in words(html)


def test_what_the_data_leave_open_is_no_proof():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=200), "z": rng.normal(size=200)})
    data["g"] = np.arange(200) // 10
    data["y"] = 2 * data.x + rng.normal(size=200) + rng.normal(size=20)[data.g]
    fit = ec.lmer("y ~ x + z + (1 | g)", data)
    p = dict(zip(fit.anova().names, fit.anova().p_value.tolist(), strict=True))
    assert p["x"] < 0.05 < p["z"]
    text = words(section_of(fit))
    assert "speak against leaving out x (p &lt; .05). They do not speak" in text
    assert "leaving out z; that does not show that it has no effect." in text


def test_without_predictors_there_is_no_table_of_fixed_terms(timss):
    html = section_of(timss)
    assert 'id="anova"' not in html
    assert 'id="ranova"' in html
    assert not {"anova"} & keys_of(timss)
    assert "Goodnight" not in cite_section(timss) and "Stram" in cite_section(timss)


@pytest.mark.parametrize(
    ("df", "title", "note", "cited"),
    [
        ("satterthwaite", "Satterthwaite's method", "Satterthwaite’s degrees", "Kuznetsova"),
        ("kenward-roger", "Kenward and Roger's", "Kenward and Roger’s standard", "Kenward, M."),
        ("between-within", "between-within degrees", "between-within degrees", "(Raudenbush"),
        ("none", "Wald chi-square tests", "normal approximation", "normal approximations"),
    ],
)
def test_the_method_of_the_degrees_of_freedom_is_named(df, title, note, cited):
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"), df=df)
    assert title in words(section_of(fit))
    assert any(note in text for text in fixed_table(fit).notes)
    assert cited in words(cite_section(fit)).replace("&amp;", "&")
    others = {"satterthwaite", "kenward-roger", "between-within"} - {df}
    assert not others & keys_of(fit)
    for name, heading in (
        ("satterthwaite", "(Satterthwaite)"),
        ("kenward-roger", "(Kenward and Roger)"),
        ("between-within", "(between-within)"),
    ):
        assert (heading in glossary_section(fit)) == (df == name)


def test_the_kenward_roger_table_shows_its_own_standard_errors(sleep):
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", load("sleepstudy"), df="kenward-roger")
    (one, two) = (fixed_table(f).sections[0].rows[0][2].value for f in (fit, sleep))
    assert one == fit.coefficients()["std_error"][0] and one >= two


def test_a_fit_that_failed_is_not_tested(timss):
    failed = replace(timss, verdict=replace(timss.verdict, status="failed", message="No."))
    assert words(section_of(failed)).endswith("did not converge, so nothing is tested.\n")
    assert not {"anova", "ranova"} & keys_of(failed)


def test_the_iterative_method_has_no_likelihood_ratios():
    fit = ec.lmer(CROSSED, answers(), method="iterative", rng=1)
    text = words(section_of(fit))
    assert "Not tested: ranova() compares likelihoods" in text
    assert "ranova" not in keys_of(fit)


def test_summaries_are_tested_too():
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=ec.Summaries(load("timss_summaries")))
    assert cells(section_of(fit), "ranova")[1][0] == "(1 | idschool)"


def test_robust_standard_errors_stand_beside_those_of_the_model(hsb):
    shown = inference_of(hsb, robust="CR2")
    table = fixed_table(hsb, shown)
    assert [h.name for h in table.headings][2:5] == ["Model SE", "Robust SE", "df"]
    api = hsb.coefficients(robust="CR2")
    rows = table.sections[0].rows
    assert [row[3].value for row in rows] == api["std_error"].tolist()
    assert [row[2].value for row in rows] == hsb.coefficients()["std_error"].tolist()
    assert [row[4] for row in rows] == api["df"].tolist()
    assert [row[7].value for row in rows] == api["conf_low"].tolist()
    assert any("CR2 (bias-reduced linearisation), 160 clusters" in note for note in table.notes)
    html = section_of(hsb, robust="CR2")
    assert [row[3] for row in cells(html, "anova")] == [
        f"{F:.3f}" for F in hsb.anova(robust="CR2").statistic
    ]
    assert {"robust", "CR2"} <= keys_of(hsb, shown) and "satterthwaite" not in keys_of(hsb, shown)
    assert "Bell &amp; McCaffrey" in cite_section(hsb, shown)


def test_robust_tests_by_a_column_of_clusters(tmp_path):
    data = load("hsb")
    fit = ec.lmer("mathach ~ ses + (1 | school)", data)
    district = data.school.astype("category").cat.codes // 4
    path = fit.report(tmp_path / "r.html", robust="CR1", cluster=district.rename("district"))
    text = words(path.read_text(encoding="utf-8"))
    assert "clusters of district" in text
    assert "on 39 degrees of freedom (clusters - 1)" in text


def test_too_few_clusters_are_a_sentence_not_an_error():
    data = load("hsb")
    data["quarter"] = pd.qcut(data["size"], 5, labels=list("abcde"))
    fit = ec.lmer("mathach ~ quarter + (1 | school)", data)
    two = (data.school.astype("category").cat.codes % 2).rename("half")
    html = section_of(fit, robust="CR1", cluster=two)
    assert "Not tested: 2 clusters of 'half' are too few" in words(html)
    assert 'id="anova"' not in html and 'id="ranova"' in html


def test_profile_intervals_are_the_api_s(sleep):
    shown = inference_of(sleep, intervals="profile")
    api = {row["term"]: row for row in sleep.profile().frame().to_dict("records")}
    fixed = fixed_table(sleep, shown)
    assert fixed.headings[-1].group == "95% profile interval"
    for row in fixed.sections[0].rows:
        assert (row[-2].value, row[-1].value) == (
            api[row[0]]["conf_low"],
            api[row[0]]["conf_high"],
        )
    names = ("sd_(Intercept)|Subject", "sd_Days|Subject", "sigma")
    for name, row in zip(names, random_table(sleep, shown).sections[0].rows, strict=True):
        assert (row[5].value, row[6].value) == (api[name]["conf_low"], api[name]["conf_high"])
    pair = covariance_table(sleep, shown).sections[0].rows[0]
    correlation = api["cor_Days.(Intercept)|Subject"]
    assert (pair[-2].value, pair[-1].value) == (correlation["conf_low"], correlation["conf_high"])
    assert "profile" in keys_of(sleep, shown) and "Venzon" in cite_section(sleep, shown)
    assert any("ML deviance" in note for note in random_table(sleep, shown).notes)


def test_wald_is_the_default_and_has_none_for_variances(sleep):
    shown = inference_of(sleep)
    assert shown.intervals is None
    assert "Lower" not in [h.name for h in random_table(sleep, shown).headings]
    assert [h.name for h in fixed_table(sleep, shown).headings] == [
        h.name for h in fixed_table(sleep).headings
    ]


def test_a_profile_that_was_made_is_used_on_the_scale_of_sds(sleep):
    squared = sleep.profile(scale="variance", level=0.8)
    made, again = inference_of(sleep, intervals=squared), inference_of(sleep, intervals="profile")
    assert made.intervals.names == again.intervals.names
    np.testing.assert_allclose(made.intervals.low, again.intervals.low, rtol=1e-12)
    np.testing.assert_allclose(made.intervals.high, again.intervals.high, rtol=1e-12)


def test_bootstrap_intervals_are_those_of_its_seed(sleep):
    drawn = sleep.bootstrap(n=99, rng=3)
    made = inference_of(sleep, intervals="bootstrap", n=99, rng=3)
    given = inference_of(sleep, intervals=drawn)
    np.testing.assert_array_equal(made.intervals.low, drawn.intervals().low)
    np.testing.assert_array_equal(given.fixed.conf_high, made.fixed.conf_high)
    assert made.notes == given.notes
    assert "percentiles of 99 replicates of the parametric bootstrap" in made.notes[-1]
    assert fixed_table(sleep, made).headings[-1].group == "95% bootstrap interval"


def test_robust_standard_errors_keep_their_own_intervals(sleep):
    both = inference_of(sleep, robust="CR2", intervals="profile")
    alone = inference_of(sleep, robust="CR2")
    np.testing.assert_array_equal(both.fixed.conf_low, alone.fixed.conf_low)
    assert both.intervals is not None
    assert fixed_table(sleep, both).headings[-1].group == "95% interval"
    assert "by the robust standard errors" in both.notes[-1]


@pytest.mark.parametrize(
    "formula",
    [
        "Reaction ~ Days + (Days || Subject)",
        "Reaction ~ Days + (Days | Subject)",
        "Reaction ~ Days + cs(0 + factor(Days > 4) | Subject)",
        "Reaction ~ Days + ar1(0 + factor(Days) | Subject)",
    ],
)
def test_every_component_is_found_among_the_intervals(formula):
    fit = ec.lmer(formula, load("sleepstudy"))
    rows = component_values(fit).rows
    assert sorted(map(parameter_name, rows)) == sorted(fit.profile("variance").terms)
    assert {parameter_name(row) for row in rows} <= set(fit.bootstrap(n=3, rng=1).terms)


def test_the_summary_tells_the_intervals_of_the_table(sleep, tmp_path):
    path = sleep.report(tmp_path / "r.html", intervals="profile")
    text = words(path.read_text(encoding="utf-8"))
    row = sleep.profile("Days").frame().to_dict("records")[0]
    assert f"(95% interval {row['conf_low']:.1f} to {row['conf_high']:.1f})" in text


def test_options_that_are_not_understood(sleep, hsb, tmp_path):
    path = tmp_path / "r.html"
    wrong = [
        ({"intervals": "prophile"}, UnknownOption, "profile"),
        ({"intervals": 3}, UnknownOption, "wald"),
        ({"rng": 1}, DataError, "bootstrap"),
        ({"intervals": "profile", "n": 9}, DataError, "bootstrap"),
        ({"intervals": hsb.profile("sigma")}, DataError, "another fit"),
        ({"intervals": sleep.profile("sigma")}, DataError, "all parameters"),
        ({"intervals": sleep.bootstrap(lambda f: f.sigma, n=5, rng=1)}, DataError, "all param"),
        ({"robust": "CR7"}, UnknownOption, "CR"),
        ({"cluster": "Subject"}, DataError, "robust"),
        ({"also": "anova"}, DataError, "also="),
        ({"tilte": "x"}, UnknownArgument, "title"),
    ]
    for options, kind, message in wrong:
        with pytest.raises(kind, match=message):
            sleep.report(path, **options)
    assert not path.exists()
