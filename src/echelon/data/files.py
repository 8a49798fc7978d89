"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from echelon.errors import DataError, EchelonError, FileFormatError


def path_of(path: object) -> Path:
    """The path that was given, with ~ written out.

    Raises
    ------
    DataError : no path
    """
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"{path!r} is no path: give the name of a file, as text or a pathlib.Path.")
    return Path(path).expanduser()


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path in the same folder, and move it to `path` when the block succeeds.

    If the block raises, the temporary file is removed and an older file at `path` is as it was.

    Parameters
    ----------
    path : the file to write; a link is followed

    Raises
    ------
    FileFormatError
        The folder does not exist, or the file cannot be written there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic(Path(folder, "a.txt")) as temporary:
    ...         _ = temporary.write_text("whole")
    ...     Path(folder, "a.txt").read_text()
    'whole'
    """
    target = Path(os.path.realpath(path_of(path)))
    if not target.parent.is_dir():
        raise FileFormatError(
            f"Cannot write {os.fspath(path)!r}: the folder {str(target.parent)!r} does not exist. "
            "Create it first, or choose another folder."
        )
    if target.is_dir():
        raise FileFormatError(f"Cannot write {os.fspath(path)!r}: it is a folder. Add a file name.")
    temporary = target.with_name(f".{secrets.token_hex(6)}{target.suffix}")
    try:
        temporary.touch(exist_ok=False)  # unlike tempfile, with the permissions the user expects
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except EchelonError:
        raise
    except OSError as error:
        raise FileFormatError(
            f"Cannot write {os.fspath(path)!r}: {error.strerror or error}. Is the folder writable, "
            "and is the file closed in other programs?"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
