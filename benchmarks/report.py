"""The results as a Markdown page: times, memory, agreement."""

from __future__ import annotations

import re
from math import isnan
from statistics import median

from benchmarks.machine import described
from benchmarks.runs import Record
from benchmarks.workloads import PEERS, Workload

Results = list[tuple[Workload, dict[str, Record]]]
SHORT = 1e-3  # log-likelihood units a fit may stay below the best
SUMMARY_SHOWS = "6.77"  # the t statistic of Days, in every printed summary of sleepstudy


def page(results: Results, loads: tuple[str, str]) -> str:
    """The whole page."""
    parts = [
        "# Benchmarks",
        "Made by `python -m benchmarks`. Every peer fits the same table in a process of its own; "
        "peers take turns. Times are medians of wall time of warm fits, from formula and pandas "
        "data frame (R: data.frame) to fitted object. Memory is the peak above the loaded table "
        "and libraries.",
        "\n".join(f"- {line}" for line in [*described(), f"Load: {loads[0]} to {loads[1]}"]),
        "- " + ", ".join(f"{name} {version}" for name, version in _versions(results)),
        *_section(
            "Time",
            _times(results),
            "Ratios are a peer's time over Echelon's: above 1, Echelon is faster. Best is "
            "Echelon's fastest fit: where it is far below the median, the machine was busy.",
        ),
        *_section(
            "Processor time",
            _processor(results),
            "Mean seconds of all cores together a fit, spinning threads included; it suffers less "
            "from other people's work than wall time.",
        ),
        *_section("Memory and threads, large tables", _memory(results)),
        *_section(
            "New process",
            _imports(results),
            "Both imports start in a bare process. The first fit, of sleepstudy, comes after "
            "them, with the table loaded (and so NumPy and pandas).",
        ),
        *_section(
            "Agreement",
            _agreement(results),
            f"Shortfall: best restricted log-likelihood found minus the peer's; a miss is more "
            f"than {SHORT:g}. Coefficients: largest difference from Echelon's in its standard "
            "errors.",
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, rows: list[list[str]], note: str = "") -> list[str]:
    """A titled table with its note; nothing where the table has no rows."""
    if len(rows) < 2:
        return []
    return [f"## {title}", _table(rows), *([note] if note else [])]


def _versions(results: Results) -> list[tuple[str, str]]:
    found = {name: r.version for _, records in results for name, r in records.items() if r.version}
    return sorted(found.items())


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(results: Results) -> list[list[str]]:
    rows = [["workload", "Echelon", "best", "target", "met", *PEERS[1:]]]
    for work, records in results:
        record = records.get("echelon", Record())
        ours = record.typical
        target = work.seconds or float("nan")
        beside = {} if work.mode == "import" else records  # imports have a table of their own
        peers = [_peer_time(beside.get(name), ours) for name in PEERS[1:]]
        best = _time(min(record.seconds, default=float("nan")))
        rows.append([work.title, _time(ours), best, _time(target), _met(ours, target), *peers])
    return rows


def _processor(results: Results) -> list[list[str]]:
    rows = [["workload", *PEERS]]
    for work, records in results:
        if work.mode != "import":
            cells = [
                _time(sum(r.cpu) / len(r.cpu)) if r.cpu else ""
                for r in (records.get(name, Record()) for name in PEERS)
            ]
            rows.append([work.title, *cells])
    return rows


def _peer_time(record: Record | None, ours: float) -> str:
    if record is None:
        return ""
    if record.failure:
        return record.failure
    ratio = record.typical / ours
    return _time(record.typical) + ("" if isnan(ratio) else f" ({ratio:.3g}x)")


def _time(seconds: float) -> str:
    if isnan(seconds):
        return ""
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _met(value: float, target: float) -> str:
    return "" if isnan(value) or isnan(target) else "yes" if value <= target else "**no**"


def _memory(results: Results) -> list[list[str]]:
    rows = [["workload", "peer", "peak MB", "target", "met", "processor / wall time", "threads"]]
    for work, records in results:
        for name, record in records.items() if work.large else ():
            if not record.peak_mb:
                continue
            goal = work.megabytes if name == "echelon" and work.megabytes else float("nan")
            peak = max(record.peak_mb)
            share = f"{sum(record.cpu) / sum(record.seconds):.2f}" if record.cpu else ""
            rows.append(
                [
                    work.title,
                    name,
                    f"+{peak:.0f}",
                    "" if isnan(goal) else f"+{goal:.0f}",
                    _met(peak, goal),
                    share,
                    str(record.threads or ""),
                ]
            )
    return rows


def _imports(results: Results) -> list[list[str]]:
    rows = [["peer", "import", "import to fitting function", "first fit"]]
    for work, records in results:
        for name, record in records.items() if work.mode == "import" else ():
            if record.first_fit:
                later = [_time(median(times)) for times in (record.ready, record.first_fit)]
                rows.append([name, _time(record.typical), *later])
    return rows


def _agreement(results: Results) -> list[list[str]]:
    rows = [["workload", "peer", "logLik", "shortfall", "coefficients, SE", "remark"]]
    for work, records in results:
        known = {name: r for name, r in records.items() if not isnan(r.loglik)}
        if work.mode == "import" or not known:
            continue
        best = max(record.loglik for record in known.values())
        for name, record in known.items():
            short = best - record.loglik
            rows.append(
                [
                    work.title,
                    name,
                    f"{record.loglik:.6f}",
                    f"{short:.1e}",
                    _apart(work, record, records.get("echelon")),
                    _remark(work, record, short),
                ]
            )
    return rows


def _apart(work: Workload, record: Record, ours: Record | None) -> str:
    """Largest difference of a coefficient, matched by the variables it belongs to."""
    if ours is None or not ours.beta:
        return ""
    words = sorted(re.findall(r"\w+", work.fixed), key=len, reverse=True)

    def term(name: str) -> frozenset[str]:  # "sector[T.Catholic]:cses" -> {"sector", "cses"}
        return frozenset(w for part in name.split(":") for w in words if part.startswith(w))

    theirs = {term(name): b for name, b in zip(record.names, record.beta, strict=True)}
    mine = [(term(n), b, se) for n, b, se in zip(ours.names, ours.beta, ours.se, strict=True)]
    if theirs.keys() != {key for key, _, _ in mine}:
        return "other columns"
    return f"{max(abs(theirs[key] - b) / se for key, b, se in mine):.1e}"


def _remark(work: Workload, record: Record, short: float) -> str:
    found = []
    if short > SHORT:
        within = abs(short / record.loglik) <= 1e-6
        found.append("**misses the optimum**" + (", within 1e-6 relative" if within else ""))
    if work.mode == "summary" and SUMMARY_SHOWS not in record.text:
        found.append("**the printed summary lacks the t statistic**")
    return "; ".join(found)
