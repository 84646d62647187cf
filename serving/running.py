"""The running service: its state, and work done away from the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ledger.errors import InputError
from serving.errors import Problem
from serving.state import ServiceState
from serving.store import StoreUnavailable
from serving.time_limit import CURRENT, Abandoned, TimeLimit

T = TypeVar("T")
logger = logging.getLogger("tradecredit.serving")
THREADS = 40  # requests that are worked on at once; the others wait for a thread
_WORKERS = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="request")


class Running:
    """Holds the state of this process's service; it is set when the service starts."""

    service_state: ServiceState


def state() -> ServiceState:
    """Return the state of the running service."""
    return Running.service_state


async def in_thread(work: Callable[[], T]) -> T:
    """Return the result of some work away from the event loop.

    Work whose time is over stops at its next check (see serving.time_limit) and writes nothing; work that has begun to
    write is awaited, so that a 504 always means that nothing was kept.
    Raises Problem: 422 for a user's mistake, 503 where the store cannot be used, 504 where no result comes in time.
    """
    seconds, limit = state().settings.answer_seconds, TimeLimit()
    context = contextvars.copy_context()
    context.run(CURRENT.set, limit)
    future = asyncio.get_running_loop().run_in_executor(_WORKERS, context.run, work)
    try:
        done, _ = await asyncio.wait({future}, timeout=seconds)
    except asyncio.CancelledError:
        limit.end()
        raise
    try:
        if not done and limit.end():
            future.add_done_callback(_drop)
            raise Problem(
                status=504,
                error="timeout",
                detail=f"no answer within {seconds:.0f} seconds; ask about fewer customers.",
            )
        return await future
    except StoreUnavailable as why:
        raise unavailable(why) from None
    except InputError as mistake:
        raise Problem(status=422, error="invalid_request", detail=str(mistake)) from None


def _drop(future: asyncio.Future[Any]) -> None:
    """Take the result of work that was given up, and an error that came after it; Abandoned is how it should end."""
    failed = None if future.cancelled() else future.exception()
    if failed is not None and not isinstance(failed, (Abandoned, Problem, InputError)):
        logger.error("work that was given up failed: %s", type(failed).__name__)


def unavailable(why: StoreUnavailable) -> Problem:
    """Return the 503 of a store that cannot be used."""
    return Problem(status=503, error="store_unavailable", detail=str(why), headers={"Retry-After": "1"})


Answer = dict[str, Any]
