"""`echelon fit` with nested and crossed factors."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import echelon as ec
from several_factors import CROSSED, THREE, answers, schools


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    schools().to_csv(folder / "schools.csv", index=False)
    answers().to_csv(folder / "answers.csv", index=False)
    return folder


def test_the_summary_is_the_api_s(shell, files):
    found = shell("fit", THREE, files / "schools.csv")
    assert found.exit_code == 0
    assert found.stdout == ec.lmer(THREE, schools()).summary(width=80) + "\n"


def test_json_lists_every_factor(shell, files):
    found = shell("fit", CROSSED, files / "answers.csv", "--json")
    made = json.loads(found.stdout)
    assert [(g["factor"], g["count"]) for g in made["groups"]] == [("pupil", 20), ("item", 12)]
    rows = made["variance_components"]
    assert [(r["group"], r["kind"]) for r in rows] == [
        ("pupil", "variance"),
        ("item", "variance"),
        ("Residual", "variance"),
    ]


def test_every_file_is_written(shell, files, tmp_path):
    options = {
        "--report": "page.html",
        "--groups": "groups.csv",
        "--docx": "table.docx",
        "--json": "fit.json",
        "--figures": "figures",
    }
    words = [word for name, file in options.items() for word in (name, tmp_path / file)]
    found = shell("fit", THREE, files / "schools.csv", *words)
    assert found.exit_code == 0, found.output
    assert all((tmp_path / file).exists() for file in options.values())
    groups = pd.read_csv(tmp_path / "groups.csv")
    assert groups.group.value_counts().to_dict() == {"room:school": 56, "school": 16}
    assert (tmp_path / "figures" / "caterpillar_school.png").exists()


def test_an_unknown_factor_is_named(shell, files):
    found = shell("fit", "y ~ 1 + (1 | pupil) + (1 | itme)", files / "answers.csv")
    assert found.exit_code != 0 and "Did you mean 'item'" in found.output
