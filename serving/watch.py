"""The watch list of the ledger that is served: computed once a scorer, for its page, the reports and the queue."""

from __future__ import annotations

import threading
from datetime import timedelta

from decisions.early_warning import WatchPolicy
from decisions.policy_files import read_policy
from decisions.scorer import Scorer
from decisions.steering.watchlist import Watched, list_of, watched

MONTH_DAYS = 30
_LOCK = threading.Lock()
_DAYS: dict[int, tuple[Scorer, dict[str, Watched]]] = {}
_LISTED: dict[int, tuple[Scorer, frozenset[str]]] = {}


def watch_policy() -> WatchPolicy:
    """Return the bundled policy of the watch list."""
    return read_policy(WatchPolicy, "watch")


def watched_days(scorer: Scorer) -> dict[str, Watched]:
    """Return the scores and facts of the days that the watch list and its changes of a month need: 'now' (the ledger's last
    known day), 'before', 'month_ago', 'month_ago_before'."""
    with _LOCK:
        if id(scorer) not in _DAYS:
            on, back, month = (
                scorer.served.data_known_to,
                timedelta(days=watch_policy().back_days),
                timedelta(days=MONTH_DAYS),
            )
            days = {"now": on, "before": on - back, "month_ago": on - month, "month_ago_before": on - month - back}
            _DAYS.clear()
            _DAYS[id(scorer)] = scorer, {name: watched(scorer, day) for name, day in days.items()}
        return _DAYS[id(scorer)][1]


def on_watch_list(scorer: Scorer) -> frozenset[str]:
    """Return the customers on the watch list on the ledger's last known day; none without a default model."""
    if not scorer.has_default:
        return frozenset()
    days, policy = watched_days(scorer), watch_policy()
    with _LOCK:
        if id(scorer) not in _LISTED:
            listed = list_of(days["before"], days["now"], policy)
            _LISTED.clear()
            _LISTED[id(scorer)] = scorer, frozenset(str(c) for c in listed.index)
        return _LISTED[id(scorer)][1]
