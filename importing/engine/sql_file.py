"""The SQL of a format, kept in a `.sql` file of the same name in its folder.

Each query begins with a comment `-- prepared NAME: one row per …` or `-- table NAME: one row per …`; `{WORD}` in a query is
replaced by the text that the format's module gives for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"^-- (prepared|table) (\w+): (.+)$")


@dataclass(frozen=True, kw_only=True)
class Queries:
    """The queries of a format by name, in the file's order: helper relations, and the ledger's tables."""

    prepared: Mapping[str, str]
    tables: Mapping[str, str]


def queries_of(module: str, **words: str) -> Queries:
    """Return the queries of a module's `.sql` file.

    Parameters
    ----------
    module : its __file__. words : what `{WORD}` stands for.

    Raises
    ------
    ValueError : text before the first heading, or a `{WORD}` that is not given.
    """
    path = Path(module).with_suffix(".sql")
    found: dict[str, dict[str, list[str]]] = {"prepared": {}, "table": {}}
    lines: list[str] | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if head := _HEAD.match(line):
            lines = found[head.group(1)].setdefault(head.group(2), [])
        elif line.startswith("--") or not line.strip():
            continue
        elif lines is None:
            raise ValueError(f"{path.name}: text before the first heading: {line}")
        else:
            lines.append(line)
    return Queries(
        prepared={name: _filled(path, text, words) for name, text in found["prepared"].items()},
        tables={name: _filled(path, text, words) for name, text in found["table"].items()},
    )


def _filled(path: Path, lines: list[str], words: Mapping[str, str]) -> str:
    text = "\n".join(lines).rstrip().removesuffix(";")
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    if lacking := re.search(r"\{([A-Z_]+)\}", text):
        raise ValueError(f"{path.name}: {{{lacking.group(1)}}} is not given")
    return text
