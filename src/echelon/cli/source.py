"""Where a command finds its table: a data file, or a bundled data set by name."""

from __future__ import annotations

from pathlib import Path

import echelon as ec
from echelon.cli.terminal import note, working
from echelon.errors import FileFormatError, nearest_hint

_PREFIX = "dataset:"


def read_table(file: str) -> object:
    """The table of a data file, or the bundled data set of this name when there is no such file.

    Parameters
    ----------
    file : a path; a bare name of a bundled data set; or "dataset:NAME"

    Raises
    ------
    FileFormatError : no such file, one that cannot be read, or a name that could mean both a
        file without its ending and a bundled data set
    """
    if file.startswith(_PREFIX):
        return _bundled(file.removeprefix(_PREFIX))
    path = Path(file).expanduser()
    if not path.exists() and file in ec.datasets.names():
        alike = sorted(p.name for p in Path().glob(f"{file}.*") if p.is_file())
        if alike:
            raise FileFormatError(
                f"{file!r} may mean the file {alike[0]} or the bundled data set. "
                f"Write {alike[0]} for the file, {_PREFIX}{file} for the data set."
            )
        return _bundled(file, f"No file {file!r} in this folder: using the bundled data set. ")
    if not path.exists() and not path.suffix and path.name == file:
        hint = nearest_hint(file, ec.datasets.names(), "Bundled data sets")
        raise FileFormatError(
            f"There is no file {file!r} in this folder, and no bundled data set of that name.{hint}"
        )
    with working(f"Reading {path.name}"):
        return ec.read(path)


def is_path(file: str) -> bool:
    """Whether a FILE argument names a file that exists."""
    return not file.startswith(_PREFIX) and Path(file).expanduser().exists()


def is_data(file: str) -> bool:
    """Whether a word is a data file that exists, or the name of a bundled data set."""
    return file.startswith(_PREFIX) or is_path(file) or file in ec.datasets.names()


def _bundled(name: str, said: str = "") -> object:
    """Load a bundled data set, and say that it is one and whether it is simulated."""
    if ec.datasets.codebook(name).synthetic:
        said += (
            f"{name!r} is SYNTHETIC, simulated after published summaries: it holds no record of "
            "the survey, and nothing in it is a finding."
        )
    if said:
        note(f"Note: {said.strip()}")
    return ec.datasets.load(name, quiet=True)
