"""Which versions an example ran with."""

from __future__ import annotations

import platform
from importlib.metadata import version


def versions(*packages: str) -> str:
    """One line: Python and the packages."""
    found = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {found}"
