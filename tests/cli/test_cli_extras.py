"""`echelon fit` with tests, means and intervals: as the API has them, in every file."""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
from example_commands import no_traceback

import echelon as ec
from echelon.cli import options as opt
from echelon.infer.confint import ConfintMethod
from echelon.infer.robust import Correction
from echelon.model.fit import DfMethod

FORMULA = "mathach ~ ses * sector + (ses | school)"
SLEEP = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture(scope="module")
def hsb():
    return ec.lmer(FORMULA, ec.datasets.load("hsb", quiet=True))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def results(shell, *words):
    found = shell("fit", *words, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def rows(result) -> list[dict[str, object]]:
    """The rows of a result of the API, nan and infinity as JSON has them."""
    frame = result if hasattr(result, "to_dict") else result.frame()
    return [{k: plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def without(row: dict[str, object], *keys: str) -> dict[str, object]:
    return {k: v for k, v in row.items() if k not in keys}


def test_choices_are_those_of_the_library():
    assert tuple(opt.Df) == get_args(DfMethod)
    assert tuple(opt.Robust) == get_args(Correction)
    assert tuple(opt.Confint) == get_args(ConfintMethod)


@pytest.mark.parametrize("df", get_args(DfMethod))
def test_every_method_of_degrees_of_freedom(shell, df):
    found = results(shell, SLEEP, "sleepstudy", "--df", df, "--anova")
    fit = ec.lmer(SLEEP, ec.datasets.load("sleepstudy", quiet=True), df=df)
    assert found["df_method"] == found["anova"]["df_method"] == df
    assert [row["df"] for row in found["coefficients"]] == [
        plain(x) for x in fit.coefficients()["df"]
    ]
    assert found["anova"]["terms"] == rows(fit.anova())
    assert found["anova"]["test"] == ("chi-square" if df == "none" else "F")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["--anova"], "III"), (["--anova", "II"], "II"), (["--anova", "1"], "I"),
        (["--anova", "iii"], "III"), (["--anova=II"], "II"),
    ],
)  # fmt: skip
def test_anova_with_and_without_a_type(shell, hsb, words, kind):
    for order in ([FORMULA, "hsb", *words], [*words, FORMULA, "hsb"]):
        found = results(shell, *order)["anova"]
        assert found["type"] == kind
        assert found["terms"] == rows(hsb.anova(type=kind))
        assert found["notes"] == list(hsb.anova(type=kind).notes)


def test_likelihood_ratios(shell, hsb):
    found = results(shell, FORMULA, "hsb", "--ranova", "--drop1")
    api = hsb.ranova()
    assert [without(row, "mixture") for row in found["ranova"]["terms"]] == rows(api)
    assert [row["mixture"] for row in found["ranova"]["terms"]] == [m or None for m in api.mixtures]
    assert found["ranova"]["method"] == "REML"
    assert found["drop1"]["terms"] == rows(hsb.drop1())
    assert found["drop1"]["method"] == "ML"


def test_hypotheses_are_repeatable(shell, hsb):
    texts = ["sector[Catholic] = 0, ses = 3", "ses = 2"]
    words = [w for text in texts for w in ("--test", text)]
    found = results(shell, FORMULA, "hsb", *words)["tests"]
    for one, text in zip(found, texts, strict=True):
        api = ec.contrast(hsb, text)
        assert one["typed"] == text
        assert one["rows"] == rows(api)
        assert one["joint"] == {
            name: getattr(api.joint_test, name) for name in ("statistic", "df1", "df2", "p_value")
        }


def test_means_and_their_comparisons(shell, hsb):
    found = results(shell, FORMULA, "hsb", "--emmeans", "sector", "--emmeans", "ses")
    means = hsb.emmeans("sector")
    assert [one["typed"] for one in found["emmeans"]] == ["sector", "ses"]
    assert found["emmeans"][0]["rows"] == rows(means)
    assert found["emmeans"][0]["specs"] == ["sector"] and found["emmeans"][0]["by"] == []
    (compared,) = found["contrasts"]  # one mean of ses has nothing to be compared with
    assert compared["rows"] == rows(means.contrasts())
    assert (compared["method"], compared["adjust"]) == ("pairwise", means.contrasts().adjust)


@pytest.mark.parametrize("spec", ["sector by sex", "sector | sex", " sector  by  sex "])
def test_means_within_levels(shell, spec):
    formula = "mathach ~ sector * sex + (1 | school)"
    fit = ec.lmer(formula, ec.datasets.load("hsb", quiet=True))
    found = results(shell, formula, "hsb", "--emmeans", spec)
    api = fit.emmeans("sector", by="sex")
    assert found["emmeans"][0]["rows"] == rows(api)
    assert found["contrasts"][0]["rows"] == rows(api.contrasts())
    assert found["contrasts"][0]["by"] == ["sex"]


def test_several_factors_in_one_spec(shell):
    formula = "mathach ~ sector + sex + (1 | school)"
    fit = ec.lmer(formula, ec.datasets.load("hsb", quiet=True))
    found = results(shell, formula, "hsb", "--emmeans", "sector, sex")
    assert found["emmeans"][0]["rows"] == rows(fit.emmeans(["sector", "sex"]))


def test_slopes_and_regions(shell, hsb):
    words = ("--slopes", "ses by sector", "--johnson-neyman", "sector by ses")
    found = results(shell, FORMULA, "hsb", *words)
    assert found["slopes"][0]["rows"] == rows(hsb.slopes("ses", by="sector"))
    assert found["slopes"][0]["variable"] == "ses"
    api = hsb.johnson_neyman("sector", "ses")
    (region,) = found["johnson_neyman"]
    assert region["boundaries"] == api.boundaries.tolist()
    assert region["regions"] == rows(api)
    assert (region["focal"], region["moderator"]) == ("sector", "ses")


def test_wald_intervals(shell, hsb):
    found = results(shell, FORMULA, "hsb", "--confint", "wald")["intervals"]
    api = hsb.coefficients()[["term", "estimate", "conf_low", "conf_high"]]
    assert (found["method"], found["conf_level"]) == ("wald", 0.95)
    assert found["parameters"] == rows(api)


def test_profile_intervals(shell):
    found = results(shell, SLEEP, "sleepstudy", "--confint", "profile")["intervals"]
    fit = ec.lmer(SLEEP, ec.datasets.load("sleepstudy", quiet=True))
    assert found["parameters"] == rows(fit.profile())
    assert found["notes"] == list(fit.profile().notes)


def test_bootstrap_intervals_come_back_with_their_seed(shell):
    words = (SLEEP, "sleepstudy", "--confint", "bootstrap", "--replicates", "49", "--seed", "3")
    found = results(shell, *words)["intervals"]
    fit = ec.lmer(SLEEP, ec.datasets.load("sleepstudy", quiet=True))
    api = fit.bootstrap(n=49, rng=3)
    assert found["parameters"] == rows(api)
    assert found["replicates"] == {"n": 49, **api.counts}
    assert found["seed"] == 3
    assert found["notes"] == list(api.intervals().notes)


def test_robust_goes_through_all_that_can_be(shell, hsb):
    words = ("--anova", "--test", "ses = 0", "--emmeans", "sector", "--slopes", "ses by sector",
             "--confint", "wald")  # fmt: skip
    found = results(shell, FORMULA, "hsb", "--robust", "cr2", *words)
    how = {"robust": "CR2"}
    assert found["robust"]["coefficients"] == rows(hsb.coefficients(**how))
    assert (found["robust"]["correction"], found["robust"]["cluster"]) == ("CR2", "school")
    assert found["robust"]["clusters"] == 160
    assert [r["std_error"] for r in found["coefficients"]] == hsb.coefficients()[
        "std_error"
    ].tolist()
    assert found["anova"]["terms"] == rows(hsb.anova(**how))
    assert found["tests"][0]["rows"] == rows(ec.contrast(hsb, "ses = 0", **how))
    assert found["emmeans"][0]["rows"] == rows(hsb.emmeans("sector", **how))
    assert found["contrasts"][0]["rows"] == rows(hsb.emmeans("sector", **how).contrasts())
    assert found["slopes"][0]["rows"] == rows(hsb.slopes("ses", by="sector", **how))
    low = hsb.coefficients(**how)["conf_low"].tolist()
    assert [row["conf_low"] for row in found["intervals"]["parameters"]] == low


def test_clusters_may_be_a_column_or_a_factor(shell):
    data = ec.datasets.load("hsb", quiet=True)
    formula = "mathach ~ ses + (1 | school)"
    fit = ec.lmer(formula, data)
    found = results(shell, formula, "hsb", "--robust", "CR0", "--cluster", "school")
    assert found["robust"]["coefficients"] == rows(fit.coefficients(robust="CR0", cluster="school"))
    by_size = results(shell, formula, "hsb", "--robust", "CR0", "--cluster", "size")
    api = fit.coefficients(robust="CR0", cluster=data["size"])
    assert by_size["robust"]["coefficients"] == rows(api)
    assert by_size["robust"]["cluster"] == "size"


def test_a_linear_model_has_the_same_tests(shell):
    data = ec.datasets.load("hsb", quiet=True)
    fit = ec.lm("mathach ~ ses * sector", data)
    words = ("--anova", "--drop1", "--test", "ses = 0", "--emmeans", "sector", "--confint", "wald")
    found = results(
        shell, "mathach ~ ses * sector", "hsb", *words, "--robust", "CR2", "--cluster", "school"
    )
    how = {"robust": "CR2", "cluster": data["school"]}
    assert found["anova"]["terms"] == rows(fit.anova(**how))
    assert found["drop1"]["terms"] == rows(fit.drop1())
    assert found["tests"][0]["rows"] == rows(ec.contrast(fit, "ses = 0", **how))
    assert found["robust"]["coefficients"] == rows(fit.coefficients(**how))


def test_keys_are_there_when_asked_for(shell):
    found = results(shell, SLEEP, "sleepstudy")
    assert not {"anova", "ranova", "drop1", "tests", "emmeans", "contrasts", "slopes",
                "johnson_neyman", "intervals", "robust"} & set(found)  # fmt: skip


def test_each_table_stands_below_the_summary(shell, hsb):
    words = ("--anova", "--ranova", "--drop1", "--test", "ses = 3", "--emmeans", "sector",
             "--slopes", "ses by sector", "--confint", "profile", "--robust", "CR1")  # fmt: skip
    found = shell("fit", FORMULA, "hsb", *words, COLUMNS="160")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith(hsb.summary(width=160, robust="CR1"))
    how = {"robust": "CR1"}
    means = hsb.emmeans("sector", **how)
    tables = [
        hsb.anova(**how), hsb.ranova(), hsb.drop1(), ec.contrast(hsb, "ses = 3", **how), means,
        means.contrasts(), hsb.slopes("ses", by="sector", **how), hsb.profile(),
    ]  # fmt: skip
    place = 0
    for table in tables:
        assert found.stdout.find(table.to_text(), place) > 0, table
        place = found.stdout.find(table.to_text(), place)


def test_lines_fit_80_columns(shell):
    words = ("--anova", "--ranova", "--drop1", "--emmeans", "sector", "--confint", "profile",
             "--robust", "CR2", "--test", "ses = 3, sector[T.Catholic] = 0")  # fmt: skip
    said = shell("fit", FORMULA, "hsb", *words, COLUMNS="80").stdout
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.usefixtures("one_figure")
def test_all_files_hold_all_tables(shell, tmp_path, hsb):
    import docx
    import pptx

    names = {
        "--docx": "t.docx", "--pptx": "t.pptx", "--html": "t.html", "--latex": "t.tex",
        "--report": "r.html", "--figures": "figures", "--json": "r.json",
    }  # fmt: skip
    words = ["--anova", "--ranova", "--emmeans", "sector", "--test", "ses = 3", "--confint",
             "profile", "--robust", "CR2", *(w for pair in names.items() for w in pair)]  # fmt: skip
    found = shell("fit", FORMULA, "hsb", *words)
    assert found.exit_code == 0, found.stderr
    tables = 1 + 1 + 6  # the model, robust standard errors, and what was asked for
    assert len(docx.Document(tmp_path / "t.docx").tables) == tables
    assert len(pptx.Presentation(tmp_path / "t.pptx").slides) >= tables
    for name in ("t.html", "t.tex"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        for title in ("Marginal means of mathach by sector", "Linear hypothesis", "Profile likeli"):
            assert title in text
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Robust SE" in page and "95% profile interval" in page
    assert page.count('id="anova"') == page.count('id="ranova"') == 1
    further = page.split('id="further"')[1].split("</section>")[0]
    assert further.count("<table") == 4  # means, comparisons, hypothesis, profile
    assert "Type III" not in further
    made = {p.name for p in (tmp_path / "figures").iterdir()}
    assert {"emmeans.png", "profile.png", "distributions.png"} <= made
    assert "anova" in json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))


def test_a_type_of_anova_that_the_report_has_not_is_added(shell, tmp_path):
    words = ("--anova", "I", "--drop1", "--report", "r.html")
    assert shell("fit", SLEEP, "sleepstudy", *words).exit_code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    further = page.split('id="further"')[1].split("</section>")[0]
    assert "Type I analysis" in further and "random terms" not in further
    assert further.count("<table") == 2


def test_several_figures_of_a_kind_are_numbered(shell, tmp_path):
    formula = "mathach ~ sector + sex + (1 | school)"
    words = ("--emmeans", "sector", "--emmeans", "sex", "--emmeans", "1", "--figures", "f")
    found = shell("fit", formula, "hsb", *words)
    assert found.exit_code == 0, found.stderr
    made = {p.name for p in (tmp_path / "f").iterdir()}
    assert {"emmeans_1.png", "emmeans_2.png"} <= made and "emmeans_3.png" not in made
    assert "No figure of '1': An overall mean is no figure." in " ".join(found.stderr.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--test", "secto = 0"), "secto"),
        (("--test", "ses = "), "ses = "),
        (("--emmeans", "secter"), "Did you mean 'sector'?"),
        (("--emmeans", "sector by region"), "No column 'region'"),
        (("--slopes", "sector by ses"), "is a factor"),
        (("--johnson-neyman", "ses by mathach"), "mathach"),
        (("--robust", "CR2", "--cluster", "schol"), "Did you mean 'school'?"),
        (("--robust", "CR2", "--cluster", "sex"), "independent"),
        (("--confint", "bootstrap", "--replicates", "0"), "n=0"),
    ],
)
def test_a_mistake_is_one_message_exit_1_and_no_file(shell, tmp_path, words, message):
    found = shell("fit", FORMULA, "hsb", *words, "--docx", "t.docx", "--json", "r.json")
    assert found.exit_code == 1
    assert message in found.stderr
    assert found.stdout == ""
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        (FORMULA, "hsb", "--cluster", "school"),
        (FORMULA, "hsb", "--robust", "CR9"),
        (FORMULA, "hsb", "--anova", "IV"),
        (FORMULA, "hsb", "--confint", "exact"),
        (FORMULA, "hsb", "--seed", "1"),
        (FORMULA, "hsb", "--confint", "profile", "--replicates", "9"),
        (FORMULA, "hsb", "--johnson-neyman", "ses"),
        (FORMULA, "hsb", "--df", "kenward"),
        ("mathach ~ ses", "hsb", "--ranova"),
        ("mathach ~ ses", "hsb", "--confint", "profile"),
        ("mathach ~ ses", "hsb", "--robust", "CR2"),
        ("mathach ~ ses", "hsb", "--df", "kenward-roger"),
    ],
)
def test_usage_errors_exit_2_without_output(shell, tmp_path, words):
    found = shell("fit", *words, "--html", "t.html")
    assert found.exit_code == 2
    assert found.stdout == ""
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_tested_after_a_failed_search(shell, tmp_path, monkeypatch):
    from dataclasses import replace

    real = ec.lmer

    def failing(*words, **options):
        fit = real(*words, **options)
        return replace(fit, verdict=replace(fit.verdict, status="failed", message="Not there."))

    monkeypatch.setattr("echelon.lmer", failing)
    found = shell("fit", SLEEP, "sleepstudy", "--anova", "--confint", "profile", "--docx", "t.docx")
    assert found.exit_code == 1
    assert "Formula: " in found.stdout and "analysis of variance" not in found.stdout
    assert "Nothing else was tested." in " ".join(found.stderr.split())
    assert (tmp_path / "t.docx").exists()


def test_help_is_in_groups(shell):
    said = shell("fit", "--help").stdout
    headings = ["Arguments:", "The model:", "Tests and intervals:", "Files:", "Options:"]
    places = [said.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert (
        places[2] < said.index("  --ranova  ") < places[3] < said.index("--docx PATH") < places[4]
    )
