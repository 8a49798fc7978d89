"""Run the workers: every peer in its own process, peers taking turns within each round."""

from __future__ import annotations

import json
import os
import queue
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from math import isnan
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Thread
from typing import Any

from benchmarks.tables import make, write
from benchmarks.worker import ENOUGH, LONG, PATIENCE
from benchmarks.workloads import Workload

HERE = Path(__file__).parent
FAR = 10.0  # a peer so many times slower than Echelon has one round
LOADING = 60.0  # seconds for libraries and the table, before the first fit
GIVEN_UP = ("> ", "out of memory")  # how the failures of a peer that was too slow or large begin


@dataclass(slots=True)
class Record:
    """What one peer did on one workload, gathered over rounds.

    Attributes
    ----------
    seconds, cpu : wall and processor time of every counted fit
    ready, first_fit : in a new process, import to the fitting function, and its first fit
    peak_mb : memory above the table and the loaded library, the first fit, one entry a round
    loglik .. logliks : see `peers.Answer`;  reml : whether by restricted likelihood
    ml : the answer by full likelihood, of Echelon
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
    variances: list[float] = field(default_factory=list)
    df: list[float] = field(default_factory=list)
    logliks: list[float] = field(default_factory=list)
    reml: bool = True
    ml: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def typical(self) -> float:
        """Median wall time in seconds, nan if there is none."""
        return median(self.seconds) if self.seconds else float("nan")

    @property
    def gave_up(self) -> bool:
        """Whether it ran out of time or memory."""
        return self.failure.startswith(GIVEN_UP)

    def add(self, report: dict[str, Any]) -> None:
        gathered = ("seconds", "cpu", "peak_mb", "ready", "first_fit")
        for name in gathered:
            found = report.get(name)
            listed = found if isinstance(found, list) else [] if found is None else [found]
            getattr(self, name).extend(listed)
        for other in fields(self):
            if other.name not in gathered and report.get(other.name) not in (None, {}):
                setattr(self, other.name, report[other.name])


def lme4_there() -> bool:
    """Whether R is here with lme4 and lmerTest."""
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "library(lme4); library(lmerTest)"]
    return subprocess.run(asked, capture_output=True).returncode == 0


@contextmanager
def folders(scale: float) -> Iterator[Callable[[str], Path]]:
    """Where each data set lies, written at its first use and deleted at the end."""
    with TemporaryDirectory(prefix="benchmarks") as root:

        def folder(data: str) -> Path:
            place = Path(root) / data.replace(" ", "_")
            if not place.exists():
                place.mkdir()
                write(make(data, scale), place)
            return place

        yield folder


def run(
    work: Workload,
    peers: Iterable[str],
    folder: Callable[[str], Path],
    *,
    rounds: int,
    limit: float,
    say: Callable[[str], None],
) -> dict[str, Record]:
    """All peers on one workload; one that fails or takes long has one round."""
    records = {peer: Record() for peer in peers}
    for turn in range(rounds):
        order = list(records)[turn % len(records) :] + list(records)[: turn % len(records)]
        for peer in order:
            record = records[peer]
            if record.failure or (turn and record.typical > _much(records, work)):
                continue
            record.failure = work.cannot.get(peer, "")
            if not record.failure:
                others = turn == 0 and work.model.reml and "gpboost" not in work.cannot
                _one(work, peer, record, folder, limit, others)
            say(f"  {work.name}, round {turn + 1}, {peer}: {record.failure or _shown(record)}")
    return records


def _much(records: dict[str, Record], work: Workload) -> float:
    """Seconds of a fit from which one round is enough."""
    ours = records.get("echelon", Record()).typical
    return LONG if isnan(ours) or work.mode == "import" else min(LONG, FAR * ours)


def _shown(record: Record) -> str:
    return f"{1e3 * record.typical:.2f} ms, logLik {record.loglik:.6f}"


def _one(
    work: Workload,
    peer: str,
    record: Record,
    folder: Callable[[str], Path],
    limit: float,
    others: bool,
) -> None:
    data, model = str(folder(work.model.data)), work.model
    if peer == "lme4":
        reml = "REML" if model.reml else "ML"
        enough = [str(x) for x in (*ENOUGH[work.large], LONG, PATIENCE)]
        command = ["Rscript", str(HERE / "lme4.R"), model.formula, work.mode, data, f"{limit}"]
        command += [reml, *enough]
    else:
        warm = str(folder("hsb" if peer == "gpboost" else "sleepstudy"))
        command = [sys.executable, "-m", "benchmarks.worker", peer, work.name, data, warm]
        command += [f"{limit}", "ml" if others and peer == "echelon" else ""]
    found = watched(command, limit)
    if isinstance(found, str):
        record.failure = found
    else:
        record.add(found)
        record.reml = model.reml and peer != "gpboost"


def watched(command: list[str], limit: float) -> dict[str, Any] | str:
    """The JSON object a worker prints last, or why there is none.

    A worker is ended when nothing came for `limit` seconds after a line "start" (a fit began).
    """
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    with TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            preexec_fn=_bounded,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        Thread(target=_listen, args=(process, lines), daemon=True).start()
        last, wait = "", max(LOADING, limit)
        try:
            while (line := lines.get(timeout=wait)) is not None:
                last, wait = (line, limit) if line.strip() else (last, wait)
        except queue.Empty:
            process.kill()
            process.wait()
            return f"> {limit:.0f} s"
        process.wait()
        errors.seek(0)
        return _result(process.returncode, last, errors.read())


def _result(code: int, last: str, errors: str) -> dict[str, Any] | str:
    if code == 0 and last.startswith("{"):
        return json.loads(last)
    if any(word in errors for word in ("MemoryError", "memory allocation", "annot allocate")):
        return f"out of memory (over {_allowed() / 2**30:.0f} GB)"
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    named = [line for line in said if "Error" in line]
    return f"failed: {([f'exit code {code}', *said, *named])[-1][:100]}"


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _allowed() -> int:
    """Bytes of address space a worker may have: half of the machine's memory."""
    return int(0.5 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_allowed(), _allowed()))


def kept(file: Path) -> dict[str, Any]:
    """Records of earlier runs, by workload and peer."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def as_kept(records: dict[str, Record]) -> dict[str, Any]:
    return {peer: asdict(record) for peer, record in records.items()}
