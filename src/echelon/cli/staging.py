"""Several files written whole or not at all, together."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from echelon.errors import EchelonError, FileFormatError


@dataclass(frozen=True, slots=True)
class Output:
    """One file or folder a command shall write.

    Attributes
    ----------
    target : where it shall be
    write : makes it at the temporary path it is given
    name : the name of the temporary file, whose ending says its format
    folder : True if `write` fills a folder; its files join those already in `target`
    """

    target: Path
    write: Callable[[Path], None]
    name: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class _Move:
    made: Path
    target: Path


def write_all(outputs: Sequence[Output]) -> list[Path]:
    """Make every output beside its place, then move all into place.

    Returns
    -------
    The files written, in the order asked for.

    Raises
    ------
    FileFormatError : one of them cannot be written; the others are not, and older files and
        folders are as they were. The message names the one.
    EchelonError : one of them cannot be made, with the same promise.
    """
    with ExitStack() as stack:
        moves = [move for output in outputs for move in _staged(output, stack)]
        _move_all(moves)
    return [move.target for move in moves]


def _staged(output: Output, stack: ExitStack) -> list[_Move]:
    """Make one output in a temporary folder that goes when the stack is closed."""
    target = output.target.expanduser()
    if not output.folder and target.is_dir():
        raise _cannot(target, "it is a folder; add a file name")
    if output.folder and target.exists() and not target.is_dir():
        raise _cannot(target, "it is a file, and a folder is needed")
    if not output.folder and not target.parent.is_dir():
        raise _cannot(target, f"the folder {str(target.parent)!r} does not exist")
    try:
        place = _temporary(_existing(target.parent), stack)
        made = place / output.name
        if output.folder:
            made.mkdir()
        output.write(made)
    except OSError as error:
        if isinstance(error, EchelonError) and not isinstance(error, FileFormatError):
            raise
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise _cannot(target, cause.strerror or str(cause)) from error
    if not output.folder:
        return [_Move(made, target)]
    files = sorted(path for path in made.rglob("*") if path.is_file())
    return [_Move(path, target / path.relative_to(made)) for path in files]


def _move_all(moves: Sequence[_Move]) -> None:
    """Move all files, or put everything back."""
    with ExitStack() as undo:
        for move in moves:
            try:
                _make_parents(move.target.parent, undo)
                kept = move.made.with_name(f"{move.made.name}.before")
                if move.target.exists():
                    shutil.copymode(move.target, move.made)
                    move.target.replace(kept)
                    undo.callback(kept.replace, move.target)
                else:
                    undo.callback(move.target.unlink, missing_ok=True)
                move.made.replace(move.target)
            except OSError as error:
                raise _cannot(move.target, error.strerror or str(error)) from error
        undo.pop_all()  # all is in place: nothing to put back


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _temporary(beside: Path, stack: ExitStack) -> Path:
    """A new hidden folder, on the same file system as the target, removed at the end."""
    place = beside / f".echelon-{secrets.token_hex(6)}"
    place.mkdir()
    stack.callback(shutil.rmtree, place, ignore_errors=True)
    return place


def _make_parents(folder: Path, undo: ExitStack) -> None:
    """Create a folder with those above it, and remember to remove the new ones."""
    absent = []
    while not folder.exists():
        absent.append(folder)
        folder = folder.parent
    for path in reversed(absent):
        path.mkdir()
        undo.callback(path.rmdir)


def _cannot(target: Path, reason: str) -> FileFormatError:
    return FileFormatError(f"Cannot write {str(target)!r}: {reason}. No file was written.")
