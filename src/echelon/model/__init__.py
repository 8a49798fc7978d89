"""Models: the chain from formula and data to a frozen fit."""
