"""The demonstration prints the lecture's numbers and writes files that open."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from echelon.cli.main import app

PRINTED = (
    "482.64", "482.78", "3,697.67", "482.757", "13.673", "59.647", "73.756", "5.07", "484.20",
    "132.68", "11.52", "3,690.40", "6.553", "0.566", "6.513", "1.036", "6.512", "1.030", "1.886",
    "94.847", "94.586", "94.657", "7.046", "16.052", "-3,807.4", "-47,021.1", "128.15",
)  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    result = CliRunner().invoke(app, ["demo", "--out", str(folder)], prog_name="echelon")
    return SimpleNamespace(result=result, folder=folder, said=result.stdout)


def test_it_succeeds_and_says_the_data_are_synthetic(demo):
    assert demo.result.exit_code == 0, demo.result.stderr
    assert "SYNTHETIC" in demo.said.splitlines()[0]


@pytest.mark.parametrize("number", PRINTED)
def test_the_slides_numbers_are_printed(demo, number):
    assert number in demo.said


def test_lines_fit_80_columns(demo):
    assert max(map(len, demo.said.splitlines())) <= 80


def test_steps_are_numbered_in_order(demo):
    numbers = [
        int(line.split()[1].rstrip("."))
        for line in demo.said.splitlines()
        if line.startswith("Step ")
    ]
    assert numbers == list(range(1, 16))


def test_every_file_is_listed_and_opens(demo):
    import docx
    import pptx

    for name in ("report.html", "report-eclsk.html", "tables.docx", "tables.pptx"):
        assert name in demo.said
        assert (demo.folder / name).stat().st_size > 1000
    assert len(docx.Document(demo.folder / "tables.docx").tables) >= 6
    assert len(pptx.Presentation(demo.folder / "tables.pptx").slides) >= 6
    for name in ("report.html", "report-eclsk.html"):
        assert "SYNTHETIC" in (demo.folder / name).read_text(encoding="utf-8")
    figures = {p.stem.split("_")[0] for p in (demo.folder / "figures").glob("*.png")}
    kinds = {"caterpillar", "league", "shrinkage", "observed", "distributions", "weights", "means"}
    assert figures == kinds | {"residuals", "scale", "qq", "group"}
    for path in (demo.folder / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_other_files_stay_and_nothing_is_left_behind(demo):
    assert (demo.folder / "notes.txt").read_text() == "mine"
    assert [p.name for p in demo.folder.parent.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("x")
    words = ["demo", "--quiet", "--out", str(tmp_path / "file")]
    found = CliRunner().invoke(app, words, prog_name="echelon")
    assert found.exit_code == 1
    assert "Traceback" not in found.stderr
    assert (tmp_path / "file").read_text() == "x"
