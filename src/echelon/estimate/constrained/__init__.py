"""The deviance with one parameter held at a value: points, paths along it, and where it crosses."""
