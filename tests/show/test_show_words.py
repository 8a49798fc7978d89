"""What a fit says of its data, its conventions and its verdict."""

from __future__ import annotations

import numpy as np
from example_fits import made, rows

import echelon as ec
from echelon.show.model import summary


def test_the_boundary_says_so_once():
    data = made()
    data["y"] = np.tile(np.arange(10.0), 12)
    text = summary(ec.lmer("y ~ 1 + (1 | school)", data))
    assert "Verdict: boundary. The best estimate has zero variance" in text
    assert text.count("legitimate optimum") == 1
    assert rows(text)["school"] == ["(Intercept)", "0.000", "0.000", "—"]
    assert "ICC: 0.000" in text


def test_dropped_rows_and_columns():
    data = made()
    data.loc[[3, 5], "x"] = np.nan
    data.loc[7, "y"] = np.nan
    data["double"] = 2 * data["x"]
    text = " ".join(summary(ec.lmer("y ~ x + double + (1 | school)", data)).split())
    assert "117 rows in 12 groups of school (7 to 10 rows each); 3 of 120 left out" in text
    assert "(missing: y 1, x 2, double 2)" in text
    assert text.count("left out (missing") == 1
    assert "Note: Left out because they are combinations of other columns: double." in text


def test_names_reference_levels_and_other_contrasts():
    data = made()
    assert "Reference level: sector = Other." in summary(ec.lm("y ~ sector", data))
    assert "Reference level" not in summary(ec.lm("y ~ 0 + sector", data))
    summed = ec.lm("y ~ sector", data, contrasts={"sector": "sum"})
    assert "Contrasts: sector (sum)." in summary(summed)


def test_summaries():
    data = ec.datasets.load("timss_summaries", quiet=True)
    text = " ".join(summary(ec.lmer("mean ~ 1 + (1 | idschool)", summaries=data)).split())
    assert "661 rows behind the summaries (n, mean, SD) of 20 groups of idschool" in text


def test_precision_weights():
    data = made()
    data["w"] = np.linspace(0.5, 2, 120)
    text = summary(ec.lm("y ~ x", data, precision="w"))
    assert text.startswith("Linear model fit by weighted least squares")
    assert "120 rows, with precision weights" in text
