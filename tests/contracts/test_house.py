"""The house keeps its floors: imports, lint, types, sizes and the files that are fixed."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("features", "training", "proactive_rules", "serving")
BIN = Path(sys.executable).parent


def _complaints(*command: str) -> str:
    """Return what a tool has to say; empty where it is content."""
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _modules() -> list[Path]:
    return [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]


def test_imports_point_one_way():
    """A floor imports only floors below; the wings never see each other."""
    assert not _complaints(str(BIN / "lint-imports"))


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_ruff_finds_nothing(command):
    """Lint and layout are clean, with every exemption in pyproject.toml."""
    assert not _complaints(str(BIN / "ruff"), *command.split(), ".")


def test_types_hold():
    """Everything public is typed, and mypy agrees."""
    assert not _complaints(str(BIN / "mypy"))


def test_modules_stay_short():
    """No module passes 300 lines: it is split along a noun before."""
    long = {
        str(p.relative_to(REPOSITORY)): n
        for p in _modules()
        if (n := len(p.read_text().splitlines())) > 300
    }
    assert not long


def _statements_span(function: ast.FunctionDef) -> int:
    docstring = ast.get_docstring(function, clean=False)
    return (
        function.end_lineno - function.lineno + 1 - (len(docstring.split("\n")) if docstring else 0)
    )


def test_functions_fit_a_screen():
    """No function passes 50 lines without its docstring."""
    long = [
        f"{path.name}:{node.name}"
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and _statements_span(node) > 50
    ]
    assert not long


def test_tests_have_no_packages():
    """A package below tests/ would hide the packages of the same name."""
    assert not list((REPOSITORY / "tests").rglob("__init__.py"))


def test_lock_has_hashes_and_no_addresses():
    """The compiled requirements name versions and hashes, and no host of an index."""
    lock = (REPOSITORY / "requirements.txt").read_text()
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|index.url|find.links", lock)
    unpinned = [line for line in lock.splitlines() if re.match(r"[a-z]", line) and "==" not in line]
    assert not unpinned


def test_every_dependency_has_a_lower_bound():
    """pyproject.toml says from which version on we know a dependency to work."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    names = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert not [name for name in names if ">=" not in name]


def test_no_file_names_this_machine():
    """No tracked text names a machine's path."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    homes = (str(Path.home()) + "/", str(REPOSITORY.parent) + "/")
    guilty = [
        name
        for name in tracked
        if (REPOSITORY / name).is_file()
        and any(home in (REPOSITORY / name).read_text(errors="ignore") for home in homes)
    ]
    assert not guilty
