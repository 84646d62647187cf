"""Every mutation still finds the line that it breaks: a mutation that changes nothing would prove nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.words)
def test_the_anchor_stands_once_in_its_file_and_its_tests_exist(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old) == 1, mutation.file
    assert mutation.old != mutation.new
    assert [name for name in mutation.tests if not (ROOT / name.split("::")[0]).is_file()] == []
