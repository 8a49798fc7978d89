"""The results as a Markdown page: times, memory, agreement, growth."""

from __future__ import annotations

import re
from dataclasses import replace
from math import isnan
from statistics import median

from benchmarks.machine import described
from benchmarks.runs import Record
from benchmarks.scaling import Line
from benchmarks.tables import RESPONSES
from benchmarks.workloads import PEERS, Workload

Results = list[tuple[Workload, dict[str, Record]]]
SHORT = 1e-3  # log-likelihood units a fit may stay below the best
OFF = 0.05  # standard errors a coefficient may be off, relative difference of a variance
SUMMARY_SHOWS = "6.77"  # the t statistic of Days, in every printed summary of sleepstudy


def page(results: Results, growth: list[Line] | str, head: list[str]) -> str:
    """The whole page; `head` are lines of the list at its top."""
    parts = [
        "# Benchmarks",
        "Made by `python -m benchmarks`. Every peer fits the same table in a process of its own; "
        "peers take turns. Times are medians of wall time of warm fits, from formula and pandas "
        "data frame (R: data.frame) to fitted object; a fit of more than 5 s is made once. Memory "
        "is the peak above the loaded table and libraries.",
        "\n".join(f"- {line}" for line in [*described(), *head]),
        "- " + ", ".join(f"{name} {version}" for name, version in _versions(results)),
        *_section(
            "Time",
            _times(results),
            "Ratios are a peer's time over Echelon's: above 1, Echelon is faster. Best is "
            "Echelon's fastest fit: where it is far below the median, the machine was busy. "
            "† marks an answer that is off (Agreement says how). gpboost maximises the full "
            "likelihood, everyone else the restricted one (Chem97: the full one); it factorises: "
            "its default has noisy log-likelihoods (ratings: its default). glmm fits without df "
            "where none are asked for.",
        ),
        *_section(
            "Processor time",
            _processor(results),
            "Mean seconds of all cores together a fit, spinning threads included; it suffers less "
            "from other people's work than wall time.",
        ),
        *_section("Memory and threads, larger workloads", _memory(results)),
        *_section(
            "New process",
            _imports(results),
            "Both imports start in a bare process. The first fit, of sleepstudy, comes after "
            "them, with the table loaded (and so NumPy and pandas).",
        ),
        *_section(
            "Growth",
            _growth(growth),
            "Echelon's fastest fit at each size, and the slope of log time on log size: over all "
            "sizes, and between the last two.",
        ),
        *_section(
            "Agreement",
            _agreement(results),
            f"Shortfall: best log-likelihood found minus the peer's; a miss is over {SHORT:g}. "
            "Of a batch: the largest of its responses. Coefficients: largest difference from "
            "Echelon's in its standard errors. Variances and df: largest relative difference. ML: "
            "compared with Echelon's fit by full likelihood.",
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
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _times(results: Results) -> list[list[str]]:
    rows = [["workload", "Echelon", "best", "target", "met", *PEERS[1:]]]
    for work, records in results:
        record = records.get("echelon", Record())
        ours = record.typical
        target = work.seconds or float("nan")
        beside = {} if work.mode == "import" else records  # imports have a table of their own
        off = {name for name in beside if _compare(work, records, name)[-1]}
        peers = [_peer_time(beside.get(name), ours, name in off) for name in PEERS[1:]]
        best = _time(min(record.seconds, default=float("nan")))
        own = record.failure or _time(ours) + ("†" if "echelon" in off else "")
        rows.append([work.title, own, best, _time(target), _met(ours, target), *peers])
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


def _peer_time(record: Record | None, ours: float, off: bool) -> str:
    if record is None:
        return ""
    if record.failure:
        return record.failure
    time, ratio = _time(record.typical) + ("†" if off else ""), record.typical / ours
    if 0 < len(record.logliks) < RESPONSES:
        return f"{time} for {len(record.logliks)}"
    return time + ("" if isnan(ratio) else f" ({ratio:.3g}x)")


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
            if record.ready:
                first = _time(median(record.first_fit)) if record.first_fit else ""
                rows.append([name, _time(record.typical), _time(median(record.ready)), first])
    return rows


def _growth(growth: list[Line] | str) -> list[list[str]]:
    rows = [["in", "sizes", "times", "exponent", "last"]]
    if isinstance(growth, str):
        return [*rows, [growth, "", "", "", ""]] if growth else rows
    for line in growth:
        sizes = ", ".join(f"{size:,}" for size in line.sizes)
        times = ", ".join(_time(seconds) for seconds in line.seconds)
        rows.append([line.title, sizes, times, f"{line.exponent:.2f}", f"{line.last:.2f}"])
    return rows


def _agreement(results: Results) -> list[list[str]]:
    titles = ["workload", "peer", "logLik", "shortfall", "coefficients, SE", "variances", "df"]
    rows = [[*titles, "remark"]]
    for work, records in results:
        if work.mode == "import":
            continue
        for name, record in records.items():
            if not isnan(record.loglik):
                rows.append([work.title, name, *_compare(work, records, name)])
    return rows


def _compare(work: Workload, records: dict[str, Record], name: str) -> list[str]:
    """The cells of Agreement for one peer: the last, the remark, is empty if nothing is off."""
    record = records[name]
    alike = {key: r for key, r in records.items() if r.reml == record.reml and not isnan(r.loglik)}
    if record.reml != work.model.reml:
        alike["echelon"] = replace(Record(), **records.get("echelon", Record()).ml)
    ours = alike.get("echelon", Record())
    short = _shortfall(record, list(alike.values()))
    betas = _apart(work, record, ours)
    variances = _relative(sorted(record.variances), sorted(ours.variances), record.variances)
    dfs = _relative(record.df, ours.df, []) if record.df else float("nan")
    found = []
    if short > SHORT and not work.model.iterative:
        within = abs(short / record.loglik) <= 1e-6
        found.append("**misses the optimum**" + (", within 1e-6 relative" if within else ""))
    if isinstance(betas, float) and max(betas, variances) > OFF:
        found.append("**another answer than Echelon's**")
    if work.mode == "summary" and SUMMARY_SHOWS not in record.text and not record.failure:
        found.append("**the printed summary lacks the t statistic**")
    return [
        f"{record.loglik:.6f}" + ("" if record.reml == work.model.reml else " (ML)"),
        _small(short),
        betas if isinstance(betas, str) else _small(betas),
        _small(variances),
        _small(dfs),
        "; ".join(found),
    ]


def _small(value: float) -> str:
    return "" if isnan(value) else f"{value:.1e}"


def _shortfall(record: Record, alike: list[Record]) -> float:
    """How far the log-likelihood stays below the best one; the worst response of a batch."""
    if isnan(record.loglik):
        return float("nan")
    if not record.logliks:
        return max(r.loglik for r in alike if not isnan(r.loglik)) - record.loglik
    best = [
        max(r.logliks[i] for r in alike if len(r.logliks) > i) for i in range(len(record.logliks))
    ]
    return max(b - mine for b, mine in zip(best, record.logliks, strict=True))


def _relative(theirs: list[float], ours: list[float], variances: list[float]) -> float:
    """Largest relative difference; of variances not below a millionth of the largest."""
    if not ours or len(theirs) != len(ours):
        return float("nan")
    least = 1e-6 * max(variances, default=0.0)
    return max(abs(a - b) / max(abs(b), least) for a, b in zip(theirs, ours, strict=True))


def _apart(work: Workload, record: Record, ours: Record) -> float | str:
    """Largest difference of a coefficient, matched by the variables it belongs to."""
    if not ours.beta or not record.beta:
        return ""
    words = sorted(re.findall(r"\w+", work.model.fixed), key=len, reverse=True)

    def term(name: str) -> frozenset[str]:  # "sector[T.Catholic]:cses" -> {"sector", "cses"}
        return frozenset(w for part in name.split(":") for w in words if part.startswith(w))

    theirs = {term(name): b for name, b in zip(record.names, record.beta, strict=True)}
    mine = [(term(n), b, se) for n, b, se in zip(ours.names, ours.beta, ours.se, strict=True)]
    if theirs.keys() != {key for key, _, _ in mine}:
        return "other columns"
    return max(abs(theirs[key] - b) / se for key, b, se in mine)
