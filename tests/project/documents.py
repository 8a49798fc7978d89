"""Run the Python blocks of a Markdown page, and compare or rewrite the outputs below them.

A fenced `python` block is run, in the order of the page and in one namespace; a `text` block that
follows holds what it prints. `python tests/project/documents.py` rewrites the outputs, and the figures
that a page saves and shows; with names of pages, those only.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/lecture.md",
    "docs/inference.md",
    "docs/design-study.md",
    "docs/planning.md",
    "docs/after-the-table.md",
)
BLOCK = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?", re.DOTALL)


def outputs(page: str) -> list[tuple[str, str | None, str]]:
    """Code, output on the page (None without one) and output now, for each block."""
    names: dict[str, object] = {}
    found = []
    for match in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(match["code"], page, "exec"), names)
        lines = [line.rstrip() for line in printed.getvalue().splitlines()]
        found.append((match["code"], match["output"], "".join(f"{line}\n" for line in lines)))
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    return found


def rewrite(page: str) -> None:
    """Put what the blocks print now into the page."""
    now = iter(outputs(page))

    def renewed(match: re.Match[str]) -> str:
        code, before, after = next(now)
        return f"```python\n{code}```" + (f"\n\n```text\n{after}```" if before is not None else "")

    path = ROOT / page
    path.write_text(BLOCK.sub(renewed, path.read_text(encoding="utf-8")), encoding="utf-8")


def keep_figures(page: str) -> None:
    """Put the pictures that a page saved, and shows from a folder `figures`, into that folder."""
    shown = re.findall(r"\]\((figures/[^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    for name in shown:
        shutil.copy(Path(name).name, (ROOT / page).parent / name)


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "agg"
    for name in sys.argv[1:] or PAGES:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            rewrite(name)
            keep_figures(name)
