"""The feed of changes holds who came on the watch list, who left it and whose signals are new, each once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from decisions.early_warning import watch_changes
from decisions.scorer import Scorer
from decisions.steering.watchlist import list_of, watched
from ledger.ledger import Ledger
from models.registry import Settings
from serving import changes, events
from serving.champions import ServedModels
from serving.identity import ANYONE
from serving.messages import EventsRequest, typed
from serving.sent_rows import SentRows
from serving.store import Store
from serving.watch import watch_policy
from serving.watch_feed import WatchFeed
from tests.served import champions, small


@pytest.fixture
def served_models(tmp_path: Path) -> ServedModels:
    found = ServedModels.of(Settings(home=tmp_path), champions())
    found.rows = SentRows(Store.at(tmp_path / "s.sqlite"))
    return found


def listed_of(scorer: Scorer) -> pd.DataFrame:
    """The watch list as the report makes it: in one pass over a whole ledger."""
    policy, on = watch_policy(), scorer.served.data_known_to
    back = on - pd.Timedelta(days=policy.back_days).to_pytimedelta()
    return list_of(watched(scorer, back), watched(scorer, on), policy)


def of_the_list(store: Store) -> list[dict]:
    return [c for c in changes.after(store, 0, 1_000)["changes"] if c["kind"].startswith("watch_")]


def test_the_feed_holds_what_changed_between_two_lists_once(served_models):
    store = served_models.rows.store
    feed = WatchFeed(served_models, store, minutes=1e-9)
    first = listed_of(small().scorer)
    assert feed.look() == len(first) > 0
    assert {c["customer_id"] for c in of_the_list(store)} == set(first.index)
    assert {c["kind"] for c in of_the_list(store)} == {"watch_entered"}
    assert feed.look() == 0
    assert WatchFeed(served_models, store, minutes=60).look() == 0  # another replica, or after a new start

    # a listed customer becomes insolvent: in default it has no place on the list, and another takes it
    customer_id, on = str(first.index[0]), small().prepared.data_known_to.isoformat()
    rows = [{"event_id": "w-1", "customer_id": customer_id, "occurred_on": on, "kind": "insolvency"}]
    events.take_in(served_models, store, typed(EventsRequest, {"events": rows}), ANYONE, "")
    whole = Ledger.from_frames(**_with(small().ledger, rows))
    expected = watch_changes(first, listed_of(small().scorer.on(whole)))
    assert expected
    before = len(of_the_list(store))
    assert feed.look() == len(expected)
    news = of_the_list(store)[before:]
    assert [(c["kind"], c["customer_id"]) for c in news] == [(f"watch_{e.kind}", e.customer_id) for e in expected]
    (left,) = [c for c in news if c["customer_id"] == customer_id]
    assert (left["kind"], left["signals"], left["words"]["en"]) == ("watch_left", [], "left the watch list")
    assert left["words"]["zh"] == "离开观察名单"
    assert {"watch_entered", "watch_left"} == {c["kind"] for c in news}


def _with(ledger: Ledger, rows: list[dict]) -> dict[str, pd.DataFrame]:
    frames = {name: frame.astype(object) for name, frame in ledger.tables.items() if len(frame)}
    added = pd.DataFrame([{**row, "booked_on": row["occurred_on"]} for row in rows]).astype(object)
    frames["events"] = pd.concat([frames["events"], added], ignore_index=True)
    return {n: f.map(lambda v: None if pd.isna(v) else str(v)).astype("str") for n, f in frames.items()}
