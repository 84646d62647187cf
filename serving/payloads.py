"""What decisions hold of a customer: compressed, encrypted with the customer's own key, and named by its digest.

Encryption is deterministic (AES-SIV, RFC 5297): the same content of the same subject is the same row, so that a score
that is asked for again costs no second copy.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydantic_core
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection, Select, exists, insert, select

from ledger.errors import InputError
from ledger.hash_chain import canonical
from serving.numbers import of_runs, packed_numbers, packed_places, unpacked_numbers, unpacked_places
from serving.store import Store
from serving.store.tables import DECISIONS, PAYLOADS, SUBJECT_KEYS

DICTIONARY = 2  # the dictionary that new payloads are compressed with; its number is their first byte
ERASED = "erased"
MOST_REMEMBERED = 20_000
ROWS_AT_ONCE = 10_000


class Erased(InputError):
    """The payload was erased: its subject's key is destroyed."""


@cache
def _dictionary(number: int) -> bytes:
    """Return a dictionary of typical text, which makes short payloads several times as small. Never change one: add one."""
    return (Path(__file__).parent / "store" / f"dictionary_{number}.json").read_bytes()


Columns = dict[str, list[str]]


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of some bytes as 43 characters (base64 for URLs): a third shorter than hexadecimal."""
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def split_inputs(rest: Mapping[str, Any]) -> tuple[dict[str, Any], Columns]:
    """Return (a content without the names of its inputs, those names): inputs become one list of numbers a map.

    A model's columns are the same for every customer, so their names belong into the context. `inputs` maps a model's
    name to a map of numbers by column; other entries stay as they are.
    """
    inputs = rest.get("inputs")
    if not isinstance(inputs, Mapping):
        return dict(rest), {}
    columns, kept, values = {}, {}, {}
    for name, numbers in inputs.items():
        if (
            isinstance(numbers, Mapping)
            and numbers
            and all(x is None or isinstance(x, float) for x in numbers.values())
        ):
            columns[name], values[name] = list(numbers), list(numbers.values())
        else:
            kept[name] = numbers
    return {**rest, "inputs": kept, "values": values}, columns


def join_inputs(rest: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Return a content with its inputs by column again: the inverse of `split_inputs`."""
    if "values" not in rest:
        return rest
    values = rest.pop("values")
    rest["inputs"] |= {name: dict(zip(columns[name], numbers, strict=True)) for name, numbers in values.items()}
    return rest


def compressed(content: Mapping[str, Any]) -> bytes:
    """Return a payload's content as bytes: the dictionary's number, the length of its text, then text and numbers deflated.

    A number that two models read stands there once; how numbers are kept, see serving.numbers.
    """
    rest = dict(content)
    lists = rest.pop("values", {})
    places: dict[str, list[int]] = {}
    seen: dict[bytes, int] = {}
    for name, given in lists.items():
        packed = np.array([np.nan if x is None else x for x in given], dtype="<f8").tobytes()
        places[name] = [seen.setdefault(packed[k : k + 8], len(seen)) for k in range(0, len(packed), 8)]
    text = canonical(
        {**rest, "places": {name: len(place) for name, place in places.items()}} if lists else rest
    ).encode()
    numbers = packed_numbers(np.frombuffer(b"".join(seen), dtype="<f8")) if lists else b""
    order = packed_places([place for own in places.values() for place in own])
    packer = zlib.compressobj(level=6, wbits=-15, zdict=_dictionary(DICTIONARY))
    return bytes([DICTIONARY]) + len(text).to_bytes(4, "big") + packer.compress(text + order + numbers) + packer.flush()


def expanded(body: bytes) -> dict[str, Any]:
    """Return the content that `compressed` made a body of, in this or in an earlier form."""
    whole = zlib.decompressobj(wbits=-15, zdict=_dictionary(body[0])).decompress(body[5:])
    length = int.from_bytes(body[1:5], "big")
    content = dict(pydantic_core.from_json(whole[:length]))
    if "places" not in content:
        return content
    counts = content.pop("places")
    if body[0] == 1:
        numbers = np.frombuffer(np.frombuffer(whole[length:], dtype=np.uint8).reshape(8, -1).T.tobytes(), dtype="<f8")
        places = {name: of_runs(runs) for name, runs in counts.items()}
    else:
        order, used = unpacked_places(whole[length:], sum(counts.values()))
        numbers = unpacked_numbers(whole[length + used :])
        following = iter(order)
        places = {name: [next(following) for _ in range(count)] for name, count in counts.items()}
    given = [None if np.isnan(x) else float(x) for x in numbers]
    content["values"] = {name: [given[k] for k in own] for name, own in places.items()}
    return content


def _decrypted(key: bytes, body: bytes) -> bytes | None:
    """Return a sealed body's content as bytes; None where it was sealed with another key."""
    try:
        return AESSIV(key).decrypt(body, None)
    except InvalidTag:
        return None


class Payloads:
    """The payloads and contexts in the store, and the subjects' keys."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._contexts: dict[str, str] = {}  # canonical text -> digest, of those that stand in the store
        self._keys: dict[
            str, tuple[bytes, ...]
        ] = {}  # of a subject, the newest first: stored answers are sealed with them
        self._standing: set[str] = set()  # digests of payloads that stand in the store

    def forget(self) -> None:
        """Forget what stands in the store: a transaction that should have brought some of it was rolled back."""
        self._contexts.clear()
        self._standing.clear()

    def keep_context(self, connection: Connection, context: Mapping[str, Any]) -> str:
        """Return the digest of a context, which stands in the store afterwards."""
        text = canonical(context)
        digest = self._contexts.get(text)
        if digest is None:
            body = text.encode()
            digest = digest_of(body)
            self._insert(connection, digest, None, body)
            if len(self._contexts) < 100:
                self._contexts[text] = digest
        return digest

    def keep(self, connection: Connection, subject: str, content: Mapping[str, Any]) -> str:
        """Return the digest of a payload (see `split_inputs`), which stands in the store afterwards."""
        digest, body = self.sealed(connection, subject, compressed(content))
        self.put(connection, digest, subject, body)
        return digest

    def sealed(self, connection: Connection, subject: str, packed: bytes) -> tuple[str, bytes]:
        """Return (digest, body) of a compressed payload as the store would hold it, without putting it there."""
        body = AESSIV(self._key(connection, subject)).encrypt(packed, None)
        return digest_of(body), body

    def opened(self, connection: Connection, subject: str, body: bytes) -> dict[str, Any] | None:
        """Return the content of a sealed body; None where the subject's key is another one now, or destroyed."""
        key = self._key_in_store(connection, subject)
        packed = None if key is None else _decrypted(key, body)
        return None if packed is None else expanded(packed)

    def put_sealed(self, connection: Connection, digest: str, subject: str, body: bytes) -> str:
        """Put a body into the store that was sealed earlier; return its digest.

        Where another process destroyed the subject's key since, the body is sealed anew, with a new key: what is logged after
        an erasure can be read, what was logged before it cannot. Raises Erased where the old key is not remembered.
        """
        with self._lock:
            remembered = self._keys.get(subject, ())
        key = self._key_in_store(connection, subject)
        if key is None or _decrypted(key, body) is None:
            packed = next((found for old in remembered if (found := _decrypted(old, body)) is not None), None)
            if packed is None:
                raise Erased(
                    f"{subject}: the key of this stored answer is destroyed; ask again after the next scoring."
                )
            digest, body = self.sealed(connection, subject, packed)
        self.put(connection, digest, subject, body)
        return digest

    def put(self, connection: Connection, digest: str, subject: str, body: bytes) -> None:
        """Put a sealed body into the store, where it does not stand there yet."""
        if digest not in self._standing:
            self._insert(connection, digest, subject, body)
            if len(self._standing) >= MOST_REMEMBERED:
                self._standing.clear()
            self._standing.add(digest)

    def _insert(self, connection: Connection, digest: str, subject: str | None, body: bytes) -> None:
        # plain SQL: this is on the way of every answer
        mark = "?" if self.store.is_sqlite else "%s"
        statement = f"INSERT INTO payloads (digest, subject, body) VALUES ({mark}, {mark}, {mark}) ON CONFLICT (digest) DO NOTHING"
        connection.exec_driver_sql(statement, (digest, subject, body))

    def _key(self, connection: Connection, subject: str) -> bytes:
        """Return a subject's key, made where there is none yet."""
        known = self._key_in_store(connection, subject)
        if known is None:
            known = secrets.token_bytes(32)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            connection.execute(insert(SUBJECT_KEYS).values(subject=subject, key=known, created_at=at))
            # remembered once it is committed, when it is read again
        return known

    def _key_in_store(self, connection: Connection, subject: str) -> bytes | None:
        """Return a subject's key; None where there is none, or where another process destroyed it."""
        mark = "?" if self.store.is_sqlite else "%s"
        # plain SQL: this is on the way of every answer
        row = connection.exec_driver_sql(f"SELECT key FROM subject_keys WHERE subject = {mark}", (subject,)).first()
        with self._lock:
            if row is None or row[0] is None:
                return None
            key, remembered = bytes(row[0]), self._keys.get(subject, ())
            if key not in remembered:
                if len(self._keys) >= MOST_REMEMBERED:
                    self._keys.clear()
                self._keys[subject] = (key, *remembered[:1])
            return key

    def context(self, connection: Connection, digest: str) -> dict[str, Any]:
        """Return a context by its digest."""
        body = connection.execute(select(PAYLOADS.c.body).where(PAYLOADS.c.digest == digest)).scalar()
        if body is None:
            raise InputError(
                f"the log's context {digest[:12]}… is missing; `tradecredit audit verify` says what is wrong."
            )
        return dict(pydantic_core.from_json(body))

    def read(self, connection: Connection, digest: str) -> dict[str, Any]:
        """Return a payload's content. Raises Erased where its subject's key is destroyed."""
        row = connection.execute(select(PAYLOADS).where(PAYLOADS.c.digest == digest)).one_or_none()
        if row is None:
            raise InputError(
                f"the log's payload {digest[:12]}… is missing; `tradecredit audit verify` says what is wrong."
            )
        key = connection.execute(select(SUBJECT_KEYS.c.key).where(SUBJECT_KEYS.c.subject == row.subject)).scalar()
        if key is None:
            raise Erased("this decision's payload was erased: its subject's key is destroyed.")
        try:
            return expanded(AESSIV(bytes(key)).decrypt(row.body, None))
        except InvalidTag:
            raise InputError(
                f"the log's payload {digest[:12]}… is damaged; `tradecredit audit verify` says where."
            ) from None

    def digests_of(self, subject: str) -> Select[Any]:
        """Return a query for the digests of a subject's payloads."""
        return select(PAYLOADS.c.digest).where(PAYLOADS.c.subject == subject)

    def erase(self, subject: str, *, by: str) -> int:
        """Destroy a subject's key and its name; return how many payloads nobody can read any more.

        The rows, their digests and the chain stay. Raises InputError for a subject without any payload.
        """
        with self.store.writing() as connection:
            count = len(connection.execute(self.digests_of(subject)).all())
            kept = connection.execute(select(SUBJECT_KEYS).where(SUBJECT_KEYS.c.subject == subject)).one_or_none()
            if not subject or kept is None:
                raise InputError(f"{subject!r}: the decision log holds nothing about this customer.")
            name, at = f"{ERASED}-{secrets.token_hex(16)}", datetime.now(UTC).isoformat(timespec="seconds")
            connection.execute(PAYLOADS.update().where(PAYLOADS.c.subject == subject).values(subject=name))
            connection.execute(
                SUBJECT_KEYS.update().where(SUBJECT_KEYS.c.subject == subject)
                .values(subject=name, key=None, destroyed_at=at, destroyed_by=by)
            )  # fmt: skip
        with self._lock:
            self._keys.pop(subject, None)
        if self.store.is_sqlite:  # the overwritten pages leave the write-ahead log too
            with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def why_broken(self, connection: Connection) -> tuple[int, str] | None:
        """Return (sequence of the first record that names it, what is wrong) of a payload that does not hold; None if all do."""
        rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(PAYLOADS.c.digest, PAYLOADS.c.body))
        for digest, body in rows:
            if digest not in (digest_of(body), hashlib.sha256(body).hexdigest()):  # hexadecimal: of an earlier form
                rows.close()
                sequence = connection.execute(
                    select(DECISIONS.c.sequence).where(DECISIONS.c.payload == digest).order_by(DECISIONS.c.sequence)
                ).scalar()
                return int(sequence or 1), "the payload or context that it names is not what was logged"
        lacking = connection.execute(
            select(DECISIONS.c.sequence)
            .where(DECISIONS.c.payload.is_not(None), ~exists().where(PAYLOADS.c.digest == DECISIONS.c.payload))
            .order_by(DECISIONS.c.sequence).limit(1)
        ).scalar()  # fmt: skip
        return None if lacking is None else (int(lacking), "the payload that it names is missing")
