"""The bootstrap: replicates of a fit, drawn from the model, its groups or its residuals."""

from echelon.infer.bootstrap.draws import Kind
from echelon.infer.bootstrap.intervals import Interval
from echelon.infer.bootstrap.jackknife import jackknife
from echelon.infer.bootstrap.parameters import parameters
from echelon.infer.bootstrap.result import (
    Bootstrap,
    Scale,
    bootstrap_frame,
    bootstrap_intervals,
    failures,
)
from echelon.infer.bootstrap.run import bootstrap_values
from echelon.infer.bootstrap.statistic import Statistic

__all__ = [
    "Bootstrap",
    "Interval",
    "Kind",
    "Scale",
    "Statistic",
    "bootstrap_frame",
    "bootstrap_intervals",
    "bootstrap_values",
    "failures",
    "jackknife",
    "parameters",
]
