"""How long a process of the service lives: it ends with its parent, and says while it stops."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_SECONDS = 0.25  # between two looks at the parent
LAST_SECONDS = 15.0  # how long a worker without a parent may take to end its answers
# BentoML's worker (`bentoml serve`), and ours
WORKERS = ("_bentoml_impl.worker.service", "serving.worker")

draining = threading.Event()  # set once the worker was asked to stop: /readyz is 503, answers close their connections


def end_with(parent: int) -> None:
    """Watch the parent process, in a thread: when it is gone this process stops as by SIGTERM, at the latest after 15 s.

    Without it a worker whose parent was killed would go on to answer and keep the port.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        print("tradecredit: the parent process is gone; the worker stops.", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LAST_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def is_worker() -> bool:
    """Return whether this process is a worker that a parent started to answer (not a test, a notebook or a command)."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name in WORKERS
