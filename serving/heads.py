"""Signed heads of the decision log, written to a file outside of it: they show when records were cut off or replaced."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import InputError
from ledger.hash_chain import canonical
from serving.decision_log import DecisionLog
from serving.store import StoreUnavailable

logger = logging.getLogger("tradecredit.serving")


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in the file HEADS.key, made (readable by its owner only) where there is none."""
    place = path.with_suffix(path.suffix + ".key")
    if place.exists():
        found = serialization.load_pem_private_key(place.read_bytes(), password=None)
        if not isinstance(found, Ed25519PrivateKey):
            raise InputError(f"{place.name}: is no Ed25519 key; move it away and a new one is made.")
        return found
    made = Ed25519PrivateKey.generate()
    place.parent.mkdir(parents=True, exist_ok=True)
    text = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    return made


def write_head(log: DecisionLog, path: Path) -> dict[str, Any] | None:
    """Append the log's head, signed, to the file; return it, None where it is the last one written already."""
    records, head = log.head()
    lines = read_heads(path)
    if records == 0 or (lines and lines[-1]["head"] == head):
        return None
    key = signing_key(path)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
    content = {
        "records": records,
        "head": head,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "public_key": public,
    }
    line = {**content, "signature": key.sign(canonical(content).encode()).hex()}
    with path.open("a", encoding="utf-8") as file:
        file.write(canonical(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return line


def read_heads(path: Path) -> list[dict[str, Any]]:
    """Return the heads in the file, oldest first; none where it does not exist. Raises InputError for a damaged line."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(dict(json.loads(line)))
        except ValueError:
            raise InputError(f"{path}: line {number} is no signed head; restore the file from a copy.") from None
    return found


def why_not_held(log: DecisionLog, path: Path) -> str | None:
    """Return what the signed heads show to be wrong with the log; None where it holds all of them."""
    for number, line in enumerate(read_heads(path), start=1):
        content: dict[str, Any] = {name: line[name] for name in ("records", "head", "at", "public_key") if name in line}
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(line["public_key"])))
            key.verify(bytes.fromhex(str(line["signature"])), canonical(content).encode())
        except (InvalidSignature, ValueError, KeyError):
            return f"the head in line {number} of {path.name} is not what was signed"
        last, _ = log.head()
        if last < int(line["records"]):
            return f"the log ends with record {last:,}, but {int(line['records']):,} were there on {line['at']}: records were cut off"
        if not log.holds(int(line["records"]), str(line["head"])):
            return (
                f"record {int(line['records']):,} is not the one that was there on {line['at']}: records were replaced"
            )
    return None


class HeadWriter:
    """Writes the log's head on a schedule, and when the service ends."""

    def __init__(self, log: DecisionLog, path: Path, minutes: float) -> None:
        self.log, self.path, self.seconds = log, path, 60.0 * minutes
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heads", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write a last head and end."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            is_last = self._stopped.wait(self.seconds)
            try:
                write_head(self.log, self.path)
            except (OSError, StoreUnavailable, InputError) as failed:
                logger.error("the log's head could not be written: %s", type(failed).__name__)
            if is_last:
                return
