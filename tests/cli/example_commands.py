"""What the tests of the commands share."""

from __future__ import annotations

NULL = "bsmmatxx ~ 1 + (1 | idschool)"


def one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1


def no_traceback(result) -> bool:
    said = result.stdout + result.stderr
    return "Traceback" not in said and 'File "' not in said
