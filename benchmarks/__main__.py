"""`python -m benchmarks`: run every command that the docs quote, in turn; `--list` prints them.

The commands are read from the docs themselves, so that no figure is in them whose command this does not run. What a command
prints goes into the evidence file that holds its block (benchmarks/evidence.py), and otherwise onto the terminal.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

from benchmarks import evidence

ROOT = Path(__file__).parents[1]
QUOTED = re.compile(r"(?:`|<!-- output of: )python\s+-m\s+(benchmarks\.\w+[^`>]*?)(?:`| -->)")


def commands() -> list[list[str]]:
    """Return the quoted commands, as words after `python -m`, in the order of the pages; each once."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = (
        shlex.split(" ".join(words.split()))
        for page in pages
        for words in QUOTED.findall(page.read_text(encoding="utf-8"))
    )
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def modules() -> list[str]:
    """Return the modules here that are commands: those with a main block."""
    return sorted(
        f"benchmarks.{path.stem}"
        for path in Path(__file__).parent.glob("*.py")
        if path.stem not in ("__main__", "evidence")
        and 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    )


def _ran(words: list[str]) -> bool:
    """Run one command, its output written into the evidence files that hold its block; return False if it failed."""
    files = [f for f in evidence.evidence_files() if words in evidence.commands_in(f.read_text(encoding="utf-8"))]
    if not files:
        return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=False).returncode == 0
    try:
        for path in files:
            evidence.renew(path, only=words)
    except subprocess.CalledProcessError:
        return False
    return True


def main() -> int:
    """Run all commands; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the commands and run none")
    asked, failed = parser.parse_args(), []
    quoted = commands()
    for words in quoted:
        line = shlex.join(["python", "-m", *words])
        print(line if asked.list else f"\n== {line}", flush=True)
        if not asked.list and not _ran(words):
            failed.append(line)
    if not asked.list:
        print(
            f"\n{len(quoted) - len(failed)} of {len(quoted)} benchmarks ran.", *[f"Failed: {line}" for line in failed]
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
