"""`echelon fit` after the table: checks, measures, influence, ranks, groups explained."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from after_commands import NESTED, SLEEP, classes_file, plain, results, rows

import echelon as ec
from echelon.diagnose.influence.frames import cutoffs

PAGE = Path(__file__).parents[2] / "docs" / "shell.md"


@pytest.fixture(scope="module")
def data():
    return ec.datasets.load("sleepstudy", quiet=True)


@pytest.fixture(scope="module")
def sleep(data):
    return ec.lmer(SLEEP, data)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def nested(tmp_path):
    return classes_file(tmp_path)


def test_checks_and_measures(shell, sleep):
    found = results(shell, SLEEP, "sleepstudy", "--check", "--performance", "--r2")
    api = sleep.check()
    assert found["check"]["findings"] == rows(api)
    assert found["check"]["summary"] == api.summary
    assert (found["check"]["problems"], found["check"]["looks"]) == (
        len(api.problems), len(api.looks),
    )  # fmt: skip
    assert found["performance"] == rows(sleep.performance())[0]
    shares, levels = sleep.r2_decomposition(), sleep.r2_levels()
    assert found["r2_decomposition"]["components"] == rows(shares)
    assert found["r2_decomposition"]["measures"] == [
        {"measure": measure, "of": of, "r2": plain(value)}
        for (measure, of), value in shares.measures().items()
    ]
    assert found["r2_levels"]["levels"] == rows(levels)
    assert found["r2_levels"]["without_slopes"] == ["Days"]


def test_influence_of_rows_of_groups_and_of_columns(shell, sleep, data):
    words = [w for by in ("rows", "Subject", "Days") for w in ("--influence", by)]
    found = results(shell, SLEEP, "sleepstudy", *words)["influence"]
    api = [sleep.influence(), sleep.influence("Subject"), sleep.influence("Days")]
    assert [one["of"] for one in found] == ["rows", "Subject", "Days"]
    for one, expected in zip(found, api, strict=True):
        assert one["rows"] == rows(expected)
        large = cutoffs(expected)
        assert one["cutoffs"] == {f.name: plain(getattr(large, f.name)) for f in fields(large)}
    assert [one["method"] for one in found] == ["held", "exact", "exact"]


def test_influence_of_a_column_that_is_not_in_the_model(shell, nested):
    found = results(shell, "y ~ x + (1 | school)", "pupils.csv", "--influence", "klass")
    fit = ec.lmer("y ~ x + (1 | school)", nested)
    (one,) = found["influence"]
    assert one["of"] == "klass"
    assert one["rows"] == rows(fit.influence(nested["klass"]))


def test_ranks_and_one_group(shell, sleep):
    words = ("--ranks", "--ranks", "Days of Subject", "--explain", "308", "--explain",
             "337 of Subject")  # fmt: skip
    found = results(shell, SLEEP, "sleepstudy", *words)
    for one, term in zip(found["ranks"], ("(Intercept)", "Days"), strict=True):
        api = sleep.ranks(term=term)
        assert (one["factor"], one["term"], one["draws"]) == ("Subject", term, api.n)
        assert one["rows"] == rows(api)
    for one, label in zip(found["explain"], ("308", "337"), strict=True):
        api = sleep.explain(label)
        assert one["text"] == api.text
        assert one["coefficients"] == rows(api)
        assert one["group"] == plain(api.label)


@pytest.mark.parametrize(
    "words",
    [
        ("--ranks", SLEEP, "sleepstudy"), (SLEEP, "--ranks", "sleepstudy"),
        (SLEEP, "sleepstudy", "--ranks"), (SLEEP, "sleepstudy", "--ranks", "--r2"),
        (SLEEP, "--ranks", "Subject", "sleepstudy"), (SLEEP, "sleepstudy", "--ranks=Subject"),
    ],
)  # fmt: skip
def test_ranks_may_stand_alone_anywhere(shell, words):
    (one,) = results(shell, *words)["ranks"]
    assert (one["factor"], one["term"]) == ("Subject", "(Intercept)")


@pytest.mark.parametrize(
    ("words", "of"),
    [
        (("--influence", SLEEP, "sleepstudy"), "rows"), ((SLEEP, "--influence", "./s.csv"), "rows"),
        ((SLEEP, "sleepstudy", "--influence", "Subject"), "Subject"),
    ],
)  # fmt: skip
def test_influence_may_stand_alone_anywhere(shell, data, words, of):
    data.to_csv("s.csv", index=False)
    (one,) = results(shell, *words)["influence"]
    assert one["of"] == of


def test_names_of_factors_before_names_of_files(shell, data):
    """A word of the formula is a factor, whatever files there are."""
    Path("Subject").mkdir()
    (one,) = results(shell, SLEEP, "sleepstudy", "--ranks", "Subject")["ranks"]
    assert one["factor"] == "Subject"


def test_a_label_may_hold_the_word_of(shell, tmp_path, data):
    named = data.assign(Subject="clinic of " + data["Subject"].astype(str))
    named.to_csv("named.csv", index=False)
    found = results(shell, SLEEP, "named.csv", "--explain", "clinic of 308",
                    "--explain", "clinic of 308 of Subject")  # fmt: skip
    assert [one["group"] for one in found["explain"]] == ["clinic of 308"] * 2


def test_several_factors(shell, nested):
    words = ("--ranks", "school", "--ranks", "klass:school", "--explain", "3 of school",
             "--influence", "school", "--r2")  # fmt: skip
    found = results(shell, NESTED, "pupils.csv", *words)
    fit = ec.lmer(NESTED, nested)
    assert [one["factor"] for one in found["ranks"]] == ["school", "klass:school"]
    assert found["ranks"][1]["rows"] == rows(fit.ranks("klass:school"))
    assert found["explain"][0]["text"] == fit.explain("3", "school").text
    assert found["r2_decomposition"]["levels"] == ["within", "klass:school", "school"]
    assert "r2_levels" not in found  # defined for one factor: the reason is said
    said = shell("fit", NESTED, "pupils.csv", "--r2").stderr
    assert "one of its two tables" in said and "one grouping factor" in " ".join(said.split())


def test_crossed_factors_have_no_levels(shell, nested):
    found = shell("fit", "y ~ x + (1 | school) + (1 | klass)", "pupils.csv", "--r2")
    assert found.exit_code == 1 and found.stdout == ""
    assert "--performance" in found.stderr


def test_a_linear_model(shell, data):
    fit = ec.lm("Reaction ~ Days", data)
    words = ("--check", "--performance", "--influence", "rows", "--influence", "Subject",
             "--predict", "sleepstudy", "--interval", "prediction", "--augment", "a.csv",
             "--simulate", "1", "s.csv", "--seed", "1")  # fmt: skip
    found = results(shell, "Reaction ~ Days", "sleepstudy", *words)
    assert found["check"]["findings"] == rows(fit.check())
    assert found["performance"] == rows(fit.performance())[0]
    assert found["influence"][0]["rows"] == rows(fit.influence())
    assert found["influence"][1]["rows"] == rows(fit.influence(data["Subject"]))
    assert found["predictions"]["rows"] == rows(fit.predict(data, interval="prediction"))
    np.testing.assert_array_equal(ec.read("a.csv")["leverage"], fit.augment(data)["leverage"])
    np.testing.assert_array_equal(ec.read("s.csv")["sim_1"], fit.simulate(1, rng=1)["sim_1"])


def test_structured_residuals(shell, data):
    formula, how = "Reaction ~ Days + (1 | Subject)", "ar1(Days | Subject)"
    fit = ec.lmer(formula, data, residual=how)
    words = ("--check", "--performance", "--r2", "--ranks", "--influence", "Subject", "--explain",
             "308", "--predict", "sleepstudy", "--interval", "prediction", "--augment", "a.csv",
             "--residual-file", "g.csv", "--simulate", "2", "s.csv", "--seed", "1")  # fmt: skip
    found = results(shell, formula, "sleepstudy", "--residual", how, *words)
    assert found["residual"] == how
    assert found["performance"] == rows(fit.performance())[0]
    assert found["check"]["findings"] == rows(fit.check())
    assert found["ranks"][0]["rows"] == rows(fit.ranks())
    assert found["influence"][0]["rows"] == rows(fit.influence("Subject"))
    assert found["predictions"]["rows"] == rows(fit.predict(data, interval="prediction"))
    np.testing.assert_array_equal(ec.read("s.csv")["sim_2"], fit.simulate(2, rng=1)["sim_2"])
    assert results(shell, formula, "sleepstudy")["residual"] is None


def test_summaries(shell, data):
    by = data.groupby("Subject")["Reaction"].agg(["mean", "std", "size"]).reset_index()
    by.columns = ["Subject", "score", "sd", "n"]
    by.to_csv("by.csv", index=False)
    words = ("score ~ 1 + (1 | Subject)", "by.csv", "--summaries")
    fit = ec.lmer(words[0], summaries=ec.read("by.csv"))
    asked = ("--check", "--performance", "--ranks", "--explain", "308", "--influence", "Subject",
             "--residual-file", "g.csv", "--predict", "sleepstudy")  # fmt: skip
    found = results(shell, *words, *asked)
    assert found["performance"] == rows(fit.performance())[0]
    assert found["ranks"][0]["rows"] == rows(fit.ranks())
    assert found["influence"][0]["rows"] == rows(fit.influence("Subject"))
    for option in (["--augment", "a.csv"], ["--simulate", "1", "s.csv"], ["--influence"]):
        refused = shell("fit", *words, *option)
        assert refused.exit_code == 2 and option[0] in refused.stderr
        assert "single rows" in refused.stderr


def test_each_table_stands_below_the_summary_in_shell_words(shell, sleep):
    words = ("--performance", "--r2", "--check", "--influence", "Subject", "--influence", "rows",
             "--ranks", "--explain", "308", "--predict", "sleepstudy")  # fmt: skip
    found = shell("fit", SLEEP, "sleepstudy", *words, COLUMNS="80")
    assert found.exit_code == 0, found.stderr
    assert max(map(len, found.stdout.splitlines())) <= 80
    titles = ["Fit of Reaction", "Variance of Reaction by source", "R squared of Snijders",
              "Checks of Reaction", "Influence of Subject", "Influence of rows",
              "Ranks of 18 groups", "Group 308 of Subject", "Predictions of Reaction"]  # fmt: skip
    places = [found.stdout.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    told = " ".join(found.stdout[places[-2] : places[-1]].split())
    assert told == " ".join(sleep.explain("308").text.split())  # sentences, no table
    assert ".frame()" not in found.stdout and "refit=True" not in found.stdout
    assert "Rows of the data are counted from 0." in found.stdout


@pytest.mark.usefixtures("one_figure")
def test_all_files_hold_all_tables(shell, tmp_path):
    import docx

    words = ["--performance", "--r2", "--check", "--influence", "Subject", "--ranks", "--explain",
             "308", "--predict", "sleepstudy", "--docx", "t.docx", "--html", "t.html",
             "--report", "r.html", "--figures", "f"]  # fmt: skip
    found = shell("fit", SLEEP, "sleepstudy", *words)
    assert found.exit_code == 0, found.stderr
    assert len(docx.Document(tmp_path / "t.docx").tables) == 1 + 8
    page = Path("t.html").read_text(encoding="utf-8")
    for title in ("Checks of Reaction", "Ranks of 18 groups", "Group 308", "Predictions of Reac"):
        assert title in page
    assert "Group 308 of Subject has 10 rows" in page  # the sentences are notes of the table
    report = Path("r.html").read_text(encoding="utf-8")
    further = report.split('id="further"')[1].split("</section>")[0]
    assert "Group 308 of Subject has 10 rows" in further and "Ranks of 18 groups" in further
    assert "Checks of Reaction" in report and "Checks of Reaction" not in further
    made = [path.name for path in Path("f").iterdir()]
    assert {"r2_decomposition.png", "influence.png"} <= set(made)
    assert {"residuals.png", "qq.png", "league_days.png"} <= set(made)  # as for every fit
    assert not {"ranks.png", "check.png"} & set(made)


def test_keys_are_there_when_asked_for(shell):
    found = results(shell, SLEEP, "sleepstudy")
    assert not {"check", "performance", "r2_decomposition", "r2_levels", "influence", "ranks",
                "explain", "predictions"} & set(found)  # fmt: skip


def test_help_has_its_headings(shell):
    said = shell("fit", "--help").stdout
    headings = ["Tests and intervals:", "Checks, measures, groups:", "Prediction:", "Files:"]
    places = [said.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    assert max(map(len, said.splitlines())) <= 80


def test_the_page_shows_what_the_program_says(shell):
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(
        r"```console\n(echelon fit [^\n]*)\n```\n\n```text\n(.*?)```", text, re.DOTALL
    )
    assert len(blocks) >= 2
    for command, output in blocks:
        found = shell(*shlex.split(command)[1:], COLUMNS="80")
        assert found.exit_code == 0, found.stderr
        assert output in found.stdout, command


def test_the_commands_of_the_page_run(shell):
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index("## Check, rank") : text.index("## Compare models")]
    commands = re.findall(r"^echelon fit .*$", section, re.M)
    assert len(commands) >= 6
    for command in commands:
        found = shell(*shlex.split(command)[1:])
        assert found.exit_code == 0, found.stderr
