"""Many responses on one design: the deviance, its derivatives and the search for all at once."""
