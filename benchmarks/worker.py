"""One peer on one workload in a process of its own; prints one JSON object."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.workloads import WORKLOADS, Workload


def main(name: str, workload: str, folder: str, warm_folder: str, seconds: str, most: str) -> None:
    """Warm up on the small table, then time fits for `seconds`, at least 2, at most `most`."""
    work = next(w for w in WORKLOADS if w.name == workload)
    if work.mode == "import":
        print(json.dumps(_import(name, work, folder)))
        return
    from benchmarks.peers import peer
    from benchmarks.tables import read

    table = read(Path(folder))
    first = next(w for w in WORKLOADS if w.mode == "fit")
    for _ in range(2):
        peer(name, first).fit(read(Path(warm_folder)))
    made = peer(name, work)
    before = _resident()
    fit, wall, cpu = _once(made, work, table)
    peak = _peak() - before
    walls, cpus = [], []  # the first fit at this size also pays for memory; it is not counted
    until = time.perf_counter() + float(seconds)
    while len(walls) < min(2, int(most)) or (
        len(walls) < int(most) and time.perf_counter() < until
    ):
        del fit
        fit, wall, cpu = _once(made, work, table)
        walls.append(wall)
        cpus.append(cpu)
    done = made.fit(table) if work.mode == "summary" else fit
    print(
        json.dumps(
            {
                "version": made.version,
                "seconds": walls,
                "cpu": cpus,
                "peak_mb": peak / 2**20,
                "threads": _threads(),
                "text": fit if work.mode == "summary" else "",
                **asdict(made.answer(done)),
            }
        )
    )


def _once(made: Any, work: Workload, table: Any) -> tuple[Any, float, float]:
    if work.mode == "cold":
        made.forget()
    cpu, wall = time.process_time(), time.perf_counter()
    result = made.fit(table)
    if work.mode == "summary":
        result = made.text(result)
    return result, time.perf_counter() - wall, time.process_time() - cpu


_FITS = {
    "echelon": ("echelon", "lmer"),
    "glmm": ("glmm", "fit"),
    "mixedlm": ("mixedlm", "lmer"),
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


def _resident() -> int:
    """Bytes in use now; the peak so far where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return _peak()


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _threads() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads"))


if __name__ == "__main__":
    main(*sys.argv[1:])
