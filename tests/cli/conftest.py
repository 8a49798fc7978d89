"""A small data file, and a way to run commands as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import echelon as ec
from echelon.cli.main import app


class Shell:
    """Runs `echelon` inside this process."""

    def __call__(self, *words, **env):
        return CliRunner().invoke(app, [str(w) for w in words], prog_name="echelon", env=env)


@pytest.fixture
def shell():
    return Shell()


@pytest.fixture
def program():
    """Runs `echelon` as a program of its own."""

    def run(*words, script=None, **env):
        source = Path(ec.__file__).parents[1]
        command = [sys.executable, "-m", "echelon.cli.main", *map(str, words)]
        if script is not None:
            command = ["bash", "-c", script.replace("echelon", " ".join(command), 1)]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(source), **env},
        )

    return run


@pytest.fixture(scope="session")
def timss():
    return ec.datasets.load("timss", quiet=True)


@pytest.fixture
def table(tmp_path, monkeypatch, timss):
    """A csv file of the mathematics scores, in the folder the command runs in."""
    monkeypatch.chdir(tmp_path)
    timss.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "scores.csv"
