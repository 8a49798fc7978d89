"""How Echelon's time grows with rows, groups, effects and coefficients: one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from math import log

import numpy as np

SECONDS, MOST = 1.0, 20  # a point: seconds of fits, most of them; at least 3 and the fastest counts


@dataclass(slots=True)
class Line:
    """Times along one size, the others fixed."""

    title: str
    sizes: list[int]
    seconds: list[float]

    @property
    def exponent(self) -> float:
        """Least-squares slope of log seconds on log size."""
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])

    @property
    def last(self) -> float:
        """The same between the two largest sizes, where fixed costs matter least."""
        (a, b), (s, t) = self.sizes[-2:], self.seconds[-2:]
        return log(t / s) / log(b / a)


def measure(scale: float) -> list[Line]:
    """The grids; `scale` multiplies rows and groups."""
    from benchmarks.tables import crossed, grouped

    def times(*numbers: float) -> list[int]:
        return [max(round(x * scale), 20) for x in numbers]

    (n,), (J,), (g,) = times(1e5), times(1e3), times(4e3)
    p5, slope = "y ~ x1 + x2 + x3 + x4 + x5 + (1 | g)", "y ~ x1 + (x1 | g)"
    return [
        _line(
            f"n, rows (J = {J:,}, q = 1, p = 6)",
            [(m, p5, lambda m=m: grouped(m, J, predictors=5)) for m in times(1e4, 1e5, 3e5, 1e6)],
        ),
        _line(
            f"J, groups (n = {10 * n // 2:,}, q = 2, p = 2)",
            [
                (m, slope, lambda m=m: grouped(10 * n // 2, m, predictors=1, slopes=1))
                for m in times(1e2, 1e3, 1e4, 1e5)
            ],
        ),
        _line(
            f"q, random effects a group (n = {n:,}, J = {J:,}, p = 6)",
            [
                (q, _slopes(5, q), lambda: grouped(n, J, predictors=5, slopes=5))
                for q in (1, 2, 4, 6)
            ],
        ),
        _line(
            f"p, coefficients (n = {n:,}, J = {J:,}, q = 1)",
            [
                (p, _slopes(p - 1, 1), lambda p=p: grouped(n, J, predictors=p - 1))
                for p in (2, 8, 32, 64)
            ],
        ),
        _line(
            f"J of the smaller crossed factor (n = {n:,}, the other {g:,})",
            [
                (k, "y ~ x1 + (1 | g) + (1 | h)", lambda k=k: crossed(n, g, k))
                for k in times(1e2, 2e2, 4e2, 8e2, 16e2)
            ],
        ),
    ]


def _slopes(predictors: int, q: int) -> str:
    names = [f"x{i + 1}" for i in range(predictors)]
    return f"y ~ {' + '.join(names)} + ({' + '.join(['1', *names[: q - 1]])} | g)"


def _line(title, points) -> Line:
    line = Line(title, [], [])
    for size, formula, table in points:
        if size not in line.sizes:
            line.sizes.append(size)
            line.seconds.append(_fastest(formula, table()))
    return line


def _fastest(formula: str, table: object) -> float:
    import echelon

    walls: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(walls) < 3 or (len(walls) < MOST and time.perf_counter() < until):
        print("start", flush=True)
        began = time.perf_counter()
        echelon.lmer(formula, table)
        walls.append(time.perf_counter() - began)
    return min(walls)


if __name__ == "__main__":
    print(json.dumps({"lines": [asdict(line) for line in measure(float(sys.argv[1]))]}))
