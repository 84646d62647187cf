"""Identify the caller: API keys kept as hashes, OIDC bearer tokens checked against a local key set, and scopes."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from decisions.authority import normalised
from ledger.errors import InputError
from models.settings import Settings
from serving.errors import Problem
from serving.store import Store
from serving.store.tables import KEYS

SCOPES = ("score", "explain", "review", "decide", "events", "admin")
PREFIX = "tc"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LOCAL = "local"  # the subject of callers of a keyless service, which listens on this machine only
KNOWN_FOR_SECONDS = 2.0  # how long a checked key is remembered: a revoked key works at most so much longer
MOST_REMEMBERED = 1_000
CLOCK_SKEW_SECONDS = 30
logger = logging.getLogger("tradecredit.serving")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The subject that a request acts as. subject : normalised id. is_checked : False for callers of a keyless service. idempotency_key : of the
    request, where it carries one."""

    subject: str
    scopes: frozenset[str]
    is_checked: bool = True
    key_id: str = ""
    idempotency_key: str = ""

    def need(self, scope: str) -> None:
        """Raise Problem 403 where the caller lacks a scope; `admin` holds all others."""
        if scope not in self.scopes and "admin" not in self.scopes:
            held = ", ".join(sorted(self.scopes)) or "none"
            raise Problem(
                status=403, error="forbidden", detail=f"this route needs the scope '{scope}'; the caller has: {held}."
            )


ANYONE = Caller(subject=LOCAL, scopes=frozenset(SCOPES), is_checked=False)


@dataclass(frozen=True, kw_only=True)
class Key:
    """One API key as it is listed: never its secret."""

    key_id: str
    subject: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    def state(self, at: datetime) -> str:
        """Return 'active', 'expired' or 'revoked'. A time of revocation to come is the end of a rotation's overlap."""
        if self.revoked_at is not None and self.revoked_at <= _text(at):
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= _text(at) else "active"


class Keys:
    """The API keys in the store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._remembered: dict[str, tuple[float, Caller]] = {}
        self._any: tuple[float, bool] = (0.0, False)

    def create(
        self, subject: str, scopes: Iterable[str], *, days: float | None = None, expires_at: str | None = None
    ) -> tuple[str, Key]:
        """Make a key for a subject and return (the key itself, shown only here; what is kept of it).

        days : until it expires. expires_at : the instant in place of them; never where neither is given.
        Raises InputError for an unknown scope or an empty subject.
        """
        scopes, who = tuple(dict.fromkeys(scopes)), normalised(subject)
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise InputError(f"scopes must be among {', '.join(SCOPES)}. Got {', '.join(unknown) or 'none'} instead.")
        if not who:
            raise InputError("a key needs a subject: the person or system that acts with it.")
        if days is not None and days <= 0:
            raise InputError(f"the days until a key expires must be above 0. Got {days} instead.")
        now = datetime.now(UTC)
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        kept = Key(
            key_id=key_id, subject=who, scopes=scopes, created_at=_text(now),
            expires_at=expires_at if days is None else _text(now + timedelta(days=days)), revoked_at=None,
        )  # fmt: skip
        with self.store.writing() as connection:
            connection.execute(KEYS.insert().values(
                key_id=key_id, digest=_digest(secret), subject=who, scopes=" ".join(scopes),
                created_at=kept.created_at, expires_at=kept.expires_at,
            ))  # fmt: skip
        return f"{PREFIX}_{key_id}_{secret}", kept

    def all(self) -> list[Key]:
        """Return every key, oldest first."""
        with self.store.reading() as connection:
            rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.key_id)).all()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> Key:
        """End a key now. Raises InputError where there is none."""
        return self._end(key_id, datetime.now(UTC))

    def rotate(self, key_id: str, *, overlap_hours: float, days: float | None = None) -> tuple[str, Key]:
        """Make a second key of the same subject, scopes and, where no `days` are given, expiry; the first one ends after
        `overlap_hours`."""
        first = self._one(key_id)
        if first.state(datetime.now(UTC)) != "active":
            raise InputError(f"{key_id}: is {first.state(datetime.now(UTC))}; create a new key instead.")
        found = self.create(first.subject, first.scopes, days=days, expires_at=first.expires_at)
        self._end(key_id, datetime.now(UTC) + timedelta(hours=overlap_hours), found[1].key_id)
        return found

    def _end(self, key_id: str, at: datetime, replaced_by: str | None = None) -> Key:
        self._one(key_id)
        with self.store.writing() as connection:
            connection.execute(
                KEYS.update().where(KEYS.c.key_id == key_id).values(revoked_at=_text(at), replaced_by=replaced_by)
            )
        with self._lock:
            self._remembered.clear()
        return self._one(key_id)

    def _one(self, key_id: str) -> Key:
        with self.store.reading() as connection:
            row = connection.execute(select(KEYS).where(KEYS.c.key_id == key_id)).one_or_none()
        if row is None:
            raise InputError(f"{key_id}: no such key; `tradecredit keys list` shows them.")
        return _key(row)

    def exist(self) -> bool:
        """Return whether any key is there, revoked or not: a service that ever had keys never becomes keyless again."""
        at, found = self._any
        if not found and time.monotonic() - at > KNOWN_FOR_SECONDS:
            with self.store.reading() as connection:
                found = connection.execute(select(KEYS.c.key_id).limit(1)).first() is not None
            self._any = (time.monotonic(), found)
        return found

    def is_known_to_be_none(self) -> bool:
        """Return whether a look at the store a moment ago found no key."""
        at, found = self._any
        return at > 0.0 and not found and time.monotonic() - at <= KNOWN_FOR_SECONDS

    def remembered(self, given: str) -> Caller | None:
        """Return who acts with a key that was found valid a moment ago; None where it was not."""
        digest = hashlib.sha256(given.encode()).hexdigest()
        with self._lock:
            at, known = self._remembered.get(digest, (0.0, None))
        return known if known is not None and time.monotonic() - at < KNOWN_FOR_SECONDS else None

    def caller(self, given: str) -> Caller | None:
        """Return who acts with a key; None where it is unknown, expired or revoked."""
        if (known := self.remembered(given)) is not None:
            return known
        digest = hashlib.sha256(given.encode()).hexdigest()
        parts = given.split("_", 2)
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        with self.store.reading() as connection:
            row = connection.execute(select(KEYS).where(KEYS.c.key_id == parts[1])).one_or_none()
        if row is None or not hmac.compare_digest(row.digest, _digest(parts[2])):
            return None
        key = _key(row)
        if key.state(datetime.now(UTC)) != "active":
            return None
        caller = Caller(subject=key.subject, scopes=frozenset(key.scopes), key_id=key.key_id)
        with self._lock:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (time.monotonic(), caller)
        return caller

    def caller_of(self, key_id: str) -> Caller | None:
        """Return who acts with the key of this id, for a session that was opened with it; None where it has ended."""
        try:
            key = self._one(key_id)
        except InputError:
            return None
        if key.state(datetime.now(UTC)) != "active":
            return None
        return Caller(subject=key.subject, scopes=frozenset(key.scopes), key_id=key.key_id)


class Tokens:
    """OIDC bearer tokens: signature, issuer, audience and times are checked against a local JWKS file.

    The file is read again when it changed, at most every two seconds: an issuer may rotate its keys while the service runs.
    A file that cannot be read any more leaves the keys known before in place.
    """

    def __init__(self, *, issuer: str, audience: str, jwks: Path) -> None:
        if not issuer:
            raise InputError("TRADECREDIT_OIDC_ISSUER: must be given where TRADECREDIT_OIDC_JWKS is.")
        self.issuer, self.audience, self.jwks = issuer, audience, jwks
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._keys, self._changed_at = self._read()

    def _read(self) -> tuple[Any, int]:
        """Return the file's keys and when it was changed. Raises InputError for a file that is no JWKS."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            changed_at = self.jwks.stat().st_mtime_ns
            return KeySet.import_key_set(json.loads(self.jwks.read_text(encoding="utf-8"))), changed_at
        except (OSError, ValueError, KeyError, TypeError, JoseError) as broken:
            raise InputError(f"{self.jwks}: is no JWKS file that can be read ({type(broken).__name__}).") from None

    def _keys_now(self) -> Any:
        with self._lock:
            if time.monotonic() - self._looked_at > KNOWN_FOR_SECONDS:
                self._looked_at = time.monotonic()
                try:
                    if self.jwks.stat().st_mtime_ns != self._changed_at:
                        self._keys, self._changed_at = self._read()
                except (OSError, InputError) as broken:
                    logger.warning("the issuer's keys cannot be read again: %s", type(broken).__name__)
            return self._keys

    def caller(self, token: str) -> Caller | None:
        """Return who a token names, with the scopes of its claim `scope`; None where anything about it does not hold."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            found = jwt.decode(token, self._keys_now(), algorithms=["RS256", "PS256", "ES256", "EdDSA"])
            claims = jwt.JWTClaimsRegistry(
                leeway=CLOCK_SKEW_SECONDS, iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.audience}, sub={"essential": True}, exp={"essential": True},
            )  # fmt: skip
            claims.validate(found.claims)
        except (JoseError, ValueError, TypeError):
            return None
        granted: Any = found.claims.get("scope", "")
        scopes = granted.split() if isinstance(granted, str) else granted if isinstance(granted, list) else []
        subject = normalised(str(found.claims["sub"]))
        return Caller(subject=subject, scopes=frozenset(s for s in scopes if s in SCOPES)) if subject else None


class Identity:
    """Identify the caller that a request's Authorization header names."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.keys = Keys(store)
        self.tokens = (
            None if settings.oidc_jwks is None
            else Tokens(issuer=settings.oidc_issuer, audience=settings.oidc_audience, jwks=settings.oidc_jwks)
        )  # fmt: skip

    @property
    def is_keyless(self) -> bool:
        """Return whether anybody on this machine may ask: no key was ever made and no issuer of tokens is known."""
        return self.tokens is None and not self.keys.exist()

    def remembered(self, authorization: str) -> Caller | None:
        """Return what `caller` returned a moment ago, without a look at the store; None where that is too long ago."""
        if self.tokens is None and not authorization:
            return ANYONE if self.keys.is_known_to_be_none() else None
        kind, _, given = authorization.partition(" ")
        return self.keys.remembered(given.strip()) if kind.lower() == "bearer" else None

    def caller(self, authorization: str | None) -> Caller:
        """Return the caller of an Authorization header's text. Raises Problem 401 where it names nobody."""
        if self.is_keyless:
            return ANYONE
        kind, _, given = (authorization or "").partition(" ")
        given = given.strip()
        if kind.lower() == "bearer" and given:
            found = self.keys.caller(given) if given.startswith(f"{PREFIX}_") else None
            if found is None and self.tokens is not None:
                found = self.tokens.caller(given)
            if found is not None:
                return found
        raise Problem(
            status=401, error="unauthorized", headers={"WWW-Authenticate": 'Bearer realm="tradecredit"'},
            detail="send an API key or a token that is valid now: 'Authorization: Bearer …'.",
        )  # fmt: skip


def refuse_open_keyless(settings: Settings, identity: Identity) -> None:
    """Raise InputError where a service that checks nobody would listen to other machines."""
    if identity.is_keyless and settings.host not in LOOPBACK:
        raise InputError(
            f"--host {settings.host}: without any key the service answers this machine only (127.0.0.1). Make one first: "
            "tradecredit keys create --subject NAME --scope admin"
        )


def _key(row: Any) -> Key:
    return Key(
        key_id=row.key_id, subject=row.subject, scopes=tuple(row.scopes.split()), created_at=row.created_at,
        expires_at=row.expires_at, revoked_at=row.revoked_at,
    )  # fmt: skip


def _digest(secret: str) -> str:
    """Return the hash that is kept: the secret has 256 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
