"""The machine and the versions, for the head of the results."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS")


def described() -> list[str]:
    """Lines of text: processor, versions, threads."""
    set_to = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {platform.system()}, {_processor()}, "
        f"{os.cpu_count()} cores, {_memory()}",
        f"Python {platform.python_version()}; "
        + ", ".join(f"{name} {_version(name)}" for name in ("numpy", "scipy", "pandas")),
        f"Threads: {', '.join(set_to) or 'as each library chooses'}",
    ]


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    except (ValueError, OSError):
        return "unknown memory"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
