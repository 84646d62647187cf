"""What messages and docs tell a user to type is what the front door takes."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cli.main import commands

ROOT = Path(__file__).parents[2]
ADVICE = re.compile(r"`tradecredit ([a-z][^`\n]*)`")
SOURCES = ("ledger", "importing", "sample", "features", "models", "decisions", "training", "serving", "cli")


def advised() -> list[str]:
    files = [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    files += [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return sorted({words for path in files for words in ADVICE.findall(path.read_text(encoding="utf-8"))})


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words that are left."""
    found: click.Command = commands
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        inner = found.get_command(click.Context(found), words[0])
        if inner is None:
            raise AssertionError(f"there is no command {words[0]!r}")
        found, words = inner, words[1:]
    return found, words


@pytest.mark.parametrize("words", advised())
def test_the_words_are_those_of_a_command(words):
    command, rest = command_of(words.split())
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options = {word.strip("[]") for word in rest if word.strip("[]").startswith("--")}
    assert options <= known | {"--help"}
    choices = [p.type.choices for p in command.params if isinstance(p, click.Argument) and isinstance(p.type, click.Choice)]  # fmt: skip
    first = rest[0] if rest else ""
    if choices and first.isalpha() and first.islower():
        assert first in choices[0]
