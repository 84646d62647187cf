"""Texts as codes: exact to the byte whatever the order, the hash or the form in which a column is held."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.text_codes import Dictionary, distinct, is_empty, numbers

WORDS = st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=40)


def column(values: list[str | None]) -> pd.Series:
    return pd.Series(values, dtype="str")


@settings(max_examples=60, deadline=None)
@given(values=WORDS, asked=WORDS)
def test_codes_are_those_of_pandas(values: list[str | None], asked: list[str | None]) -> None:
    found, (codes, words) = Dictionary.of(column(values)), pd.factorize(np.array([*values, None], dtype=object))
    assert found.codes.tolist() == codes[:-1].tolist()
    assert found.words == list(words)
    places = {word: place for place, word in enumerate(words)}
    assert found.look_up(column(asked)).tolist() == [places.get(word, -1) if word is not None else -1 for word in asked]


@pytest.mark.parametrize("order", ["rising", "as drawn", "falling"])
def test_two_hundred_thousand_ids_keep_apart_where_their_hashes_do_not(order: str) -> None:
    """Of so many, some ten thousand share their place in the table, and a few all 32 bits that a slot keeps."""
    rng = np.random.default_rng(3)
    ids = np.unique(rng.integers(0, 10**12, 200_000)).astype(str).astype(object)
    ids = {"rising": np.sort(ids), "as drawn": rng.permutation(ids), "falling": np.sort(ids)[::-1]}[order]
    found = Dictionary.of(column(list(ids)))
    assert found.is_rising == (order == "rising")
    assert found.codes.tolist() == list(range(len(ids)))
    asked = rng.integers(0, len(ids), 300_000)
    assert (found.look_up(column(list(ids[asked]))) == asked).all()
    assert (found.look_up(column([f"{i}x" for i in ids[:1000]])) == -1).all()


@pytest.mark.parametrize("gap", [1, 3, 7, 500])
def test_ids_in_the_order_of_the_table_that_they_point_to(gap: int) -> None:
    ids = [f"I{k:06d}" for k in range(20_000)]
    found = Dictionary.of(column(ids))
    asked = np.repeat(np.arange(0, 20_000, gap), 2)
    assert (found.look_up(column([ids[k] for k in asked])) == asked).all()
    back = asked[::-1]
    assert (found.look_up(column([ids[k] for k in back])) == back).all()
    unknown = column([f"I{k:06d}a" for k in range(5)] + ["", "H", "J", "I019999", None])
    assert found.look_up(unknown).tolist() == [-1] * 8 + [19_999, -1]


def test_a_slice_and_every_form_of_a_column() -> None:
    whole = column([None, "b", "a", None, "b", "é", "a"])
    expected = [0, 1, -1, 0, 2, 1]
    for form in (whole.iloc[1:], whole.astype(object).iloc[1:], whole.astype("string").iloc[1:],
                 pd.concat([whole.iloc[1:3], whole.iloc[3:]])):  # fmt: skip
        assert Dictionary.of(form).codes.tolist() == expected
    assert distinct(whole) == {"a", "b", "é"}
    assert is_empty(whole.iloc[3:4])
    assert not is_empty(whole)
    assert numbers(whole, {"a": 1, "é": -1}).tolist() == [0, 0, 1, 0, 0, -1, 1]
