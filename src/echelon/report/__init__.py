"""Reports: a fit as one HTML file that needs nothing else."""

from echelon.report.page import report

__all__ = ["report"]
