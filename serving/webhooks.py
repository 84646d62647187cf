"""Post changes to an address of the operator's, signed, in order, until they are taken; off unless the setting names one."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time

import httpx

from ledger.errors import InputError
from models.settings import Settings
from serving import changes
from serving.store import Store, StoreUnavailable
from serving.store.tables import FACTS

logger = logging.getLogger("tradecredit.serving")

LAST = "webhook_last_change"  # the fact that holds the number of the last change that was taken
AT_ONCE = 500
SECONDS_BETWEEN_LOOKS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


def signature(secret: str, at: str, body: bytes) -> str:
    """Return what the header X-Tradecredit-Signature holds: HMAC-SHA256 over the header X-Tradecredit-Time, a dot, the body."""
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Sends the feed of changes; the receiver answers 2xx for what it has taken, and sees a change at least once."""

    def __init__(self, settings: Settings, store: Store) -> None:
        if settings.webhook_url and not settings.webhook_secret:
            raise InputError("TRADECREDIT_WEBHOOK_SECRET: must be given where TRADECREDIT_WEBHOOK_URL is.")
        self.url, self.secret, self.store = settings.webhook_url, settings.webhook_secret, store
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin to send, where the setting names an address."""
        if self.url:
            self._thread.start()

    def stop(self) -> None:
        """End after the request that is under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    def _run(self) -> None:
        pause = SECONDS_BETWEEN_LOOKS
        while not self._stopped.wait(pause):
            try:
                while self.send_some() and not self._stopped.is_set():
                    pass
                pause = SECONDS_BETWEEN_LOOKS
            except (httpx.HTTPError, StoreUnavailable) as failed:
                logger.warning("changes could not be posted: %s", type(failed).__name__)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def send_some(self) -> bool:
        """Post the next changes; return whether there were any. Raises httpx.HTTPError where they were not taken."""
        after = int(self.store.fact(LAST) or 0)
        found = changes.after(self.store, after, AT_ONCE)
        if not found["changes"]:
            return False
        body, at = json.dumps(found, ensure_ascii=False).encode(), str(int(time.time()))
        headers = {
            "Content-Type": "application/json", "X-Tradecredit-Time": at,
            "X-Tradecredit-Signature": signature(self.secret, at, body),
        }  # fmt: skip
        httpx.post(self.url, content=body, headers=headers, timeout=10.0, trust_env=False).raise_for_status()
        with self.store.writing() as connection:
            connection.execute(FACTS.delete().where(FACTS.c.name == LAST))
            connection.execute(FACTS.insert().values(name=LAST, value=str(found["next"])))
        return True
