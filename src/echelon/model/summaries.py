"""Published summaries in place of rows: n, mean and sd of each group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echelon.data import Column, Frame
from echelon.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """A table with one row a group, standing for the rows behind it.

    Parameters
    ----------
    table : data frame with the group's label, the mean of the response, level-2 predictors
    n : name of the column with the number of rows behind each mean
    sd : name of the column with the standard deviations within the groups (denominator n - 1), or
        one number: the pooled within-group standard deviation (denominator sum(n) - J)

    Examples
    --------
    >>> import echelon as ec
    >>> schools = ec.datasets.load("timss_summaries", quiet=True)
    >>> fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=ec.Summaries(schools, sd=73.756))
    >>> round(float(fit.fixef()["(Intercept)"]), 2)
    482.76
    """

    table: object
    n: str = "n"
    sd: str | float = "sd"

    def sizes(self, frame: Frame) -> Column:
        """Rows behind each mean, checked to be whole and at least one."""
        column = frame.column(self.n, f"summaries n={self.n!r}")
        values = column.values
        if column.levels is not None or not (np.isnan(values) | (values >= 1)).all():
            raise DataError(f"The sizes in column {self.n!r} must be numbers of at least 1.")
        if (np.abs(values - np.rint(values)) > 0).any():
            raise DataError(f"The sizes in column {self.n!r} must be whole numbers.")
        return column

    def spreads(self, frame: Frame) -> Column:
        """Standard deviation within each group; a group of one row needs none."""
        if not isinstance(self.sd, str):
            if not self.sd > 0:
                raise DataError(f"sd={self.sd!r}: a pooled standard deviation must be positive.")
            return Column("sd=", np.full(frame.n, float(self.sd)))
        column = frame.column(self.sd, f"summaries sd={self.sd!r}")
        if column.levels is not None or (column.values < 0).any():
            raise DataError(f"The standard deviations in {self.sd!r} must be numbers >= 0.")
        single = np.isnan(column.values) & (self.sizes(frame).values == 1)
        return Column(column.name, np.where(single, 0.0, column.values))
