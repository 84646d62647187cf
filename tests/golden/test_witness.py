"""What the program computes is, to ten digits, what was written down: sample, features, labels, receivables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.witness import SMALL, Digest, differences, digest

GOLDEN = Path(__file__).parent / "witness.json"
SECTIONS = ("sample", "features", "labels", "receivables")  # those that fit no model and take seconds
MOST_SHOWN = 20
COMMAND = (
    "python -m tests.witness --small " + " ".join(f"--only {s}" for s in SECTIONS) + " --out tests/golden/witness.json"
)
REMEDY = f"If the change is meant, run `{COMMAND}`, read the difference, and say in CHANGELOG.md that figures change."


@pytest.fixture(scope="module")
def golden() -> Digest:
    return dict(json.loads(GOLDEN.read_text(encoding="utf-8")))


def test_the_file_holds_the_sections_that_are_compared(golden: Digest) -> None:
    assert tuple(golden["sections"]) == SECTIONS, REMEDY


@pytest.mark.parametrize("section", SECTIONS)
def test_every_figure_is_as_it_was_written_down(golden: Digest, section: str) -> None:
    before = {"form": golden["form"], "sections": {section: golden["sections"][section]}}
    found = differences(before, digest(SMALL, [section]))
    more = f"\n… and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    assert not found, "\n".join([f"{len(found)} differences:", *found[:MOST_SHOWN]]) + f"{more}\n{REMEDY}"


def test_a_difference_names_section_part_column_and_both_lines(golden: Digest) -> None:
    changed = json.loads(json.dumps(golden))
    changed["sections"]["labels"]["parts"]["odd in default"]["columns"]["in_default"] = "other"
    (found,) = differences(golden, changed)
    assert found.startswith("labels / odd in default / in_default\n    before: ")
    assert found.endswith("after:  other")
