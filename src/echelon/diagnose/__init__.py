"""Diagnostics: checks of a fitted model and what single rows and groups do to it."""
