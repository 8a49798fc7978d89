"""Marginal means, slopes and predictions over grids of predictor values."""
