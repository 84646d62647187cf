"""`python -m benchmarks`: every benchmark in turn, each with its table; `python -m benchmarks.NAME` runs one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The modules that are commands: those with a main block."""
    return sorted(
        path.stem
        for path in HERE.glob("*.py")
        if path.stem != "__main__" and 'if __name__ == "__main__":' in path.read_text()
    )


def main() -> int:
    """Run all; 1 where one failed."""
    failed = []
    for name in names():
        words = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())) or ""
        print(f"\n== {name}: {words.splitlines()[0] if words else ''}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, check=False).returncode:
            failed.append(name)
    print(
        f"\n{len(names()) - len(failed)} of {len(names())} benchmarks ran. {'Failed: ' * bool(failed)}{', '.join(failed)}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
