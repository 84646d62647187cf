"""The service in this process, on the small ledger and its models, with a store of its own that takes rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from models.registry import Settings
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.running import Running
from serving.sent_rows import SentRows
from serving.service import ServiceState, TradeCredit
from serving.store import Store
from tests.served import champions


@contextmanager
def service_client(home: Path, **settings: str) -> Iterator[TestClient]:
    """Yield a client of the service, stopped afterwards; settings by their names without TRADECREDIT_."""
    given = {"HOME": str(home), "LEDGER": str(home / "none"), "REFRESH": "false", **settings}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(f"TRADECREDIT_{name}", value)
        with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
            Running.service_state.stop()
            served_models, store = (
                ServedModels.of(Settings.from_environment(), champions()),
                Store.at(home / "x.sqlite"),
            )
            served_models.rows = SentRows(store)
            Running.service_state = ServiceState(served_models=served_models, log=DecisionLog(store))
            yield client
