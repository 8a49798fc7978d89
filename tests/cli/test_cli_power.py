"""`echelon power`: what is left out is found; files, JSON, and what is refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from example_commands import no_traceback
from numpy.testing import assert_allclose

import echelon as ec
from echelon.cli.power_files import SCHEMA
from tolerances import SAME

PLAN = ("--icc", "0.2")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "found", "made"),
    [
        (("--J", 40, "--n", 20, "--effect", 0.25), "power",
         lambda: ec.power(J=40, n=20, icc=0.2, effect=0.25)),
        (("--J", "20:60:20", "--n", "10,30"), "effect",
         lambda: ec.mdes(J=[20, 40, 60], n=[10, 30], icc=0.2)),
        (("--n", 20, "--effect", "0.25,0.5", "--power", 0.9), "J",
         lambda: ec.sample_size(n=20, icc=0.2, effect=[0.25, 0.5], power=0.9)),
        (("--groups", 60, "--effect", 0.4), "n",
         lambda: ec.sample_size(J=60, icc=0.2, effect=0.4)),
        (("mean", "--n", 25, "--half-width", 0.1), "J",
         lambda: ec.sample_size("mean", n=25, icc=0.2, half_width=0.1)),
        (("multisite", "--J", 30, "--n", 20, "--effect", 0.2, "--effect-sd", 0.1, "--one-sided"),
         "power", lambda: ec.power("multisite", J=30, n=20, icc=0.2, effect=0.2, effect_sd=0.1,
                                   alternative="one-sided")),
        (("--sizes", "5,10,20,5,10,20", "--effect", 1.5), "power",
         lambda: ec.power(n=(5, 10, 20, 5, 10, 20), icc=0.2, effect=1.5)),
        (("--J", 30, "--n", "uniform(5, 15)", "--effect", 0.4, "--covariates", 2, "--r2-2", 0.5),
         "power", lambda: ec.power(J=30, n="uniform(5, 15)", icc=0.2, effect=0.4, covariates=2,
                                   r2_2=0.5)),
        (("--cost-group", 300, "--cost-row", 10, "--budget", 20000), "plan",
         lambda: ec.optimal_design(icc=0.2, cost_group=300, cost_row=10, budget=20000)),
    ],
)  # fmt: skip
def test_what_is_left_out_is_found(shell, words, found, made):
    result = shell("power", *words, *PLAN, "--json")
    assert result.exit_code == 0, result.stderr
    got, want = json.loads(result.stdout), made()
    assert (got["schema"], got["found"], got["design"]) == (SCHEMA, found, want.setting.design)
    assert got["notes"] == list(want.table().notes)
    frame = want.frame()
    assert list(got["plans"][0]) == list(frame.columns)
    for name in ("J", "n", "effect", "power", "std_error", "df"):
        values = np.array([row[name] for row in got["plans"]], dtype=float)  # null is nan
        assert_allclose(values, frame[name], **SAME)


def test_the_table_is_printed_and_everything_is_written(shell, tmp_path):
    words = ("power", "--J", "20,40", "--n", "10", "--effect", "0.3", *PLAN)
    for out in ("t.docx", "t.pptx", "t.html", "t.tex", "t.txt", "t.csv"):
        result = shell(*words, "--out", out, "--plot", "p.png", "--json", "p.json", COLUMNS="160")
        assert result.exit_code == 0, result.stderr
        assert (tmp_path / out).stat().st_size > 100
    found = ec.power(J=[20, 40], n=10, icc=0.2, effect=0.3)
    assert found.to_text() in result.stdout
    assert (tmp_path / "t.txt").read_text("utf-8").strip() == found.to_text().strip()
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))
    assert_allclose([float(row["power"]) for row in rows], found.power, **SAME)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "p.json").read_text("utf-8"))["schema"] == SCHEMA


def test_no_size_is_null_in_json(shell):
    result = shell("power", "--J", 10, "--effect", 0.6, "--icc", 0.1, "--json")
    made = json.loads(result.stdout)
    assert made["plans"][0]["n"] is None
    assert "More groups are needed" in made["notes"][-1]


def test_a_simulation_stands_beside_the_formula(shell):
    words = ("power", "--J", "20,40", "--n", 10, "--effect", 0.6, *PLAN)
    simulated = (*words, "--simulate", "--reps", 400, "--seed", 3)
    made = json.loads(shell(*simulated, "--json").stdout)
    assert made["simulation"] == {"estimator": "reml", "replicates": 400, "seed": 3}
    plans = made["plans"]
    gap = np.array([row["simulated_power"] - row["power"] for row in plans])
    assert (np.abs(gap) < 4 * np.array([row["simulated_power_mcse"] for row in plans])).all()
    text = shell(*simulated, COLUMNS="160").stdout
    both = ec.power(J=[20, 40], n=10, icc=0.2, effect=0.6).simulate(reps=400, rng=3)
    assert both.to_text() in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--J", 40, "--n", 20, "--effect", 0.3, "--power", 0.9), "leave out what is to be found"),
        (("--J", 40), "--n is to be found"),
        ((), "--J or --n is needed"),
        (("--J", "x", "--n", 3), "is no number"),
        (("--J", "9:3:1", "--n", 3), "is no number"),
        (("--J", 4, "--n", 3, "--sizes", "3,4"), "leave one out"),
        (("--J", 40, "--n", 20, "--half-width", 0.1), "is a goal"),
        (("--cost-group", 30, "--budget", 400), "both --cost-group and --cost-row"),
        (("--cost-group", 30, "--cost-row", 2, "--J", 30), "no use with costs"),
        (("clustr", "--J", 4), "is not one of"),
        (("--J", 40, "--n", 20, "--seed", 1), "belong to --simulate"),
        (("--J", 40, "--n", 20, "--out", "t.xyz"), "--out needs"),
        (("--J", 40, "--n", 20, "--effekt", 1), "--effect"),
    ],
)
def test_usage_errors_exit_2(shell, tmp_path, words, message):
    result = shell("power", *words, *PLAN)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == "" and no_traceback(result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--J", 40, "--n", 20, "--effect", 0.3), "icc= is needed"),
        (("--J", 2, "--n", 20, "--effect", 0.3, *PLAN), "0 degrees of freedom"),
        (("--J", 40, "--n", 20, "--effect", 0.3, "--effect-sd", 0.1, *PLAN), "effect_sd="),
        (("--J", 40, "--n", 20, "--effect", 0.3, "--one-sided", "--simulate", *PLAN), "two-sided"),
    ],
)
def test_a_mistake_is_one_message_and_no_file(shell, tmp_path, words, message):
    result = shell("power", *words, "--out", "t.docx")
    assert result.exit_code == 1
    assert message in result.stderr and result.stdout == "" and no_traceback(result)
    assert list(tmp_path.iterdir()) == []
