"""Many what-ifs of one customer at once: each is a copy of its group's ledger under ids of its own, scored in one pass.

Validation, settlement and preparation have a fixed cost for each ledger; copies in one ledger pay it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from decisions.scorer import COLUMNS, Scorer, Scores
from decisions.scoring_ledger import ScoringLedger
from features.engine.compiled import walk
from features.engine.histories import build
from features.engine.prepared import prepare
from ledger.ledger import TABLES, Ledger

Frames = Mapping[str, pd.DataFrame]

ID_COLUMNS = ("customer_id", "invoice_id", "payment_id", "event_id", "order_id", "applies_to", "parent_id")
SHARED = ("macro", "exchange_rates")  # tables without customers or invoices


def mark(name: str, number: int) -> str:
    """Return the id that stands for `name` in the copy of that number."""
    return f"{name}~{number}"


def group_members(scorer: Scorer, customer_id: str) -> list[str]:
    """Return the ids of a customer's parent group (the customer alone without one) and of those merged into them."""
    who, groups = scorer.served.prepared.owners, scorer.served.prepared.groups
    code = int(who.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    codes = np.flatnonzero(groups == groups[code]) if groups[code] >= 0 else np.array([code])
    merged = who.ids[who.member[np.isin(who.owner, codes)]]
    return sorted({customer_id, *(str(i) for i in who.ids[codes]), *(str(i) for i in merged)})


def frames_of(ledger: Ledger) -> dict[str, pd.DataFrame]:
    """Return the tables of a ledger that hold rows."""
    return {name: frame for name, frame in ledger.tables.items() if len(frame)}


def copies(variants: Sequence[Frames], scorer: Scorer) -> ScoringLedger:
    """Return one ledger that holds each variant under ids marked with its number, prepared for scoring."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for number, frames in enumerate(variants):
        for name, frame in frames.items():
            if name in SHARED:
                if number == 0:
                    parts.setdefault(name, []).append(frame)
                continue
            own = frame.copy()
            for column in ID_COLUMNS:
                if column in own:
                    known = own[column].notna()
                    own[column] = own[column].astype(object).where(~known, own[column].astype(object) + f"~{number}")
            if name == "events":
                merged = (own["kind"] == "merged_into").to_numpy()
                own["detail"] = own["detail"].astype(object).where(~merged, own["detail"].astype(object) + f"~{number}")
            parts.setdefault(name, []).append(own)
    whole = scorer.served
    if "exchange_rates" in parts:
        # a part of the ledger may hold no amount in the reporting currency: a rate of 1 says which it is
        rates = parts["exchange_rates"][0]
        one = {"currency": whole.currency, "observed_on": rates["observed_on"].min(), "rate": 1.0}
        parts["exchange_rates"].append(pd.DataFrame([one]).reindex(columns=rates.columns))
    joined: dict[str, Any] = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items()}
    return ScoringLedger(
        prepared=prepare(Ledger.from_frames(references=False, **joined)), data_known_to=whole.data_known_to,
        currency=whole.currency, fingerprint=whole.fingerprint, begins=whole.first_day,
    )  # fmt: skip


def of_others(*, group: bool) -> frozenset[str]:
    """Return the columns that look at other customers or published series; with group=True those of the group too."""
    return frozenset(
        name for name, column in COLUMNS.items()
        if any(node.op == "given" and (group or not str(node.args[0]).startswith("group_")) for node in walk(column.value))
    )  # fmt: skip


def scored_variants(scorer: Scorer, scores: Scores, added: Sequence[Frames]) -> tuple[Scorer, Scores, list[str]]:
    """Return (the scorer of the copies, their scores, their ids): one copy for each set of rows added to the ledger.

    scores : of one customer, as things are. added : table -> rows with every id as in the ledger; {} is no change.
    Columns about other customers stay as they are, as in `decisions.what_if.hypothetical`.
    """
    customer_id = str(scores.customers.index[0])
    base = frames_of(scorer.served.ledger.of(group_members(scorer, customer_id)))
    variants = [base, *(_with(base, rows) for rows in added)]
    served = copies(variants, scorer)
    there = replace(scorer, served=served)
    ids = [mark(customer_id, number) for number in range(len(variants))]
    after = there.score(ids, scores.as_of)
    snapshots = pd.DataFrame({"customer_id": pd.Series(ids, dtype="str"), "as_of": pd.Timestamp(scores.as_of)})
    own = build(served.prepared, snapshots, columns=scorer.default.needed).set_axis(ids)
    now = snapshots.iloc[:1].assign(customer_id=pd.Series([customer_id], dtype="str"))
    real = build(scorer.served.prepared, now, columns=scorer.default.needed).iloc[0]
    fixed = of_others(group=False)
    X = own.copy()
    for name in X.columns:
        values = own[name].to_numpy(dtype=np.float64)
        same = (values == values[0]) | (np.isnan(values) & np.isnan(values[0]))
        X[name] = np.where(same | (name in fixed), real[name], values)
    return there, there.rescored(after, X), ids[1:]


def _with(base: Frames, rows: Frames) -> dict[str, pd.DataFrame]:
    """The tables with rows added; what a row does not give is missing."""
    found = dict(base)
    for name, frame in rows.items():
        found[name] = _joined(found[name], frame, name) if name in found else frame
    return found


def _joined(table: pd.DataFrame, rows: pd.DataFrame, name: str) -> pd.DataFrame:
    own = rows.reindex(columns=table.columns)
    if "booked_on" in own:
        event = next(
            (c for c in ("paid_on", "occurred_on", "effective_on", "issued_on", "rated_on") if c in rows), None
        )
        if event is not None:
            own["booked_on"] = own["booked_on"].where(own["booked_on"].notna(), rows[event])
    # a supposed row takes the place of one with its key, as terms agreed on the same day do; other rows stay as they are
    key = list(TABLES[name].key)
    is_replaced = pd.MultiIndex.from_frame(table[key]).isin(pd.MultiIndex.from_frame(own[key]))
    both = pd.concat([table[~is_replaced].astype(object), own.astype(object)], ignore_index=True)
    return both.astype(dict(table.dtypes.items()), errors="ignore")
