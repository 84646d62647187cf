"""`python -m benchmarks`: every command that the docs quote, in turn, each printing its table; `--list` says which.

The commands are read from the docs themselves, so that no figure stands there whose command this does not run.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUOTED = re.compile(r"`python\s+-m\s+(benchmarks\.\w+[^`]*)`")


def commands() -> list[list[str]]:
    """The quoted commands, as words after `python -m`, in the order of the pages; each once."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = (
        shlex.split(" ".join(words.split()))
        for page in pages
        for words in QUOTED.findall(page.read_text(encoding="utf-8"))
    )
    return [list(words) for words in dict.fromkeys(map(tuple, found))]


def modules() -> list[str]:
    """The modules here that are commands: those with a main block."""
    return sorted(
        f"benchmarks.{path.stem}"
        for path in Path(__file__).parent.glob("*.py")
        if path.stem != "__main__" and 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    )


def main() -> int:
    """Run all; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the commands and run none")
    asked, failed = parser.parse_args(), []
    quoted = commands()
    for words in quoted:
        line = shlex.join(["python", "-m", *words])
        print(line if asked.list else f"\n== {line}", flush=True)
        if not asked.list and subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=False).returncode:
            failed.append(line)
    if not asked.list:
        print(
            f"\n{len(quoted) - len(failed)} of {len(quoted)} benchmarks ran.", *[f"Failed: {line}" for line in failed]
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
