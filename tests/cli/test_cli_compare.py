"""`echelon compare`: models side by side and by likelihood ratios."""

from __future__ import annotations

import json

import pytest
from example_commands import no_traceback

import echelon as ec
from echelon.cli.compare import SCHEMA

FORMULAS = (
    "mathach ~ 1 + (1 | school)",
    "mathach ~ ses + (1 | school)",
    "mathach ~ ses + (ses | school)",
)
NAMES = ["Model 1", "Model 2", "Model 3"]


@pytest.fixture(scope="module")
def fits():
    data = ec.datasets.load("hsb", quiet=True)
    return [ec.lmer(formula, data) for formula in FORMULAS]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_json_holds_the_api_s_numbers(shell, fits):
    found = shell("compare", *FORMULAS, "hsb", "--json")
    made = json.loads(found.stdout)
    api = ec.anova(*fits, names=NAMES)
    assert made["schema"] == SCHEMA
    assert made["refitted"] == NAMES
    for name in ("chi_square", "df", "p_value", "p_mixture"):
        got = [row[name] for row in made["models"]][1:]
        want = getattr(api, name).tolist()[1:]
        assert got == [None if x != x else x for x in want], name
    for name in ("aic", "bic", "loglik", "deviance", "parameters"):
        assert [row[name] for row in made["models"]] == getattr(api, name).tolist()
    assert made["models"][2]["mixture"] == api.mixtures[2]
    assert made["notes"] == list(api.notes)


def test_both_tables_are_printed_and_written(shell, fits, tmp_path):
    import docx

    words = ("--docx", "t.docx", "--html", "t.html", "--latex", "t.tex", "--json", "c.json")
    found = shell("compare", *FORMULAS, "hsb", *words, COLUMNS="160")
    assert found.exit_code == 0, found.stderr
    assert ec.anova(*fits, names=NAMES).table().to_text() in found.stdout
    assert ec.compare(*fits, names=NAMES, layout="stacked").to_text() in found.stdout
    assert len(docx.Document(tmp_path / "t.docx").tables) == 2
    assert "Likelihood-ratio tests" in (tmp_path / "t.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["schema"] == SCHEMA


def test_maximum_likelihood_needs_no_refits(shell):
    made = json.loads(shell("compare", *FORMULAS, "hsb", "--ml", "--json").stdout)
    assert made["refitted"] == [] and made["method"] == "ML"


def test_a_linear_model_may_be_the_smallest(shell):
    found = shell("compare", "mathach ~ ses", "mathach ~ ses + (1 | school)", "hsb", "--json")
    row = json.loads(found.stdout)["models"][1]
    assert row["mixture"] == "0.5 chi-square(0) + 0.5 chi-square(1)"


@pytest.mark.parametrize(
    "words",
    [
        (FORMULAS[0], "hsb"),
        (FORMULAS[0], "hsb", FORMULAS[1]),
        ("hsb", *FORMULAS),
        FORMULAS,
        (*FORMULAS, "hsb", "--docx", "t.txt"),
    ],
)
def test_usage_errors_exit_2(shell, tmp_path, words):
    found = shell("compare", *words)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((FORMULAS[0], "ses ~ 1 + (1 | school)", "hsb"), "different responses"),
        ((FORMULAS[0], "mathach ~ sess + (1 | school)", "hsb"), "Did you mean 'ses'?"),
        ((*FORMULAS, "absent.csv"), "no file"),
    ],
)
def test_a_mistake_is_one_message_and_no_file(shell, tmp_path, words, message):
    found = shell("compare", *words, "--docx", "t.docx")
    assert found.exit_code == 1
    assert message in found.stderr
    assert found.stdout == ""
    assert no_traceback(found)
    assert list(tmp_path.iterdir()) == []
