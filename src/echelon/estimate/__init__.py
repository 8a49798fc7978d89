"""Estimation: the deviance with its derivatives, the search for its minimum, the verdict."""
