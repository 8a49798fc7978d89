"""What marginaleffects makes of our fits, and how far it is from our own numbers.

Run by run.sh, in an environment that has both. Exits with an error where the two differ.
"""

from __future__ import annotations

import marginaleffects as me
import numpy as np
from versions import versions

import echelon as ec

AGREE = 1e-9  # relative: predictions and their averages, which the library differentiates exactly
QUOTIENTS = (
    1e-6  # standard errors by difference quotients: hypotheses, slopes over a wide step (eps=1)
)
NARROW = 1e-3  # slopes over the library's own step, whose rounding is 1e-4 of the standard error


def compare(what, theirs, ours, tolerance=AGREE, columns=("estimate", "std_error")):
    """Print the largest relative difference, and stop where it is too large."""
    for column in columns:
        a, b = theirs[column].to_numpy(), ours[column].to_numpy()
        worst = float(np.max(np.abs(a - b) / np.abs(b)))
        print(f"  {what}: {column} differs by {worst:.1e}")
        assert worst < tolerance, (what, column, a, b)


def main():
    print(versions("echelon", "marginaleffects", "polars", "numpy", "jax"))
    hsb = ec.datasets.load("hsb", backend="polars", quiet=True)
    fit = ec.lmer("mathach ~ ses * sector + meanses + (ses | school)", hsb)
    model = fit.to_marginaleffects()
    tests = ("estimate", "std_error", "statistic", "conf_low", "conf_high")

    print("\navg_slopes(model, variables='ses', by='sector')")
    theirs = me.avg_slopes(model, variables="ses", by="sector")
    print(theirs)
    ours = fit.slopes("ses", by="sector", average=True, df="none").frame()
    compare("slopes", theirs, ours, NARROW)
    wide = me.avg_slopes(model, variables="ses", by="sector", eps=1.0)
    compare("slopes, eps=1", wide, ours, QUOTIENTS)

    print("\navg_comparisons(model, variables='sector')")
    print(me.avg_comparisons(model, variables="sector"))

    print("\navg_predictions(model, by='sector')")
    theirs = me.avg_predictions(model, by="sector")
    print(theirs)
    compare("averages", theirs, fit.predictions(by="sector", df="none").frame(), columns=tests)

    print("\navg_predictions(model, by='sector', vcov='CR2')")
    theirs = me.avg_predictions(model, by="sector", vcov="CR2")
    print(theirs)
    compare("robust", theirs, fit.predictions(by="sector", robust="CR2", df="none").frame())

    print("\nhypotheses(model)")
    theirs = me.hypotheses(model)
    print(theirs)
    compare("coefficients", theirs, fit.coefficients(df="none"), QUOTIENTS, tests)

    print("\navg_slopes(model, variables='ses', by='sector', hypothesis='b0 - b1 = 0')")
    print(me.avg_slopes(model, variables="ses", by="sector", hypothesis="b0 - b1 = 0"))

    print("\npredictions(model), all rows")
    theirs = me.predictions(model)
    compare("rows", theirs, fit.predictions(df="none").frame(), columns=tests)

    print("\npredictions(model, newdata=datagrid(ses=[-1, 0, 1], sector=...))")
    theirs = me.predictions(
        model,
        newdata=me.datagrid(model=model, ses=[-1.0, 0.0, 1.0], sector=["Public", "Catholic"]),
    )
    print(theirs)
    ours = fit.predictions(newdata=theirs.to_polars().select("ses", "sector", "meanses"), df="none")
    compare("grid", theirs, ours.frame(), columns=tests)

    print("\na linear model, with its own degrees of freedom")
    plain = ec.lm("mathach ~ ses * sector + I(ses^2)", hsb)
    linear = plain.to_marginaleffects()
    theirs = me.avg_predictions(linear, by="sector")
    print(theirs)
    compare("averages", theirs, plain.predictions(by="sector").frame(), columns=tests)
    theirs = me.avg_slopes(linear, variables="ses", eps=1.0)
    print(theirs)
    compare("slopes, eps=1", theirs, plain.slopes("ses", average=True).frame(), QUOTIENTS)


if __name__ == "__main__":
    main()
