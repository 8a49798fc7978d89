"""What the commands write: results on stdout, messages on stderr, progress on a terminal only."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.status import Status

    from echelon.show import Table

_DEFAULT = (80, 24)
_NARROWEST = 40  # below this nothing can be read in columns; lines are left to wrap
_PROSE = 88  # longer lines of running text are hard to read
_PATIENCE = 1.0  # seconds before work in progress is announced
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(_NARROWEST, shutil.get_terminal_size(_DEFAULT).columns)


def prose(text: str) -> str:
    """Running text in lines of readable length."""
    return textwrap.fill(text, min(width(), _PROSE), break_on_hyphens=False, break_long_words=False)


def shown(table: Table) -> str:
    """A table as text: as it is where it fits the terminal, else wrapped and cut to fit."""
    fits = max(map(len, table.to_text().splitlines()), default=0) <= width()
    return table.to_text(width=None if fits else width(), color=color())


def color() -> bool:
    """Whether stdout shows colours: a terminal, and NO_COLOR is not set (no-color.org)."""
    refused = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not refused


def bold(text: str) -> str:
    """Text set off where stdout shows it."""
    return f"{_BOLD}{text}{_PLAIN}" if color() else text


def say(text: str = "") -> None:
    """Write a result to stdout; a reader who has left (`| head`) is no error."""
    _write(sys.stdout, text + "\n")


def tell(text: str) -> None:
    """Write a message to stderr."""
    _write(sys.stderr, text + "\n")


def note(text: str) -> None:
    """Write a message to stderr, wrapped."""
    tell(prose(text))


def shown_size(bytes_: int) -> str:
    """A file size in words: "12 kB".

    >>> shown_size(12_300), shown_size(800), shown_size(2_400_000)
    ('12 kB', '800 B', '2.4 MB')
    """
    if bytes_ < 1000:
        return f"{bytes_} B"
    return f"{bytes_ / 1e3:.0f} kB" if bytes_ < 1e6 else f"{bytes_ / 1e6:.1f} MB"


@contextmanager
def working(task: str) -> Iterator[None]:
    """Show what is being done, if it takes more than a second and stderr is a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    shown: list[Status] = []
    lock, done = Lock(), False

    def show() -> None:
        from rich.console import Console

        with lock:
            if not done:
                status = Console(stderr=True).status(f"{task} ...")
                status.start()
                shown.append(status)

    timer = Timer(_PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            done = True
        for status in shown:
            status.stop()


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # Later writes, and the interpreter's own flush at the end, must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, errors="replace").decode(encoding))
        stream.flush()
