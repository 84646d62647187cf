"""CONTRIBUTING.md's diffs, applied to a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def newcomer_diffs() -> list[str]:
    """Return the diffs of CONTRIBUTING.md, in their order."""
    return re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)


def copy_tracked(tree: Path) -> None:
    """Copy every tracked file to `tree`, with what numba compiled of it: a kernel's cache asks for the same time stamp."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    for compiled in ROOT.glob("*/**/__pycache__/*.nb[ic]"):
        target = tree / compiled.relative_to(ROOT)
        if (target.parents[1]).is_dir():
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(compiled, target)


def apply(diff: str, tree: Path) -> None:
    """Apply a diff to the files under `tree`. Raises CalledProcessError where it does not fit."""
    subprocess.run(["git", "apply", "--unidiff-zero", "-"], cwd=tree, input=diff, text=True, check=True)
