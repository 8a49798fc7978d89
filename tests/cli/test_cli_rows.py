"""`echelon fit`: predictions and other files of rows, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from after_commands import NESTED, SLEEP, classes_file, results, rows
from example_commands import no_traceback

import echelon as ec
from echelon.cli import after_options as late
from echelon.cli.fit_files import _ROWS
from echelon.cli.row_files import AUGMENTED
from echelon.data.writers import WRITTEN
from echelon.effects.predict import Interval


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


def test_choices_are_those_of_the_library():
    assert tuple(late.Interval) == get_args(Interval)
    assert set(_ROWS) == set(WRITTEN)


@pytest.mark.parametrize("interval", [None, *late.Interval])
@pytest.mark.parametrize("random", [None, "none", "Subject", "(1 | Subject)"])
def test_predictions_are_those_of_the_library(shell, sleep, data, interval, random):
    data.iloc[::20].to_csv("new.csv", index=False)
    words = ["--predict", "new.csv", *(["--interval", interval] if interval else [])]
    words += ["--random", random] if random else []
    found = results(shell, SLEEP, "sleepstudy", *words)["predictions"]
    api = sleep.predict(ec.read("new.csv"), interval=interval, random=random)
    assert found["rows"] == rows(api)
    assert (found["file"], found["interval"], found["random"]) == ("new.csv", interval, random)


@pytest.mark.parametrize("ending", _ROWS)
def test_predictions_beside_their_rows(shell, sleep, data, ending):
    data.iloc[::20].assign(more="a").to_csv("new.csv", index=False)
    words = ("--predict", "new.csv", "--predictions", f"out{ending}", "--interval", "prediction")
    found = shell("fit", SLEEP, "sleepstudy", *words)
    assert found.exit_code == 0, found.stderr
    assert f"Wrote out{ending}" in found.stderr
    made, new = ec.read(f"out{ending}"), ec.read("new.csv")
    api = sleep.predict(new, interval="prediction")
    assert list(made.columns) == [*new.columns, *api.columns]
    for name in api.columns:
        np.testing.assert_array_equal(made[name], api[name])
    assert made["more"].astype(str).tolist() == ["a"] * len(new)


def test_new_groups_missing_values_and_the_rows_of_the_fit(shell, sleep, data):
    new = data.head(4).astype({"Subject": "object"})
    new.loc[0, "Subject"], new.loc[1, "Days"] = "999", np.nan
    new.to_csv("new.csv", index=False)
    refused = shell("fit", SLEEP, "sleepstudy", "--predict", "new.csv", "--predictions", "p.csv")
    assert refused.exit_code == 1 and refused.stdout == "" and not Path("p.csv").exists()
    said = " ".join(refused.stderr.split())
    assert "'999' for 'Subject'" in said
    assert "--new-groups population" in said and "new_groups=" not in said
    words = ("--predict", "new.csv", "--new-groups", "population", "--interval", "confidence")
    found = shell("fit", SLEEP, "sleepstudy", *words, "--predictions", "p.csv")
    assert found.exit_code == 0, found.stderr
    assert "1 row lacks a value" in found.stdout
    api = sleep.predict(ec.read("new.csv"), new_groups="population", interval="confidence")
    np.testing.assert_array_equal(ec.read("p.csv")["conf_low"], api["conf_low"])
    assert np.isnan(ec.read("p.csv")["estimate"][1])


def test_the_shown_rows_of_predictions(shell, sleep):
    said = shell("fit", SLEEP, "sleepstudy", "--predict", "sleepstudy").stdout
    table = said[said.index("Predictions of Reaction for 180 rows of sleepstudy") :].splitlines()
    assert table[2].split() == ["Subject", "Days", "Prediction"]
    first = f"{sleep.predict()['estimate'][0]:.2f}"
    assert table[4].split() == ["308", "0", first]
    assert "The first 10 of 180 rows" in said


def test_augmented_data_groups_and_drawn_responses(shell, nested):
    words = ("--augment", "a.parquet", "--residual-file", "g.csv", "--simulate", "2", "s.csv",
             "--seed", "3")  # fmt: skip
    found = shell("fit", NESTED, "pupils.csv", *words)
    assert found.exit_code == 0, found.stderr
    fit = ec.lmer(NESTED, nested)
    made, api = ec.read("a.parquet"), fit.augment(nested)
    assert list(made.columns) == [*nested.columns, *AUGMENTED] == list(api.columns)
    np.testing.assert_array_equal(made["residual"], api["residual"])
    for file, factor in (("g_klass_school.csv", "klass:school"), ("g_school.csv", "school")):
        np.testing.assert_array_equal(
            ec.read(file)["eb_intercept"], fit.residual_file(factor)["eb_intercept"]
        )
    assert not Path("g.csv").exists()
    drawn, own = ec.read("s.csv"), fit.simulate(2, rng=3)
    assert np.isnan(drawn["sim_1"][5])  # the row that was left out
    np.testing.assert_array_equal(drawn["sim_2"].dropna(), own["sim_2"])
    assert results(shell, "sim_1 ~ x + (1 | school)", "s.csv")["n"] == 239


def test_the_residual_file_by_names_of_hlm(shell, sleep):
    words = ("--residual-file", "r.sav", "--hlm-names")
    assert shell("fit", SLEEP, "sleepstudy", *words).exit_code == 0
    made, api = ec.read("r.sav"), sleep.residual_file(names="hlm")
    assert list(made.columns) == list(api.columns)
    np.testing.assert_array_equal(made["EBDAYS"], api["EBDAYS"])


def test_names_that_a_format_does_not_take_are_told(shell, nested):
    words = ("--residual-file", "r.sav")
    found = shell("fit", NESTED, "pupils.csv", *words)
    assert "klass:school is klass_school" in " ".join(found.stderr.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--ranks", "subject"), "Did you mean 'Subject'?"),
        (("--ranks", "Dayz of Subject"), "Dayz"),
        (("--explain", "3080"), "Did you mean '308'?"),
        (("--influence", "Dayz"), "Did you mean 'Days'?"),
        (("--predict", "absent.csv"), "absent.csv"),
        (("--predict", "sleepstudy", "--random", "Subjec"), "Subjec"),
        (("--simulate", "0", "s.csv"), "n=0"),
        (("--augment", "absent/a.csv"), "absent"),
        (("--residual", "ar1(Dayz | Subject)"), "Dayz"),
    ],
)
def test_a_mistake_is_one_message_exit_1_and_no_file(shell, tmp_path, words, message):
    found = shell(
        "fit", SLEEP, "sleepstudy", *words, "--docx", "t.docx", "--residual-file", "g.sav"
    )
    assert found.exit_code == 1
    assert message in found.stderr
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--predictions", "p.csv"), "--predictions goes with --predict FILE"),
        (("--interval", "prediction", "--random", "none"), "--interval and --random go with"),
        (("--new-groups", "population"), "--predict"),
        (("--predict", "sleepstudy", "--interval", "credible"), "credible"),
        (("--predict", "sleepstudy", "--predictions", "p.xlsx"), "Spreadsheets"),
        (("--augment", "a.txt"), "ending in .csv, .tsv, .parquet, .sav or .dta"),
        (("--augment", "a.csv", "--simulate", "2", "a.csv"), "name the same file"),
        (("--hlm-names",), "--residual-file"),
        (("--seed", "1"), "--confint bootstrap or --simulate"),
        (("--simulate", "a.csv"), "integer"),
    ],
)
def test_usage_errors_exit_2_without_output(shell, tmp_path, words, message):
    found = shell("fit", SLEEP, "sleepstudy", *words, "--html", "t.html")
    assert found.exit_code == 2
    assert message in " ".join(found.stderr.split())
    assert found.stdout == ""
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("--ranks",), ("--r2",), ("--explain", "308"), ("--residual-file", "g.csv"),
        ("--residual", "by(Subject)"), ("--predict", "sleepstudy", "--random", "Subject"),
        ("--predict", "sleepstudy", "--new-groups", "population"),
    ],
)  # fmt: skip
def test_what_needs_groups_is_refused_without_them(shell, words):
    found = shell("fit", "Reaction ~ Days", "sleepstudy", *words)
    assert found.exit_code == 2 and "multilevel model" in found.stderr


def test_files_that_are_read_are_not_written(shell, data, nested):
    data.to_csv("s.csv", index=False)
    data.head(3).to_csv("new.csv", index=False)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    for words in (
        ("--augment", "s.csv"),
        ("--simulate", "1", "./s.csv"),
        ("--predict", "new.csv", "--predictions", "new.csv"),
        ("--predict", "new.csv", "--augment", "new.csv"),
    ):
        found = shell("fit", SLEEP, "s.csv", *words)
        assert found.exit_code == 2 and "would overwrite the data file" in found.stderr
    nested.to_csv("pupils_school.csv", index=False)
    words = ("--residual-file", "pupils.csv")  # would make pupils_school.csv
    found = shell("fit", NESTED, "pupils_school.csv", *words)
    assert found.exit_code == 2 and "pupils_school.csv" in found.stderr
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("estimate", ("--predict", "s.csv", "--predictions", "out.csv")),
        ("fitted", ("--augment", "out.csv")),
        ("sim_1", ("--simulate", "1", "out.csv")),
    ],
)
def test_columns_that_exist_are_not_written_over(shell, data, column, words):
    data.assign(**{column: 1.0}).to_csv("s.csv", index=False)
    found = shell("fit", SLEEP, "s.csv", *words)
    assert found.exit_code == 1 and found.stdout == ""
    assert f"has a column {column!r} already" in found.stderr
    assert not Path("out.csv").exists()


def test_nothing_is_predicted_after_a_failed_search(shell, monkeypatch):
    real = ec.lmer

    def failing(*words, **options):
        fit = real(*words, **options)
        return replace(fit, verdict=replace(fit.verdict, status="failed", message="Not there."))

    monkeypatch.setattr("echelon.lmer", failing)
    words = ("--predict", "sleepstudy", "--predictions", "p.csv", "--residual-file", "g.csv")
    found = shell("fit", SLEEP, "sleepstudy", *words)
    assert found.exit_code == 1
    said = " ".join(found.stderr.split())
    assert "Nothing else was tested. Not written: --predictions, --residual-file." in said
    assert list(Path().iterdir()) == []
