"""The REML criterion of `sleep_scaleXbig` at its devfun point "shifted", with 60 digits.

Written out from V = I + Z Lam Lam' Z' group by group; needs mpmath, and reads the data and parameters
beside it. Run `python deviance_60_digits.py`; mpmath 1.3 or later prints 2173.104366732521.
"""

import csv
import gzip
import itertools
import json
from pathlib import Path

from mpmath import cholesky, det, log, lu_solve, matrix, mp, mpf, nstr, pi

HERE = Path(__file__).parent.parent


def rows():
    (path,) = (HERE / "data").glob("sleepstudy_x.csv*")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        yield from csv.DictReader(file)


def main():
    mp.dps = 60
    model = json.loads((HERE / "models" / "sleep_scaleXbig.json").read_text())
    a, b, c = (mpf(repr(x)) for x in model["devfun"]["points"]["shifted"]["par"])
    lam = matrix([[a, 0], [b, c]])
    cross, logdet, n = matrix(3, 3), mpf(0), 0
    for _, group in itertools.groupby(rows(), key=lambda row: row["Subject"]):
        points = [(mpf(row["DaysBig"]), mpf(row["Reaction"])) for row in group]
        ZL = matrix([[1, x] for x, _ in points]) * lam
        V = ZL * ZL.T + mp.eye(len(points))
        factor = cholesky(V)
        logdet += 2 * sum(log(factor[i, i]) for i in range(len(points)))
        columns = matrix([[1, x, y] for x, y in points])
        solved = matrix(len(points), 3)
        for k in range(3):
            solved[:, k] = lu_solve(V, columns[:, k])
        cross += columns.T * solved
        n += len(points)
    X, Xy = cross[:2, :2], cross[:2, 2]
    rho2, df = cross[2, 2] - (Xy.T * lu_solve(X, Xy))[0], n - 2
    print(nstr(logdet + log(det(X)) + df * (1 + log(2 * pi * rho2 / df)), 16))


if __name__ == "__main__":
    main()
