"""One peer on one workload in a process of its own; prints one JSON object.

Before every fit it prints the line "start", by which the parent process knows how long the fit has
been running.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.workloads import Workload, workload

LONG = 5.0  # seconds: a fit that takes longer is made once and counts
PATIENCE = 0.3  # of the limit: time to refit responses one by one; so many are made and reported
ENOUGH = {True: (4.0, 5), False: (1.0, 200)}  # large or not: seconds of counted fits; most of them


def main(name: str, asked: str, folder: str, warm_folder: str, limit: str, with_ml: str) -> None:
    """Warm up on the small table, then time fits."""
    work = workload(asked)
    if work.mode == "import":
        print(json.dumps(_import(name, work, folder)))
        return
    from benchmarks.peers import NotAvailable

    try:
        print(json.dumps(_measured(name, work, Path(folder), warm_folder, float(limit), with_ml)))
    except NotAvailable as error:
        print(json.dumps({"failure": f"not available: {error}"}))


def _measured(
    name: str, work: Workload, folder: Path, warm_folder: str, limit: float, with_ml: str
) -> dict[str, Any]:
    from benchmarks.peers import peer
    from benchmarks.tables import read

    table = read(folder)
    easy = workload("hsb" if name == "gpboost" else "sleep")
    for _ in range(2):
        peer(name, easy).fit(read(Path(warm_folder)))
    made = peer(name, work, patience=PATIENCE * limit)
    ready = made.prepare(table)
    before = _reset_peak()
    fit, wall, cpu = _once(made, work, ready)
    peak = _peak() - before
    walls, cpus = [wall], [cpu]
    if wall < LONG:  # the first fit at this size also pays for memory; it is not counted
        seconds, most = ENOUGH[work.large]
        walls, cpus, until = [], [], time.perf_counter() + seconds
        while len(walls) < 2 or (len(walls) < most and time.perf_counter() < until):
            del fit
            fit, wall, cpu = _once(made, work, ready)
            walls.append(wall)
            cpus.append(cpu)
    done = made.fit(ready) if work.mode == "summary" else fit
    return {
        "version": made.version,
        "seconds": walls,
        "cpu": cpus,
        "peak_mb": peak / 2**20,
        "threads": _threads(),
        "text": fit if work.mode == "summary" else "",
        **asdict(made.answer(done)),
        "ml": asdict(made.ml(table)) if with_ml == "ml" and made.ml else {},
    }


def _once(made: Any, work: Workload, ready: Any) -> tuple[Any, float, float]:
    print("start", flush=True)
    if work.mode == "cold":
        made.forget()
    cpu, wall = time.process_time(), time.perf_counter()
    result = made.fit(ready)
    if work.mode == "summary":
        result = made.text(result)
    return result, time.perf_counter() - wall, time.process_time() - cpu


_FITS = {
    "echelon": ("echelon", "lmer"),
    "glmm": ("glmm", "fit"),
    "mixedlm": ("mixedlm", "lmer"),
    "gpboost": ("gpboost", "GPModel"),
    "statsmodels": ("statsmodels.formula.api", "mixedlm"),
}


def _import(name: str, work: Workload, folder: str) -> dict[str, Any]:
    """Import in a bare process, on to the fitting function; then, with the table, the first fit."""
    module, function = _FITS[name]
    began = time.perf_counter()
    library = import_module(module)
    loaded = time.perf_counter() - began
    getattr(library, function)
    ready = time.perf_counter() - began
    from benchmarks.peers import peer
    from benchmarks.tables import read

    if name == "gpboost":  # it has no correlated slopes
        return {"seconds": [loaded], "ready": ready}
    table, made = read(Path(folder)), peer(name, work)
    began = time.perf_counter()
    fit = made.fit(table)
    first = time.perf_counter() - began
    answer = asdict(made.answer(fit))
    return {
        "version": made.version,
        "seconds": [loaded],
        "ready": ready,
        "first_fit": first,
        **answer,
    }


def _reset_peak() -> int:
    """Bytes in use now, from which the peak is counted anew where the system allows."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return _peak()


def _peak() -> int:
    """Most bytes in use so far; of this program alone where the system tells (VmHWM)."""
    with suppress(OSError, StopIteration):
        return 1024 * _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _threads() -> int:
    try:
        return _status("Threads")
    except OSError:
        return 0


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


if __name__ == "__main__":
    main(*sys.argv[1:])
