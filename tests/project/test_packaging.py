"""The project about itself: one version everywhere, doors kept, start-up, the two commands."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import echelon as ec

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "echelon").rglob("*.py"))


def test_one_version_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {ec.__version__}\n" in citation
    assert re.findall(r"^## \[(\d[^\]]*)\]", changes, re.M)[0] == ec.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["version"]["path"] == "src/echelon/__init__.py"


def test_installed_version():
    try:
        installed = version("echelon")
    except ImportError:
        pytest.skip("run from the source tree without installing")
    assert installed == ec.__version__


def test_citation_file_has_what_the_format_requires():
    """Citation File Format 1.2.0: the required keys, no key twice."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    keys = re.findall(r"^([a-z-]+):", text, re.M)
    assert {"cff-version", "message", "title", "authors"} <= set(keys)
    assert len(keys) == len(set(keys))
    assert re.search(r"^cff-version: 1\.2\.0$", text, re.M)
    assert re.search(r"^authors:\n  - (name|family-names): ", text, re.M)


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, and of what it takes from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_parts_of_scipy_that_stay_out(path):
    """Import contracts see SciPy as one; scipy.stats takes half a second, the search is our own."""
    for name in imported(path):
        assert not name.startswith(("scipy.stats", "scipy.optimize")), name


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_only_the_program_uses_the_public_surface(path):
    """Import contracts do not follow the package itself: below `cli` it gives the version only."""
    if path.is_relative_to(ROOT / "src" / "echelon" / "cli"):
        return
    rooms = {p.stem for p in (ROOT / "src" / "echelon").iterdir()}
    taken = {name for name in imported(path) if re.fullmatch(r"echelon(\.\w+)?", name)}
    assert taken <= {"echelon", "echelon.__version__", *(f"echelon.{room}" for room in rooms)}
    assert "import echelon" not in [x.strip() for x in path.read_text("utf-8").splitlines()]


def test_every_contract_names_what_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {p.parent.name for p in (ROOT / "src" / "echelon").glob("*/__init__.py")}
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip(" ()") for layer in layers for name in re.split(r"[|:]", layer)}
    assert rooms <= named


def test_import_loads_nothing_heavy():
    """`import echelon` loads no library; having `lmer` at hand loads none for output."""
    code = """
import sys, echelon
print(sorted({'numpy', 'scipy', 'pandas', 'matplotlib', 'formulaic', 'docx'} & set(sys.modules)))
echelon.lmer
print(sorted({'matplotlib', 'formulaic', 'docx', 'pptx', 'scipy.stats'} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "usage: python3 run.py demo"),
        (["--help"], 0, "usage: python3 run.py demo"),
        (["nonsense"], 2, "unknown command 'nonsense'"),
    ],
)
def test_run_explains_itself(words, code, said):
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "```console\npython3 run.py demo\npython3 run.py test\n```" in text


def test_nothing_names_a_machine():
    """No path of somebody's computer in anything that is shipped."""
    pattern = re.compile(r"(?:^|[\s\"'`(])/(?:home|Users|root|work|tmp/[a-z])[/\w]*|[A-Z]:\\Users")
    named = [
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "run.py", "pyproject.toml")
    ]
    for path in [*named, *SOURCES, *(ROOT / "docs").rglob("*.md")]:
        assert not pattern.search(path.read_text(encoding="utf-8")), path
