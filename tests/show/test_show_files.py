from __future__ import annotations

import os
import sys

import pytest

from echelon.errors import FileFormatError, UnknownOption
from echelon.show import Heading, Section, Table, atomic, save_tables

FORMATS = [".txt", ".html", ".tex", ".docx", ".pptx"]


def test_a_failing_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_failing_write_leaves_the_old_file(coefficients, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(FileFormatError, match="No space left"):
        coefficients.to_file(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_folder(coefficients, tmp_path, suffix):
    with pytest.raises(FileFormatError, match="does not exist"):
        coefficients.to_file(tmp_path / "no" / f"a{suffix}")


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder"), atomic(tmp_path):
        pass


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileFormatError, match="writable"), atomic(tmp_path / "a.txt"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("suffix", FORMATS)
def test_suffix_chooses_the_format(any_table, tmp_path, suffix):
    any_table.to_file(tmp_path / f"a{suffix.upper()}")
    save_tables([any_table, any_table], str(tmp_path / f"b{suffix}"), title="Both")
    assert len(list(tmp_path.iterdir())) == 2


def test_unknown_suffix_names_the_known_ones(coefficients, tmp_path):
    with pytest.raises(UnknownOption, match=r"\.docx"):
        coefficients.to_file(tmp_path / "a.xlsx")
    with pytest.raises(UnknownOption, match=r"\.pptx"):
        coefficients.to_file(tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", FORMATS)
def test_tables_with_nothing_in_them_can_be_written(tmp_path, suffix):
    empty = [Table((), ()), Table((Heading("A"),), ()), Table((Heading(""),), (Section(()),))]
    save_tables(empty, tmp_path / f"a{suffix}")
    save_tables([], tmp_path / f"b{suffix}")
