"""The program as a whole: help, version, data sets, descriptions, pipes, colours."""

from __future__ import annotations

import re

import pytest
from example_commands import NULL, no_traceback

import echelon as ec
from echelon.cli.terminal import shown_size


def test_version(shell):
    assert shell("--version").stdout == f"echelon {ec.__version__}\n"


@pytest.mark.parametrize("command", ["demo", "fit", "compare", "describe", "datasets"])
def test_help_names_every_command_and_fits_80_columns(shell, command):
    assert re.search(rf"^  {command} ", shell("--help").stdout, re.MULTILINE)
    said = shell(command, "--help")
    assert said.exit_code == 0
    assert max(map(len, said.stdout.splitlines())) <= 80


def test_help_loads_nothing_heavy(program):
    assert program("--help").returncode == 0
    code = "import sys, echelon.cli.main; print({'numpy', 'rich', 'pandas'} & set(sys.modules))"
    import subprocess
    import sys

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_datasets(shell):
    listed = shell("datasets").stdout
    assert all(name in listed for name in ec.datasets.names())
    assert shell("datasets", "timss").stdout == f"{ec.datasets.codebook('timss')}\n"
    wrong = shell("datasets", "tims")
    assert wrong.exit_code == 2
    assert "Did you mean 'timss'?" in wrong.stderr


def test_describe(shell):
    words = ("eclsk", "--vars", "g1rscore, schmeanses", "--by", "sector", "--level", "schid")
    found = shell("describe", *words)
    assert found.exit_code == 0, found.stderr
    for number in ("672", "94.6", "8.3", "101 (", "742", "95.2"):
        assert number in found.stdout


def test_describe_without_names_takes_the_numeric_columns(shell, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("name,score,ses\nann,1,0.5\nbob,2,0.1\ncy,4,\n")
    found = shell("describe", file, "--html", tmp_path / "t.html")
    assert found.exit_code == 0, found.stderr
    assert "score" in found.stdout
    assert "ses" in found.stdout
    assert "Not numeric, left out: name." in found.stderr
    assert "score" in (tmp_path / "t.html").read_text()


def test_describe_an_unknown_column(shell):
    found = shell("describe", "eclsk", "--vars", "g1rscor")
    assert found.exit_code == 1
    assert "Did you mean 'g1rscore'?" in found.stderr
    assert no_traceback(found)


def test_a_reader_who_leaves_is_no_error(program):
    script = f"set -o pipefail; echelon fit '{NULL}' timss | head -1"
    found = program(script=script)
    assert found.returncode == 0
    assert found.stdout.count("\n") == 1
    assert no_traceback(found)
    assert "Exception" not in found.stderr
    assert "Broken" not in found.stderr


def test_no_colours_into_a_pipe(program):
    found = program("describe", "timss", FORCE_COLOR="1")
    assert "\x1b" not in found.stdout + found.stderr


def test_columns_follow_the_terminal(shell):
    for columns in ("60", "120"):
        said = shell("describe", "eclsk", "--by", "sector", COLUMNS=columns).stdout
        assert max(map(len, said.splitlines())) <= int(columns)


def test_an_output_that_cannot_show_a_sign_still_gets_the_rest(program):
    found = program("fit", NULL, "timss", PYTHONIOENCODING="ascii")
    assert found.returncode == 0
    assert "482.757" in found.stdout


def test_sizes():
    assert shown_size(999) == "999 B"
    assert shown_size(1_000) == "1 kB"
    assert shown_size(2_440_000) == "2.4 MB"
