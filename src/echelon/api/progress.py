"""A progress bar for what takes more than a second: on a terminal, or where it is asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 1.0  # seconds before a bar is shown unasked


@contextmanager
def progress(task: str, total: int, asked: bool | None) -> Iterator[Callable[[int], None] | None]:
    """Give a function to be told how much is done, None where nothing is to be shown.

    Parameters
    ----------
    task : what is being done
    asked : True shows a bar at once; False never; None when stderr is a terminal and the work takes
        more than a second. Where stderr is no terminal (a notebook, a log) a bar that is asked for
        is one line that is written over.
    """
    terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if asked is False or (asked is None and not terminal):
        yield None
    elif terminal:
        with _bar(task, total, 0.0 if asked else _PATIENCE) as tell:
            yield tell
    else:
        with _line(task, total) as tell:
            yield tell


@contextmanager
def _bar(task: str, total: int, patience: float) -> Iterator[Callable[[int], None]]:
    """A bar of rich on stderr, which leaves nothing behind."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    number, began = bar.add_task(task, total=total), time.perf_counter()

    def tell(done: int) -> None:
        if not bar.live.is_started and time.perf_counter() - began >= patience:
            bar.start()
        bar.update(number, completed=done)

    try:
        yield tell
    finally:
        bar.stop()


@contextmanager
def _line(task: str, total: int) -> Iterator[Callable[[int], None]]:
    """One line of text on stderr, written over at every per cent."""
    shown = -1

    def tell(done: int) -> None:
        nonlocal shown
        percent = 100 * done // total
        if percent > shown:
            shown = percent
            sys.stderr.write(f"\r{task}: {done:,} of {total:,}")
            sys.stderr.flush()

    try:
        yield tell
    finally:
        if shown >= 0:
            sys.stderr.write("\n")
            sys.stderr.flush()
