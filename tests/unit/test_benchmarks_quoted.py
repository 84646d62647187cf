"""`make bench` runs what the docs quote, and nothing measures in the dark."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks.__main__ import commands, modules

PARTS = sorted(path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_finds_what_it_takes_from_the_project(part):
    importlib.import_module(f"benchmarks.{part}")


def test_every_benchmark_is_quoted_in_the_docs():
    assert set(modules()) == {words[0] for words in commands()}


def test_a_command_is_read_with_its_words_also_over_the_end_of_a_line():
    assert ["benchmarks.delay_real", "datarisk_covid"] in commands()
    wrapped = [words for words in commands() if words[0] == "benchmarks.default_shape" and "--only" in words]
    assert wrapped, "the docs quote a choice of shapes by name"
    assert " " in wrapped[0][-1]  # a name in quotation marks is one word
    assert not any("\n" in word for words in commands() for word in words)
