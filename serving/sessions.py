"""Sessions of the pages: a key opens one, a cookie names it, and every form carries a token against forged requests."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from serving.errors import Problem
from serving.identity import ANYONE, Caller, Identity
from serving.store import Store
from serving.store.tables import SESSIONS

COOKIE = "tradecredit_session"
CSRF_FIELD = "csrf"
LASTS = timedelta(hours=10)  # a working day
_SECRET = "session_secret"


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who looks at the pages. csrf : what each form of these pages must send in the field `csrf`."""

    caller: Caller
    csrf: str

    def check(self, form: Mapping[str, str]) -> None:
        """Raise Problem 403 where a form does not carry this session's token."""
        if not hmac.compare_digest(form.get(CSRF_FIELD, "").encode(), self.csrf.encode()):
            raise Problem(
                status=403, error="forbidden", detail="the form has expired; open the page again and repeat it."
            )


class Sessions:
    """The sessions in the store. Where the service is keyless everybody on this machine has one, without a login."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self.store = store
        self.identity = identity
        self._secret = str(store.fact(_SECRET, lambda: secrets.token_hex(32)))

    def login(self, key: str) -> str:
        """Open a session with an API key and return the cookie's value. Raises Problem 401 for a key that is not valid."""
        caller = self.identity.keys.caller(key.strip())
        if caller is None:
            raise Problem(status=401, error="unauthorized", detail="this key is unknown, expired or revoked.")
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        with self.store.writing() as connection:
            connection.execute(SESSIONS.delete().where(SESSIONS.c.expires_at <= now.isoformat()))
            connection.execute(SESSIONS.insert().values(
                digest=_digest(token), key_id=caller.key_id, created_at=now.isoformat(), expires_at=(now + LASTS).isoformat(),
            ))  # fmt: skip
        return token

    def of(self, cookie: str | None) -> Session | None:
        """Return the session that a cookie names; None where there is none (any more): show the login page."""
        if self.identity.is_keyless:
            return Session(caller=ANYONE, csrf=self._csrf("keyless"))
        if not cookie:
            return None
        query = SESSIONS.select().where(SESSIONS.c.digest == _digest(cookie))
        with self.store.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.expires_at <= datetime.now(UTC).isoformat():
            return None
        caller = self.identity.keys.caller_of(row.key_id)
        return None if caller is None else Session(caller=caller, csrf=self._csrf(cookie))

    def logout(self, cookie: str | None) -> None:
        """End the session that a cookie names."""
        if cookie:
            with self.store.writing() as connection:
                connection.execute(SESSIONS.delete().where(SESSIONS.c.digest == _digest(cookie)))

    def _csrf(self, cookie: str) -> str:
        return hmac.new(self._secret.encode(), cookie.encode(), hashlib.sha256).hexdigest()


def set_cookie(token: str, *, is_secure: bool) -> str:
    """Return the Set-Cookie header that opens a session: not readable by scripts, never sent by another site's page."""
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={int(LASTS.total_seconds())}{secure}"


def clear_cookie() -> str:
    """Return the Set-Cookie header that ends a session in the browser."""
    return f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
