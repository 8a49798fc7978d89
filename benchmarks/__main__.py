"""Measure Echelon and its peers; write benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.machine import load
from benchmarks.report import page
from benchmarks.runs import Record, as_kept, folders, kept, lme4_there, run, watched
from benchmarks.scaling import Line
from benchmarks.workloads import PEERS, WORKLOADS, Workload

GROWTH = "growth"
NAMES = (*(work.name for work in WORKLOADS), GROWTH)


def main() -> None:
    asked = _options()
    peers = [p for p in asked.peers or PEERS if p != "lme4" or lme4_there()]
    before, found = load(), kept(asked.raw) if asked.raw else {}
    with folders(asked.scale) as folder:
        for work in WORKLOADS:
            if asked.only and work.name not in asked.only:
                continue
            taking_part, left_out = _taking_part(work, peers, found, everyone=asked.all)
            rounds = 1 if asked.quick else 5 if work.mode == "import" else 3
            options = {"rounds": rounds, "limit": asked.limit, "say": _say}
            records = as_kept(run(work, taking_part, folder, **options)) if taking_part else {}
            earlier = found.get(work.name, {}) if asked.peers else {}
            found[work.name] = {**earlier, **as_kept(left_out), **records}
            _keep(asked.raw, found)
        if (not asked.only or GROWTH in asked.only) and "echelon" in peers:
            _say("  growth")
            command = [sys.executable, "-m", "benchmarks.scaling", str(asked.scale)]
            found[GROWTH] = watched(command, asked.limit)
            _keep(asked.raw, found)
    text = _page(found, asked, before)
    asked.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _taking_part(
    work: Workload, peers: list[str], found: dict[str, Any], *, everyone: bool
) -> tuple[list[str], dict[str, Record]]:
    """Who is run, and the records of those who are not, with the reason."""
    chosen = [peer for peer in peers if peer in work.peers]
    left_out = {peer: Record(failure="left out (--all)") for peer in work.only_all}
    if everyone:
        left_out = {}
    easier = found.get(work.harder_than, {})
    for peer in chosen:
        earlier = easier.get(peer, {}).get("failure", "")
        same = peer != "echelon" and not (peer == "gpboost" and work.model.iterative)
        if same and Record(failure=earlier).gave_up and peer not in work.cannot:
            left_out[peer] = Record(failure=f"{earlier.removesuffix(' (easier)')} (easier)")
    left_out = {peer: record for peer, record in left_out.items() if peer in chosen}
    return [peer for peer in chosen if peer not in left_out], left_out


def _keep(file: Path | None, found: dict[str, Any]) -> None:
    if file:
        file.write_text(json.dumps(found), encoding="utf-8")


def _page(found: dict[str, Any], asked: argparse.Namespace, before: str) -> str:
    known = {field.name for field in fields(Record)}
    results = [
        (
            work,
            {
                peer: Record(**{k: v for k, v in found[work.name][peer].items() if k in known})
                for peer in PEERS
                if peer in found[work.name]
            },
        )
        for work in WORKLOADS
        if work.name in found
    ]
    growth = found.get(GROWTH, {})
    lines = growth if isinstance(growth, str) else [Line(**x) for x in growth.get("lines", [])]
    head = [f"Load: {before} to {load()}; a fit may take {asked.limit:.0f} s"]
    if asked.scale != 1:
        head.append(f"**A check of the suite: simulated tables at {asked.scale:g} of their size**")
    return page(results, lines, head)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", type=_listed(NAMES), help=f"these workloads, by commas: {', '.join(NAMES)}")
    add("--peers", type=_listed(PEERS), help=f"these peers, by commas: {', '.join(PEERS)}")
    add("--quick", action="store_true", help="one round instead of three")
    add("--all", action="store_true", help="also fits that take minutes")
    add("--limit", type=float, default=150.0, help="seconds one fit may take (150)")
    add("--scale", type=float, default=1.0, help="sizes of simulated tables: a check of the suite")
    add("--raw", type=Path, help="JSON file to add to, so that parts can be run one by one")
    default = Path(__file__).parent / "RESULTS.md"
    add("--out", type=Path, default=default, help="the page to write")
    return parser.parse_args()


def _listed(known: tuple[str, ...]) -> Any:
    def names(text: str) -> list[str]:
        found = [name.strip() for name in text.split(",") if name.strip()]
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return found

    return names


if __name__ == "__main__":
    main()
