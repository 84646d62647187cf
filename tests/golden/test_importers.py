"""Each format's hand-made sample export gives exactly the expected ledger, to the last cell, and twice the same."""

from __future__ import annotations

import pytest

from importing.formats import formats
from tests.golden import importing


def test_every_format_has_a_sample() -> None:
    assert sorted(formats()) == importing.names()


@pytest.mark.parametrize("name", importing.names())
def test_sample_gives_the_expected_ledger(name: str) -> None:
    assert importing.imported(name) == importing.expected(name)
