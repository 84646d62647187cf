"""CONTRIBUTING.md's three tasks work as they are written: each diff applies to the project, and the tests under it are green."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.newcomer import apply, copy_tracked, newcomer_diffs

WRITE_GOLDEN = ("-m", "features.catalogue.page", "--golden")
TASKS = {  # task -> what the page says to run before the tests, and the tests
    "feature": (WRITE_GOLDEN, ("tests/golden/test_catalogue.py", "tests/spec/test_features.py")),
    "format": (None, ("tests/golden/test_importers.py", "-k", "acme or every_format")),
    "field": (None, ("tests/integration/test_api_document.py",)),
}


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(tree)}
    return subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


def pytest_in(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


def test_each_diff_applies(tmp_path: Path) -> None:
    assert len(newcomer_diffs()) == len(TASKS)
    copy_tracked(tmp_path)
    for diff in newcomer_diffs():
        apply(diff, tmp_path)


def test_a_format_is_found_by_itself(tmp_path: Path) -> None:
    copy_tracked(tmp_path)
    apply(newcomer_diffs()[1], tmp_path)
    tests = pytest_in(tmp_path, *TASKS["format"][1])
    assert tests.returncode == 0, tests.stdout
    assert "2 passed" in tests.stdout


@pytest.mark.slow  # a minute and a half: kernels may be compiled, a small model is fitted
@pytest.mark.parametrize("task", ["feature", "field"])
def test_a_task_is_green(task: str, tmp_path: Path) -> None:
    before, tests = TASKS[task]
    copy_tracked(tmp_path)
    apply(newcomer_diffs()[list(TASKS).index(task)], tmp_path)
    if before is not None:
        assert pytest_in(tmp_path, *tests).returncode == 1, "without the golden file the tests must be red"
        assert run(tmp_path, *before).returncode == 0
    after = pytest_in(tmp_path, *tests)
    assert after.returncode == 0, after.stdout


@pytest.mark.slow  # a small model is fitted
def test_a_declared_field_that_no_answer_holds_is_red(tmp_path: Path) -> None:
    copy_tracked(tmp_path)
    message = newcomer_diffs()[2].split("diff --git a/serving/answer_parts.py")[0]
    apply(message, tmp_path)
    assert pytest_in(tmp_path, *TASKS["field"][1]).returncode == 1
