"""`python -m benchmarks.evidence FILE`: run the commands that an evidence file quotes and write their output into it.

An evidence file (docs/*/evidence/*.md) holds, for each command, a block between two comments:

    <!-- output of: python -m benchmarks.gates -->
    …
    <!-- end of output; run on 2026-11-27 at commit 0123456 -->

Only this module writes between them. What stands outside of the blocks is text about them.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from training.lifecycle.runs import commit

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"<!-- output of: python -m (?P<words>[^>]+?) -->\n(?P<text>.*?)\n<!-- end of output; [^>]*-->", re.DOTALL
)


def evidence_files() -> list[Path]:
    """Return the evidence files, in the order of their paths."""
    return sorted((ROOT / "docs").glob("**/evidence/*.md"))


def commands_in(text: str) -> list[list[str]]:
    """Return the commands whose output an evidence file holds, as words after `python -m`."""
    return [shlex.split(found["words"]) for found in BLOCK.finditer(text)]


def block(words: str, output: str, *, day: str, at: str) -> str:
    """Return one block: a Markdown table as it is, anything else as preformatted text."""
    body = output.strip("\n")
    if not re.search(r"^\|.*\|$", body, re.MULTILINE):
        body = f"```\n{body}\n```"
    return f"<!-- output of: python -m {words} -->\n{body}\n<!-- end of output; run on {day} at commit {at} -->"


def with_output(text: str, words: list[str], output: str, *, day: str, at: str) -> str:
    """Return an evidence file's text with the output of one of its commands replaced."""
    return BLOCK.sub(
        lambda found: (
            block(found["words"], output, day=day, at=at) if shlex.split(found["words"]) == words else found[0]
        ),
        text,
    )


def output_of(words: list[str]) -> str:
    """Return what a benchmark prints. Raises CalledProcessError where it fails: the file then stays as it is."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def renew(path: Path, only: list[str] | None = None) -> None:
    """Run the commands of an evidence file, or one of them, and write what each prints into the file."""
    for words in commands_in(path.read_text(encoding="utf-8")):
        if only is not None and words != only:
            continue
        print(f"== python -m {shlex.join(words)} → {path.relative_to(ROOT)}", flush=True)
        output, now = output_of(words), datetime.now(UTC).date().isoformat()
        text = with_output(path.read_text(encoding="utf-8"), words, output, day=now, at=commit()[:12])
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Renew the evidence files named, or list all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="renew the block of this command alone, e.g. 'benchmarks.gates --seeds 42'")
    parser.add_argument("files", nargs="*", type=Path, help="evidence files; without one they are listed")
    asked = parser.parse_args()
    for path in asked.files:
        renew(path.resolve(), only=shlex.split(asked.only) if asked.only else None)
    if not asked.files:
        for path in evidence_files():
            for words in commands_in(path.read_text(encoding="utf-8")):
                print(f"{path.relative_to(ROOT)}: python -m {shlex.join(words)}")


if __name__ == "__main__":
    main()
