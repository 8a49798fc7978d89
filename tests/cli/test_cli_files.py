"""Files of the commands: every format opens, and all are written or none."""

from __future__ import annotations

import csv

import pytest
from example_commands import NULL, no_traceback

import echelon as ec
from echelon.cli.staging import Output, write_all
from echelon.errors import FileFormatError


def text(target, words="new", **options):
    return Output(target, lambda place: place.write_text(words), "t.txt", **options)


def test_all_formats_at_once(shell, table, tmp_path):
    import docx
    import pptx

    names = {
        "--docx": "t.docx", "--pptx": "t.pptx", "--html": "t.html", "--latex": "t.tex",
        "--groups": "g.csv", "--json": "r.json",
    }  # fmt: skip
    words = [w for pair in names.items() for w in pair]
    found = shell("fit", NULL, table, *words)
    assert found.exit_code == 0, found.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names.values(), "scores.csv"])
    assert all(f"Wrote {name}" in found.stderr for name in names.values())
    assert "482.757" in (tmp_path / "t.html").read_text()
    assert "482.757" in (tmp_path / "t.tex").read_text()
    cells = [c.text for row in docx.Document(tmp_path / "t.docx").tables[0].rows for c in row.cells]
    assert "482.757" in cells
    assert len(pptx.Presentation(tmp_path / "t.pptx").slides) >= 1


def test_groups_csv_is_the_api_s_table(shell, table, tmp_path, timss):
    assert shell("fit", NULL, table, "--groups", "g.csv").exit_code == 0
    with (tmp_path / "g.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    api = ec.lmer(NULL, timss).groups()
    assert [float(row["EB"]) for row in rows] == list(api["EB"])
    assert list(rows[0]) == list(api.columns)


def test_report_and_figures(shell, table, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.txt").write_text("kept")
    found = shell("fit", NULL, table, "--report", "r.html", "--figures", "figures")
    assert found.exit_code == 0, found.stderr
    assert "<html" in (tmp_path / "r.html").read_text()
    made = {p.name for p in (tmp_path / "figures").iterdir()}
    assert {"caterpillar.png", "shrinkage.png", "mine.txt"} <= made


def test_one_that_cannot_be_written_stops_all(shell, table, tmp_path):
    found = shell("fit", NULL, table, "--html", "t.html", "--docx", "absent/t.docx")
    assert found.exit_code == 1
    assert "absent/t.docx" in found.stderr
    assert "No file was written" in found.stderr
    assert no_traceback(found)
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_older_files_stay_when_a_later_one_fails(tmp_path):
    old = tmp_path / "old.txt"
    old.write_text("old")

    def fails(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(FileFormatError, match=r"b\.txt.*No space left.*No file was written"):
        write_all([text(old), Output(tmp_path / "b.txt", fails, "b.txt")])
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_moves_are_undone_when_one_fails(tmp_path, monkeypatch):
    from pathlib import Path

    old, real = tmp_path / "old.txt", Path.replace
    old.write_text("old")

    def replace(self, target):
        if Path(target).name == "c.txt":
            raise PermissionError(13, "Permission denied")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    deep = tmp_path / "new" / "folder"
    outputs = [
        text(old),
        Output(deep, lambda place: (place / "b.txt").write_text("b"), "f", True),
        text(tmp_path / "c.txt"),
    ]
    with pytest.raises(FileFormatError, match=r"c\.txt.*Permission denied"):
        write_all(outputs)
    assert old.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_files_join_a_folder_and_replace_their_own(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "b.txt").write_text("older")
    (tmp_path / "f" / "mine.txt").write_text("mine")

    def fill(place):
        (place / "sub").mkdir()
        (place / "sub" / "a.txt").write_text("a")
        (place / "b.txt").write_text("b")

    written = write_all([Output(tmp_path / "f", fill, "f", True)])
    assert [p.relative_to(tmp_path).as_posix() for p in written] == ["f/b.txt", "f/sub/a.txt"]
    assert (tmp_path / "f" / "b.txt").read_text() == "b"
    assert (tmp_path / "f" / "mine.txt").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("folder", [True, False])
def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path, folder):
    target = tmp_path / "x"
    _ = target.write_text("x") if folder else target.mkdir()
    with pytest.raises(FileFormatError, match="folder"):
        write_all([text(target, folder=folder)])


def test_permissions_of_a_replaced_file_stay(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    target.chmod(0o600)
    write_all([text(target)])
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600
