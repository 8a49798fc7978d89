"""CR2 where groups differ thousands of times more than the rows within them, with 60 digits.

n_j x n_j matrices as in Bell and McCaffrey (2002), at REML's theta (30 rows in 6 groups, made here). Needs
mpmath: run `python cr2_60_digits.py`; mpmath 1.3 or later prints

    1162.73071918, 0.0699746517786

In double precision the eigenvalues of such matrices differ too much: clubSandwich 0.5.8 gives 0.0957574
for the slope.
"""

from mpmath import diag, eigsy, eye, matrix, mp, mpf, nstr, ones, sqrt


def data():
    """Group, x and y, decimal numbers of few digits."""
    high = (-2600, 1900, 4100, -700, -3500, 800)
    for j in range(6):
        for i in range(5):
            k = 7 * i * i + 3 * i * j + 5 * j + i
            yield j, k % 11 / 4 + j / 2, high[j] + k % 11 / 4 + (k * k + 3 * i) % 13 / 8


def power(A, exponent):
    """Of a symmetric positive definite matrix."""
    values, vectors = eigsy(A)
    return vectors * diag([v**exponent for v in values]) * vectors.T


def standard_errors(theta):
    """CR2 of the intercept and the slope in y ~ x + (1 | g)."""
    rows = list(data())
    groups = [[row for row in rows if row[0] == j] for j in range(6)]
    X = [matrix([[1, x] for _, x, _ in group]) for group in groups]
    y = [matrix([value for _, _, value in group]) for group in groups]
    V = eye(5) + mpf(theta) ** 2 * ones(5)
    inverse, half = V**-1, power(V, mpf(1) / 2)
    pairs = list(zip(X, y, strict=True))
    bread = sum((x.T * inverse * x for x, _ in pairs), matrix(2, 2)) ** -1
    beta = bread * sum((x.T * inverse * v for x, v in pairs), matrix(2, 1))
    meat = matrix(2, 2)
    for x, v in pairs:
        A = half * power(half * (V - x * bread * x.T) * half, -mpf(1) / 2) * half
        score = x.T * inverse * A * (v - x * beta)
        meat += score * score.T
    covariance = bread * meat * bread
    return [sqrt(covariance[i, i]) for i in range(2)]


if __name__ == "__main__":
    mp.dps = 60
    print(", ".join(nstr(se, 12) for se in standard_errors(5595.91655266)))
