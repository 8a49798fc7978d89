"""The checks that `fit.check()` makes, each a function of a fit that gives findings."""
