"""The watch list as a report: each customer with what changed in words, since when, and the month's alert load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from decisions.chinese import in_chinese
from decisions.early_warning import COLUMNS, WatchChange, WatchPolicy, codes, watch_changes, watch_list
from decisions.report import FLAG, Column, Report, Table, money, share, text
from decisions.scorer import Scorer
from decisions.warning_words import change_words, sentences
from features.engine.histories import build
from ledger.ledger import Ledger
from ledger.master import master_on

AT_ONCE = 2_000


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The customers that have a PD on a day: scores (pd, pd_low, pd_high, exposure) and facts (COLUMNS), by customer_id."""

    scores: pd.DataFrame
    facts: pd.DataFrame


def watched(scorer: Scorer, on: date, ids: Sequence[str] | None = None) -> Watched:
    """Return the scores and facts of customers not in default, and with a history, on a day: of all where no ids are given."""
    if ids is None:
        ids = [str(c) for c in scorer.served.ledger.customers["customer_id"]]
    parts = [scorer.brief(ids[k : k + AT_ONCE], on) for k in range(0, len(ids), AT_ONCE)]
    whole = pd.concat(parts)
    scores = whole.loc[whole["special"].isna() & whole["pd"].notna(), ["pd", "pd_low", "pd_high", "exposure"]].astype(
        "float64"
    )
    snapshots = pd.DataFrame({"customer_id": pd.Series(list(scores.index), dtype="str"), "as_of": pd.Timestamp(on)})
    facts = build(scorer.served.prepared, snapshots, list(COLUMNS)).set_axis(scores.index)
    return Watched(scores=scores, facts=facts)


def list_of(before: Watched, now: Watched, policy: WatchPolicy) -> pd.DataFrame:
    """Return the watch list of `now` against `before` (see `watch_list`)."""
    return watch_list(before.scores, now.scores, before.facts, now.facts, policy)


def watchlist_report(
    ledger: Ledger, as_of: date, days: dict[str, Watched], policy: WatchPolicy, *, command: str, currency: str | None, model_words: str, language: str = "en"
) -> Report:  # fmt: skip
    """Return the watch list of `as_of` as a report.

    days : 'now', 'before' (the policy's back days before), 'month_ago' and 'month_ago_before' (for what changed within a month).
    """
    today = list_of(days["before"], days["now"], policy)
    last = list_of(days["month_ago_before"], days["month_ago"], policy)
    changes = watch_changes(last, today)
    master = master_on(ledger, as_of)
    names, groups = master["name"].reindex(today.index), master["group_id"].reindex(today.index)
    own = today.assign(
        name=names.to_numpy(), group=groups.where(groups != today.index).to_numpy(), codes=[codes(s) for s in today["signals"]],
        words=[sentences(s) or "the PD is among the highest; nothing changed in the period" for s in today["signals"]],
        words_zh=[sentences(s, "zh") or "违约概率居于最高之列；期间无变化" for s in today["signals"]],
        is_new=~today.index.isin(last.index),
    ).rename_axis("customer_id").reset_index()  # fmt: skip
    changed = own[own["is_changed"]]
    kinds = pd.Series([change.kind for change in changes], dtype=object)
    facts = {
        "policy": f"{policy.name} {policy.version}", "model": model_words, "customers_scored": len(days["now"].scores),
        "listed": len(today), "new_since_a_month": int((kinds == "entered").sum()), "left_since_a_month": int((kinds == "left").sum()),
        "alerts_a_month": len(changes), "exposure_listed": round(float(today["exposure"].sum()), 2),
    }  # fmt: skip
    report = Report(
        name="watchlist", title="Watch list", as_of=as_of, known_to=ledger.last_known_on, command=command, currency=currency, facts=facts,
        tables=[
            _table("changed", "Customers whose risk changed", changed),
            _table("unchanged", "Listed for the height of the PD alone", own[~own["is_changed"]]),
            _changes_table(changes),
        ],
        notes=_notes(policy, language),
    )  # fmt: skip
    return in_chinese(report) if language == "zh" else report


def _notes(policy: WatchPolicy, language: str) -> list[str]:
    """How the list is made."""
    share, days = f"{policy.listed_share:.0%}", policy.back_days
    if language == "zh":
        return [
            f"名单包含未违约且已评分客户的 {share}：以违约概率的对数几率加上 {days} 天内变化的分值排序，取最高者。",
            "违约概率的上升须同时超过政策规定的幅度和模型自身的标准误差。此前违约概率由同一模型按当时事实计算。",
        ]
    return [
        f"The list holds {share} of the scored customers that are not in default: those with the highest log-odds of the PD plus the "
        f"policy's points for what changed within {days} days.",
        "A PD counts as risen when its log-odds rose by the policy's step and by more than the standard error of the fit. "
        "The PD before is the same model's, on the facts of that day.",
    ]


def _table(name: str, title: str, frame: pd.DataFrame) -> Table:
    columns = [
        text("customer_id", "customer"), Column(name="name", label="name", is_wide=True), share("pd_before", "PD before"),
        share("pd", "PD"), money("exposure", "exposure"), Column(name="is_new", label="new", kind=FLAG), text("words", "what changed"),
        Column(name="words_zh", label="变化", audience="files"), Column(name="codes", label="signals", audience="files"),
        Column(name="group", label="group", is_wide=True), Column(name="points", label="points", kind="number", is_wide=True),
    ]  # fmt: skip
    return Table(name=name, title=title, columns=columns, frame=frame, terminal_rows=20)


def _changes_table(changes: list[WatchChange]) -> Table:
    frame = pd.DataFrame(
        [(c.customer_id, c.kind, change_words(c), change_words(c, "zh")) for c in changes],
        columns=["customer_id", "kind", "words", "words_zh"],
    )
    columns = [
        text("customer_id", "customer"), text("kind", "change"), text("words", "in words"),
        Column(name="words_zh", label="变化", audience="files"),
    ]  # fmt: skip
    return Table(
        name="changes",
        title="Changes of the list within the last 30 days",
        columns=columns,
        frame=frame,
        terminal_rows=15,
    )


__all__ = ["Watched", "list_of", "watched", "watchlist_report"]
