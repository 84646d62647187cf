"""The architecture is the table below; everything else in this file reads it against the syntax trees."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "ledger": set(),
    "importing": {"ledger"},
    "sample": {"ledger"},
    "features": {"ledger"},
    "models": {"ledger", "features"},
    "decisions": {"ledger", "features", "models"},
    "training": {"ledger", "features", "models", "decisions"},
    "serving": {"ledger", "features", "models", "decisions"},
    "cli": {"ledger", "importing", "sample", "features", "models", "decisions", "training", "serving"},
}
OURS = set(MAY_IMPORT) | {"tests", "benchmarks"}
ONLY_LABELS_LOOK_AHEAD = "training/labels.py"
TODAY = {"today", "utcnow", "now"}
CLOCKS_ALLOWED = ("cli/", "serving/", "models/journal.py", "training/lifecycle/tracking.py")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def trespasses(folder: str, source: str) -> set[str]:
    return (imported(ast.parse(source)) & OURS) - MAY_IMPORT[folder] - {folder}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_each_room_imports_only_what_it_may(folder: str) -> None:
    assert modules(folder), f"{folder} is empty"
    found = {str(p.relative_to(ROOT)): bad for p in modules(folder) if (bad := trespasses(folder, p.read_text()))}
    assert found == {}


def test_the_rule_sees_a_trespass() -> None:
    assert trespasses("features", "def f():\n    from models.default.model import DefaultModel") == {"models"}
    assert trespasses("serving", "import training.labels") == {"training"}


def test_no_clock_below_the_front_door() -> None:
    """`as_of` is an argument: only the front door, the service and the registry's 'since when' read a clock."""
    readers = []
    for folder in MAY_IMPORT:
        for path in modules(folder):
            name = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text())):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TODAY
                if called and not name.startswith(CLOCKS_ALLOWED):
                    readers.append(f"{name}:{node.lineno}")
    assert readers == []


def test_every_package_is_one_and_every_module_says_what_it_owns() -> None:
    for folder in MAY_IMPORT:
        for path in modules(folder):
            assert (path.parent / "__init__.py").exists(), f"{path.parent} lacks __init__.py"
            if path.name != "__init__.py":
                assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no first sentence"


def test_no_pickle_is_loaded_or_written() -> None:
    allowed: set[str] = set()
    used = {
        str(p.relative_to(ROOT))
        for folder in MAY_IMPORT
        for p in modules(folder)
        if imported(ast.parse(p.read_text())) & {"pickle", "cloudpickle", "joblib", "dill", "skops"}
    }
    assert used == allowed


def test_nothing_tracked_names_a_machine_or_a_package_registry() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    pattern = re.compile(r"(^|[^\w])/(work|root)/|--(extra-)?index-url|files\.pythonhosted|pypi\.org/simple")
    here = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        name for name in tracked
        if name and name not in (here,) and (ROOT / name).is_file()
        and pattern.search((ROOT / name).read_text(errors="ignore"))
    ]  # fmt: skip
    assert found == []
