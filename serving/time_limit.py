"""The time limit of one request's work: work that is past it stops at its next check and writes nothing."""

from __future__ import annotations

import threading
from contextvars import ContextVar


class Abandoned(Exception):
    """The request's time is over and its caller has got a 504: the work must stop and write nothing."""


class TimeLimit:
    """Whether one piece of work may still write: either it began to write first, or its caller gave up first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_over = False
        self._is_writing = False

    def end(self) -> bool:
        """Give the work up. Returns False where it has begun to write: its answer must then be awaited."""
        with self._lock:
            if not self._is_writing:
                self._is_over = True
            return self._is_over

    def check(self) -> None:
        """Raise Abandoned where the caller has given up."""
        if self._is_over:
            raise Abandoned

    def begin_writing(self) -> None:
        """Note that the work writes from now on, so that it is not given up any more. Raises Abandoned where it was."""
        with self._lock:
            if self._is_over:
                raise Abandoned
            self._is_writing = True


CURRENT: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


def check() -> None:
    """Raise Abandoned where the request that this thread works for has got its 504; do nothing outside of a request."""
    limit = CURRENT.get()
    if limit is not None:
        limit.check()


def begin_writing() -> None:
    """Note that this thread's request writes from now on (see TimeLimit); do nothing outside of a request."""
    limit = CURRENT.get()
    if limit is not None:
        limit.begin_writing()
