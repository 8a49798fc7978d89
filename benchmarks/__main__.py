"""Measure Echelon and its peers; write benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.machine import load
from benchmarks.report import page
from benchmarks.runs import folders, lme4_there, run
from benchmarks.workloads import PEERS, WORKLOADS, Workload


def main() -> None:
    asked = _options()
    works = [w for w in WORKLOADS if not asked.only or w.name in asked.only]
    peers = [p for p in asked.peers or PEERS if p != "lme4" or lme4_there()]
    before, results = load(), []
    with folders(works) as folder:
        for work in works:
            taking_part = _taking_part(work, peers, quick=asked.quick, everyone=asked.all)
            rounds = 1 if asked.quick else 5 if work.mode == "import" else 3
            records = run(work, taking_part, folder, rounds=rounds, limit=asked.limit, say=_say)
            results.append((work, records))
    text = page(results, (before, load()))
    asked.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _taking_part(work: Workload, peers: list[str], *, quick: bool, everyone: bool) -> list[str]:
    left_out = (() if everyone else work.only_all) + (work.slow if quick else ())
    return [peer for peer in peers if peer in work.peers and peer not in left_out]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [work.name for work in WORKLOADS]
    parser.add_argument("--only", nargs="+", choices=names, help="these workloads")
    parser.add_argument("--peers", nargs="+", choices=PEERS, help="these peers")
    parser.add_argument("--quick", action="store_true", help="one round, without slow peers")
    parser.add_argument("--all", action="store_true", help="also fits that take minutes")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a peer may take")
    default = Path(__file__).parent / "RESULTS.md"
    parser.add_argument("--out", type=Path, default=default, help="the page to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
