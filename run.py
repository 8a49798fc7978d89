"""Run Echelon from a copy of its source: one command for the demonstration, one for the tests.

Needs Python 3.11 or later and nothing else. Everything is installed into `.venv` beside this file,
which may be deleted at any time; nothing outside of it is touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

USAGE = """\
usage: python3 run.py demo [--out DIR]     fit, unpack and report the lecture's models
       python3 run.py test [PYTEST ...]    run the tests

Both install Echelon into .venv beside this file first, when that is needed."""

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
STAMP = HOME / "echelon.json"
BIN = HOME / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
COVERS = {"all": ("all",), "test": ("all", "test")}  # what each extra brings along
OLDEST = (3, 11)


class Stop(Exception):
    """End with this message and this exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if arguments else 2
    command, *rest = arguments
    if command not in ("demo", "test"):
        raise Stop(f"unknown command {command!r}\n{USAGE}", 2)
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        raise Stop(f"Echelon needs Python 3.11 or later; {sys.executable} is {version}.")
    if command == "demo":
        install("all")
        script = BIN / ("echelon.exe" if os.name == "nt" else "echelon")
        return call([script, "demo", *rest])
    install("test")
    workers = [] if "-n" in rest else ["-n", "auto", "--dist", "worksteal"]
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers are as many as there are cores
    return call([PYTHON, "-m", "pytest", *workers, *rest], where=ROOT)


def install(extra: str) -> None:
    """Install the source, editable, with an extra; do nothing when that was done already."""
    wanted = {"pyproject": digest(ROOT / "pyproject.toml"), "root": str(ROOT)}
    done = recorded()
    runs = PYTHON.exists() and call([PYTHON, "-c", ""], quiet=True) == 0
    current = runs and {key: done.get(key) for key in wanted} == wanted
    if current and extra in done.get("extras", ()):
        return
    if not runs:
        make_environment()
    say(f"Installing Echelon into {HOME} (a minute or two, once) ...")
    STAMP.unlink(missing_ok=True)  # an installation that breaks off must not look finished
    code = call([*pip(), "install", "-q", "-e", f".[{extra}]"], where=ROOT)
    if code:
        raise Stop("The installation failed: pip says why above.", code)
    extras = set(COVERS[extra]) | set(done.get("extras", ()) if current else ())
    STAMP.write_text(json.dumps(wanted | {"extras": sorted(extras)}), encoding="utf-8")


def make_environment() -> None:
    """Make the virtual environment, without pip where this Python cannot supply one."""
    if find_spec("venv") is None:
        raise Stop(
            f"{sys.executable} has no venv module. Install it (Debian and Ubuntu: "
            "apt install python3-venv), then run this again."
        )
    supplied = find_spec("ensurepip") is not None
    if not supplied and find_spec("pip") is None:
        raise Stop(
            f"{sys.executable} has neither ensurepip nor pip. Install one of them (Debian and "
            "Ubuntu: apt install python3-venv), then run this again."
        )
    say(f"Making the virtual environment {HOME} ...")
    how = [] if supplied else ["--without-pip"]
    code = call([sys.executable, "-m", "venv", "--clear", *how, HOME])
    if code:
        raise Stop(f"The virtual environment {HOME} could not be made: see above.", code)


def pip() -> list[str | Path]:
    """The pip of the environment, or this Python's pip working on the environment."""
    if call([PYTHON, "-m", "pip", "--version"], quiet=True) == 0:
        return [PYTHON, "-m", "pip", "--disable-pip-version-check"]
    if find_spec("pip") is None:
        raise Stop(f"There is no pip in {HOME}, nor in {sys.executable}. Delete the first, retry.")
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", PYTHON]


def recorded() -> dict[str, object]:
    """What the last finished installation wrote down; empty if there was none."""
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def digest(path: Path) -> str:
    """Fingerprint of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def call(words: list[str | Path], *, quiet: bool = False, where: Path | None = None) -> int:
    """Run a program in a folder and return its exit code; its output is ours unless `quiet`."""
    sink = subprocess.DEVNULL if quiet else None
    outside = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    surroundings = {k: v for k, v in os.environ.items() if k not in outside}
    done = subprocess.run(
        [str(word) for word in words], stdout=sink, stderr=sink, env=surroundings, cwd=where
    )
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def say(text: str) -> None:
    """One line of progress, apart from the output of what is run."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        say(f"run.py: {stop}")
        sys.exit(stop.code)
    except OSError as error:
        say(f"run.py: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
