"""Moments of a table: from rows, from chunks, from summaries; they add."""

from echelon.moments.moments import CrossMoments, GroupMoments, Moments
from echelon.moments.rows import from_rows
from echelon.moments.summaries import from_summaries

__all__ = ["CrossMoments", "GroupMoments", "Moments", "from_rows", "from_summaries"]
