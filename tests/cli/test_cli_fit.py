"""`echelon fit`: results equal to the API's, mistakes in one clear message, exit codes."""

from __future__ import annotations

import json
import math

import pytest
from example_commands import NULL, no_traceback, one_line

import echelon as ec
from echelon.cli.json_results import SCHEMA

SLOPES = "Reaction ~ Days + (Days | Subject)"


def results(shell, *words):
    found = shell("fit", *words, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def test_the_summary_is_the_api_s(shell, table):
    found = shell("fit", NULL, table)
    assert found.exit_code == 0
    assert found.stdout == ec.lmer(NULL, ec.read(table)).summary(width=80) + "\n"


def test_json_holds_the_api_s_numbers(shell, table, timss):
    found, fit = results(shell, NULL, table), ec.lmer(NULL, timss)
    api = fit.coefficients().to_dict("records")
    fields = ("term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low")
    assert [{k: row[k] for k in fields} for row in found["coefficients"]] == [
        {k: row[k] for k in fields} for row in api
    ]
    assert [row["variance"] for row in found["variance_components"]] == list(
        fit.variance_components()["variance"]
    )
    assert found["criteria"]["aic"] == fit.aic
    assert found["schema"] == SCHEMA
    assert (found["formula"], found["method"], found["n"]) == (NULL, "REML", 661)
    assert found["groups"] == [{"factor": "idschool", "count": 20, "n_min": 16, "n_max": 51}]
    assert found["verdict"]["status"] == "converged"
    assert found["missing"] == {"n_total": 661, "n_used": 661, "by_variable": {}}


def test_json_names_a_correlation_a_correlation(shell):
    found = results(shell, SLOPES, "sleepstudy")
    (row,) = [r for r in found["variance_components"] if r["kind"] == "covariance"]
    assert row["correlation"] == pytest.approx(0.066, abs=5e-4)
    assert "sd" not in row


def test_json_writes_null_for_infinite_degrees_of_freedom(shell, table):
    found = results(shell, NULL, table, "--df", "none")
    assert found["df_method"] == "none"
    assert found["coefficients"][0]["df"] is None


def test_json_alone_before_the_formula(shell, table):
    assert json.loads(shell("fit", "--json", NULL, table).stdout)["n"] == 661


def test_json_to_a_file_leaves_the_summary(shell, table, tmp_path):
    found = shell("fit", NULL, table, "--json", "out.json")
    assert found.stdout.startswith("Linear multilevel model fit by REML")
    assert json.loads((tmp_path / "out.json").read_text())["n"] == 661


def test_maximum_likelihood(shell, table, timss):
    found = results(shell, NULL, table, "--ml")
    assert found["method"] == "ML"
    assert found["criteria"]["loglik"] == ec.lmer(NULL, timss, reml=False).llf


def test_a_formula_without_bars_is_a_linear_model(shell):
    found = shell("fit", "g1rscore ~ sector", "eclsk")
    assert found.exit_code == 0
    assert "no random part" in found.stderr
    assert "6.553" in found.stdout
    assert results(shell, "g1rscore ~ sector", "eclsk")["method"] == "OLS"


def test_summaries(shell):
    words = ("mean ~ 1 + (1 | idschool)", "timss_summaries", "--summaries")
    found = results(shell, *words, "--n", "n", "--sd", "sd")
    assert found["coefficients"][0]["estimate"] == pytest.approx(482.757, abs=5e-3)
    pooled = results(shell, *words, "--sd", "73.756")
    assert math.sqrt(pooled["variance_components"][-1]["variance"]) == pytest.approx(73.756, 1e-3)


def test_precision_and_offset_are_columns(shell, table, timss):
    timss.assign(w=2.0, o=1.0).to_csv(table, index=False)
    found = results(shell, NULL, table, "--precision", "w", "--offset", "o")
    assert found["coefficients"][0]["estimate"] == pytest.approx(481.757, abs=1e-3)
    assert found["variance_components"][-1]["variance"] == pytest.approx(2 * 5439.9025, rel=1e-6)


def test_a_bundled_data_set_says_what_it_is(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = shell("fit", NULL, "timss", "--json")
    assert found.exit_code == 0
    assert "SYNTHETIC" in found.stderr
    assert json.loads(found.stdout)["n"] == 661


def test_a_name_that_may_mean_two_things_is_refused(shell, table):
    table.rename(table.with_name("timss.csv"))
    found = shell("fit", NULL, "timss")
    assert found.exit_code == 1
    assert "timss.csv" in found.stderr
    assert "dataset:timss" in found.stderr
    assert shell("fit", NULL, "dataset:timss").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bsmmat ~ 1 + (1 | idschool)", "scores.csv"), "Did you mean 'bsmmatxx'?"),
        ((NULL, "absent.csv"), "no file"),
        ((NULL, "scors.csv"), "scores.csv"),
        ((NULL, "tims"), "Did you mean 'timss'?"),
        (("bsmmatxx ~ 1 + (1 | idstud)", "scores.csv"), "idstud"),
    ],
)
def test_a_mistake_is_one_message_and_exit_1(shell, table, words, message):
    found = shell("fit", *words)
    assert found.exit_code == 1
    assert message in found.stderr
    assert found.stdout == ""
    assert found.stderr.startswith("Error: ")
    assert no_traceback(found)


def test_a_formula_error_keeps_its_caret(shell, table):
    found = shell("fit", "bsmmatxx ~ 1 + (1 | )", table)
    assert found.exit_code == 1
    caret = found.stderr.rstrip().splitlines()[-1]
    assert set(caret) == {" ", "^"}
    assert no_traceback(found)


def test_debug_shows_the_traceback_on_either_side(shell, table):
    for words in (("--debug", "fit", "y ~", table), ("fit", "y ~", table, "--debug")):
        found = shell(*words)
        assert found.exit_code == 1
        assert "Traceback" in found.stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        (NULL,),
        (NULL, "scores.csv", "more"),
        ("scores.csv", NULL),
        (NULL, "scores.csv", "--df", "kenward"),
        (NULL, "scores.csv", "--nonsense"),
        (NULL, "scores.csv", "--docx", "table.txt"),
        (NULL, "scores.csv", "--report", "a.html", "--html", "./a.html"),
        (NULL, "scores.csv", "--groups", "scores.csv"),
        (NULL, "scores.csv", "--n", "size"),
        (NULL, "scores.csv", "--summaries", "--offset", "o"),
        ("bsmmatxx ~ 1", "scores.csv", "--groups", "g.csv"),
    ],
)
def test_usage_errors_exit_2_without_output(shell, table, words):
    before = table.read_bytes()
    found = shell("fit", *words)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert no_traceback(found)
    assert table.read_bytes() == before


def test_an_unexpected_problem_is_one_line_and_exit_70(shell, table, monkeypatch):
    def broken(*_, **__):
        raise KeyError("inside")

    monkeypatch.setattr("echelon.lmer", broken)
    found = shell("fit", NULL, table)
    assert found.exit_code == 70
    assert one_line(found.stderr)
    assert "--debug" in found.stderr
    assert no_traceback(found)


def test_a_failed_verdict_exits_1_after_the_summary(shell, table, monkeypatch):
    from dataclasses import replace

    real = ec.lmer

    def failing(*words, **options):
        fit = real(*words, **options)
        return replace(fit, verdict=replace(fit.verdict, status="failed", message="Not there."))

    monkeypatch.setattr("echelon.lmer", failing)
    found = shell("fit", NULL, table)
    assert found.exit_code == 1
    assert "Formula: " in found.stdout
    assert "Error: The search for the estimates failed" in found.stderr


def test_a_singular_fit_is_a_result(shell, table, timss):
    timss.assign(idschool=list(range(60)) * 11 + [0]).to_csv(table, index=False)
    found = shell("fit", NULL, table, "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["verdict"]["status"] == "boundary"


def test_own_weights_are_warned_of(shell, table, timss):
    size = timss.groupby("idschool")["bsmmatxx"].transform("size")
    timss.assign(w=1 / (3557.7 + 5439.9 / size)).to_csv(table, index=False)
    found = shell("fit", NULL, table, "--precision", "w", "--json")
    assert "Warning: precision=" in found.stderr
    assert no_traceback(found)
