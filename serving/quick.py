"""Answer `/score` and `/explain` on the event loop where the store holds the answer; everything else goes to the router.

A stored answer needs no computing, so a thread of its own would cost more than the answer. What takes longest is the write
that is on the disk: a request that is alone writes at once, requests that come together share one write in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any

from serving import answers
from serving import messages as given
from serving.api import METRICS
from serving.champions import Champions
from serving.http import App, Message, Receive, Scope, Send
from serving.identity import Caller
from serving.running import state, unavailable
from serving.state import ServiceState
from serving.store import StoreUnavailable

MOST_CUSTOMERS = 20  # of one request that is answered on the event loop
SCORE, EXPLAIN = "/score", "/explain"
JSON = b"application/json"
Contents = list[dict[str, Any]]


class Quick:
    """ASGI application around the router: answers what is stored, hands everything else on."""

    def __init__(self, router: App) -> None:
        self.router = router
        self._inside = 0
        self._waiting: list[tuple[Contents, asyncio.Future[list[str]]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in (SCORE, EXPLAIN):
            await self.router(scope, receive, send)
            return
        message = await receive()
        text = None
        if message["type"] == "http.request" and not message.get("more_body"):
            self._inside += 1
            try:
                text = await self._answer(scope, message["body"])
            finally:
                self._inside -= 1
        if text is None:
            await self.router(scope, _once(message, receive), send)
            return
        body = text.encode()
        length = str(len(body)).encode()
        headers = [(b"content-type", JSON), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, body: bytes) -> str | None:
        """Return the answer's JSON; None where it is not stored, or who asks is not known yet without a look at the store."""
        headers = dict(scope["headers"])
        if headers.get(b"content-type", JSON).partition(b";")[0].strip().lower() != JSON:
            return None
        o = state()
        caller = o.identity.remembered(headers.get(b"authorization", b"").decode("latin-1"))
        if caller is None or o.served_models.why_not is not None:
            return None
        champions = o.served_models.champions()
        if not o.book.is_warm(champions):
            return None
        if scope["path"] == EXPLAIN and not o.store.is_sqlite:
            return None  # a read over the network belongs into a thread
        if scope["path"] == SCORE:
            return await self._score(o, champions, caller, given.parsed(given.ScoreRequest, body))
        return await self._explain(o, champions, caller, given.parsed(given.ExplainRequest, body))

    async def _score(
        self, o: ServiceState, champions: Champions, caller: Caller, asked: given.ScoreRequest
    ) -> str | None:
        caller.need("score")
        if len(asked.customer_ids) > MOST_CUSTOMERS:
            return None
        held = o.book.all_current(champions, asked.customer_ids, asked.as_of)
        if held is None:
            return None
        ids = await self._logged(o, caller, [current.as_record() for current in held])
        METRICS.answered((current.summary[1] for current in held), 0)
        return answers.stored_scores(champions, held, ids)

    async def _explain(
        self, o: ServiceState, champions: Champions, caller: Caller, asked: given.ExplainRequest
    ) -> str | None:
        caller.need("explain")
        found = o.book.explanation(champions, asked.customer_id, asked.target, asked.language, asked.as_of)
        if found is None:
            return None
        stored, position = found
        (decision_id,) = await self._logged(o, caller, [stored.entry])
        return answers.stored_text(stored.text, decision_id, position)

    async def _logged(self, o: ServiceState, caller: Caller, contents: Contents) -> list[str]:
        """Return the decision ids of some records once they are on the disk. Raises Problem 503 where that cannot be."""
        await asyncio.sleep(0)  # requests that came in the same instant are counted before one writes alone
        if self._inside == 1 and not self._waiting:
            ids = o.log.by(caller.subject).append_at_once(contents)
            if ids is not None:
                return ids
        named = [{**content, "by": caller.subject} for content in contents]
        future: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append((named, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(o))
        return await future

    async def _write(self, o: ServiceState) -> None:
        """Write everything that waits, one transaction after the other, until nothing does."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            together = [content for contents, _ in batch for content in contents]
            try:
                ids = await asyncio.to_thread(o.log.append, together)
            except Exception as failed:  # each of the waiting requests answers with it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(unavailable(failed) if isinstance(failed, StoreUnavailable) else failed)
                continue
            given_ids = iter(ids)
            for contents, future in batch:
                own = [next(given_ids) for _ in contents]
                if not future.done():
                    future.set_result(own)


def _once(message: Message, receive: Receive) -> Receive:
    """Return a receiving side that hands out a message that was taken already, then the rest."""
    is_given = False

    async def handed_on() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return message

    return handed_on
