"""The running service: its state, and work done away from the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from ledger.errors import InputError
from serving.errors import Problem
from serving.state import ServiceState
from serving.store import StoreUnavailable

T = TypeVar("T")


class Running:
    """Holds the state of this process's service; it is set when the service starts."""

    service_state: ServiceState


def state() -> ServiceState:
    """Return the state of the running service."""
    return Running.service_state


async def in_thread(work: Callable[[], T]) -> T:
    """Return the result of some work away from the event loop.

    Raises Problem: 422 for a user's mistake, 503 where the store cannot be used, 504 where no result comes in time.
    """
    seconds = state().settings.answer_seconds
    try:
        with anyio.fail_after(seconds):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except TimeoutError:
        raise Problem(
            status=504, error="timeout", detail=f"no answer within {seconds:.0f} seconds; ask about fewer customers."
        ) from None
    except StoreUnavailable as why:
        raise unavailable(why) from None
    except InputError as mistake:
        raise Problem(status=422, error="invalid_request", detail=str(mistake)) from None


def unavailable(why: StoreUnavailable) -> Problem:
    """Return the 503 of a store that cannot be used."""
    return Problem(status=503, error="store_unavailable", detail=str(why), headers={"Retry-After": "1"})


Answer = dict[str, Any]
