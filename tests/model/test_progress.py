"""The progress bar: when it shows, what it writes, that it leaves nothing behind."""

from __future__ import annotations

import io

import pytest

import echelon as ec
from echelon.api.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, asked: bool | None) -> str:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream)
    with progress("Bootstrap", 10, asked) as tell:
        for done in range(1, 11):
            if tell is not None:
                tell(done)
    return stream.getvalue()


def test_nothing_is_shown_unasked_but_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), None) == ""
    assert shown(monkeypatch, io.StringIO(), False) == ""
    assert shown(monkeypatch, Terminal(), False) == ""


def test_short_work_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Bootstrap" not in shown(monkeypatch, Terminal(), None)
    monkeypatch.setattr("echelon.api.progress._PATIENCE", 0.0)
    assert "Bootstrap" in shown(monkeypatch, Terminal(), None)


def test_a_bar_is_shown_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, Terminal(), True)
    assert "Bootstrap" in text
    assert text.rstrip().endswith("\x1b[2K")  # the line is cleared


def test_a_notebook_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, io.StringIO(), True)
    assert text.endswith("\rBootstrap: 10 of 10\n")
    assert text.count("\n") == 1


def test_an_error_ends_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(ValueError, match="stop"), progress("Bootstrap", 10, True) as tell:
        assert tell is not None
        tell(5)
        raise ValueError("stop")
    assert stream.getvalue().rstrip().endswith("\x1b[2K")


def test_results_do_not_depend_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    quiet, loud = (fit.bootstrap(n=600, rng=1, progress=p) for p in (False, True))
    assert (quiet.replicates == loud.replicates).all()
    written = capsys.readouterr()
    assert "Bootstrap: 250 of 600\rBootstrap: 500 of 600" in written.err
    assert written.out == ""
