"""Run the workers: every peer in its own process, peers taking turns within each round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.tables import make, write
from benchmarks.workloads import Workload

HERE = Path(__file__).parent


@dataclass(slots=True)
class Record:
    """What one peer did on one workload, gathered over rounds.

    Attributes
    ----------
    seconds, cpu : wall and processor time of every counted fit
    ready, first_fit : in a new process, import to the fitting function, and its first fit
    peak_mb : memory above the table and the loaded library, the first fit, one entry a round
    failure : why there is nothing, "" otherwise
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    first_fit: list[float] = field(default_factory=list)
    version: str = ""
    threads: int = 0
    text: str = ""
    loglik: float = float("nan")
    names: list[str] = field(default_factory=list)
    beta: list[float] = field(default_factory=list)
    se: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def typical(self) -> float:
        """Median wall time in seconds, nan if there is none."""
        return median(self.seconds) if self.seconds else float("nan")

    def add(self, report: dict[str, Any]) -> None:
        for name in ("seconds", "cpu", "peak_mb", "ready", "first_fit"):
            found = report.get(name)
            listed = found if isinstance(found, list) else [] if found is None else [found]
            getattr(self, name).extend(listed)
        for name in ("version", "threads", "text", "loglik", "names", "beta", "se"):
            setattr(self, name, report.get(name, getattr(self, name)))


def lme4_there() -> bool:
    """Whether R is here with lme4 and lmerTest."""
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "library(lme4); library(lmerTest)"]
    return subprocess.run(asked, capture_output=True).returncode == 0


@contextmanager
def folders(works: list[Workload]) -> Iterator[Callable[[str], Path]]:
    """Where each data set lies, written at its first use and deleted at the end."""
    with TemporaryDirectory(prefix="benchmarks") as root:

        def folder(data: str) -> Path:
            place = Path(root) / data.replace(" ", "_")
            if not place.exists():
                place.mkdir()
                write(make(data), place)
            return place

        yield folder


def run(
    work: Workload,
    peers: list[str],
    folder: Callable[[str], Path],
    *,
    rounds: int,
    limit: float,
    say: Callable[[str], None],
) -> dict[str, Record]:
    """All peers on one workload; a peer that fails or is too slow is left out of later rounds."""
    records = {peer: Record() for peer in peers}
    for turn in range(rounds):
        order = peers[turn % len(peers) :] + peers[: turn % len(peers)]
        for peer in order:
            record = records[peer]
            if record.failure or (peer in work.slow + work.only_all and turn):
                continue
            _one(work, peer, record, folder, limit)
            say(f"  {work.name}, round {turn + 1}, {peer}: {record.failure or _shown(record)}")
    return records


def _shown(record: Record) -> str:
    return f"{1e3 * record.typical:.2f} ms, logLik {record.loglik:.6f}"


def _one(
    work: Workload, peer: str, record: Record, folder: Callable[[str], Path], limit: float
) -> None:
    slow = peer in work.slow + work.only_all
    seconds, most = ("60", "1" if slow else "3") if work.large else ("1.5", "200")
    data = str(folder(work.data))
    if peer == "lme4":
        command = ["Rscript", str(HERE / "lme4.R"), work.formula, work.mode, data, seconds, most]
    else:
        warm = str(folder("sleepstudy"))
        command = [sys.executable, "-m", "benchmarks.worker", peer, work.name, data, warm]
        command += [seconds, most]
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=limit,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        record.failure = f"more than {limit:.0f} s"
        return
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        record.failure = (done.stderr.strip().splitlines() or ["no output"])[-1][:120]
        return
    record.add(json.loads(lines[-1]))
