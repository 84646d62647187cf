"""Numbers of payloads come back to the last bit, whatever they are; payloads of the first form are still read."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.hash_chain import canonical
from serving.numbers import packed_numbers, packed_places, unpacked_numbers, unpacked_places
from serving.payloads import _dictionary, compressed, expanded

ODD = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1 / 3,
    -22 / 7,
    0.1,
    1e308,
    5e-324,
    2.0**31,
    2.0**53,
    1234.56,
    float("inf"),
    float("nan"),
    4095 / 4096,
]
FLOATS = st.one_of(
    st.floats(allow_nan=False), st.sampled_from(ODD), st.integers(-10**9, 10**9).map(float),
    st.tuples(st.integers(-10_000, 10_000), st.integers(1, 5_000)).map(lambda t: t[0] / t[1]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(FLOATS, max_size=60))
def test_every_number_comes_back_to_the_last_bit(numbers):
    given_ = np.array(numbers, dtype="<f8")
    assert unpacked_numbers(packed_numbers(given_)).tobytes() == given_.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=400))
def test_every_place_comes_back(places):
    packed = packed_places(places) if all(p <= max([-1, *places[:k]]) + 1 for k, p in enumerate(places)) else None
    if packed is not None:
        assert unpacked_places(packed + b"more", len(places)) == (places, len(packed))


def test_places_beyond_one_byte_come_back():
    places = [*range(600), 0, 599, 300, 600, 1]
    packed = packed_places(places)
    assert unpacked_places(packed, len(places)) == (places, len(packed))


def test_a_payload_comes_back_whole_and_is_shorter_than_its_numbers():
    numbers = [float(k % 7) / 4 for k in range(200)]
    content = {"asked": {"x": 1}, "values": {"a": numbers, "b": [None, *numbers[:20]]}}
    assert expanded(compressed(content)) == content
    assert len(compressed(content)) < 250


def test_a_payload_of_the_first_form_is_still_read():
    text = canonical({"asked": {}, "places": {"a": [0, 2], "b": [1, 1, 0, 1]}}).encode()
    planes = np.array([0.5, 0.25], dtype="<f8").view(np.uint8).reshape(-1, 8).T.tobytes()
    packer = zlib.compressobj(level=6, wbits=-15, zdict=_dictionary(1))
    body = bytes([1]) + len(text).to_bytes(4, "big") + packer.compress(text + planes) + packer.flush()
    assert expanded(body) == {"asked": {}, "values": {"a": [0.5, 0.25], "b": [0.25, 0.5]}}
