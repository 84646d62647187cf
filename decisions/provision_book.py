"""A ledger's open items and loss history in the form in which the loss allowance is computed, for one or two days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from decisions.cover import CoverPolicy
from decisions.cover_book import cover_book
from decisions.provisions import (
    UNSEGMENTED,
    Allowance,
    ProvisionPolicy,
    Rates,
    allowance,
    loss_rates,
    movement,
)
from ledger.currency import CENTS, reporting_cents
from ledger.errors import InputError
from ledger.known import day, days, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.loss_history import LossHistory, loss_history
from ledger.master import master_on
from ledger.open_positions import positions
from ledger.settlement import CASH, CLOSED_KINDS, DISCOUNT, WRITTEN_OFF, Settlement


@dataclass(frozen=True, kw_only=True)
class Provisions:
    """The allowance of a day with what it was computed from."""

    items: pd.DataFrame
    history: LossHistory
    rates: Rates
    allowance: Allowance


def provision_items(
    ledger: Ledger, settlement: Settlement, as_of: date, cover: CoverPolicy | None, collections_to: date | None = None
) -> pd.DataFrame:
    """Return the open items of a day as `provisions.allowance` takes them, with due_on and days_past_due.

    Parameters
    ----------
    cover : the insurance policy; None: nothing is insured.
    collections_to : also give collected_cents, what was paid from the day after `as_of` to this day.

    Raises
    ------
    InputError : `collections_to` before `as_of`, or later than the ledger's last known day.
    """
    items = positions(ledger, settlement, as_of)
    items = items[items["open_cents"] != 0].reset_index(drop=True)
    segment = items["customer_id"].map(master_on(ledger, as_of)["segment"]).astype(object)
    found = pd.DataFrame({
        "invoice_id": items["invoice_id"], "number": items["number"], "customer_id": items["customer_id"],
        "segment": segment.where(segment.notna(), UNSEGMENTED), "bucket": items["bucket"].astype(np.int64),
        "open_cents": items["reporting_open_cents"].clip(lower=0), "insured_cents": 0, "due_on": items["due_on"],
        "days_past_due": items["days_past_due"],
    })  # fmt: skip
    if cover is not None and len(found):
        book = cover_book(ledger, settlement, as_of, cover)
        by_item = book.evaluated.set_index("invoice_id")["insured_cents"]
        item_id = book.items.set_index(["invoice_id", "number"])["item_id"]
        ids = item_id.reindex(pd.MultiIndex.from_frame(found[["invoice_id", "number"]]))
        found["insured_cents"] = by_item.reindex(ids).fillna(0).astype(np.int64).to_numpy()
    if collections_to is not None:
        found["collected_cents"] = _collected(ledger, settlement, found, as_of, collections_to)
    return found


def _collected(ledger: Ledger, s: Settlement, items: pd.DataFrame, as_of: date, to: date) -> pd.Series:
    """Return what was paid of each item after `as_of` and up to `to`, as known on `to`."""
    if to < as_of or to > ledger.last_known_on:
        raise InputError(
            f"--collections-to must lie between {as_of} and the ledger's last known day, {ledger.last_known_on}. Got {to}."
        )
    at, end = np.int32(day(as_of)), np.int32(day(to))
    place = np.flatnonzero(
        np.isin(s.allocation_kind, (CASH, DISCOUNT)) & (s.allocation_on > at) & (s.allocation_on <= end)
        & (s.allocation_known_from <= end) & (s.allocation_known_until > end)
    )  # fmt: skip
    entry = np.searchsorted(s.allocation_start, place, side="right") - 1
    counts = (s.known_from[entry] <= end) & (s.known_until[entry] > end)
    paid = pd.Series(s.allocation_cents[place[counts]], index=_items(s, entry[counts]))
    paid = paid.groupby(level=["invoice_id", "number"]).sum().clip(lower=0)
    of_item = paid.reindex(pd.MultiIndex.from_frame(items[["invoice_id", "number"]])).fillna(0).astype(np.int64)
    return pd.Series(np.minimum(of_item.to_numpy(), items["open_cents"].to_numpy()), index=items.index)


def provisions_on(
    ledger: Ledger, settlement: Settlement, as_of: date, policy: ProvisionPolicy, cover: CoverPolicy | None, *,
    is_expedient: bool = False, collections_to: date | None = None,
) -> Provisions:  # fmt: skip
    """Return the loss allowance of a ledger at the end of `as_of`, as the books held it then."""
    items = provision_items(ledger, settlement, as_of, cover, collections_to)
    segment = master_on(ledger, as_of)["segment"].astype(object)
    segment_of = segment.where(segment.notna(), UNSEGMENTED)
    history = loss_history(
        ledger, settlement, as_of, segment_of, months=policy.history_months, outcome_days=policy.outcome_days
    )
    rates = loss_rates(history, policy)
    found = allowance(items, rates, policy, as_of, is_expedient=is_expedient)
    return Provisions(items=items, history=history, rates=rates, allowance=found)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A movement between two days. lines : see `provisions.movement`, whole cents. written_off, recovered : amounts of
    the period in cents (gross, not the allowance on them). charge : what went through profit and loss."""

    since: date
    lines: dict[str, int]
    written_off: int
    recovered: int
    charge: int


def provision_movement(
    ledger: Ledger, settlement: Settlement, before: Provisions, now: Provisions, old_policy: ProvisionPolicy,
    *, is_expedient: bool = False,
) -> Moved:  # fmt: skip
    """Return why the allowance moved from one day to the other, to the cent, and the charge of the period.

    charge = closing − opening + written off − recovered: the roll-forward in which write-offs use the allowance and
    recoveries add to it.
    """
    first, last = before.allowance.as_of, now.allowance.as_of
    same_rates = allowance(now.items, before.rates, old_policy, last, is_expedient=is_expedient)
    old_history_rates = loss_rates(now.history, old_policy)
    same_model = allowance(now.items, old_history_rates, old_policy, last, is_expedient=is_expedient)
    lines = movement(
        before.allowance, now.allowance, same_rates=same_rates, same_model=same_model,
        closed_as=_closed_as(settlement, first, last, pd.concat([before.items["invoice_id"], now.items["invoice_id"]])),
    )  # fmt: skip
    written = _written_off(settlement, last) - _written_off(settlement, first)
    recovered = _recoveries(ledger, first, last)
    return Moved(
        since=first, lines=lines, written_off=written, recovered=recovered,
        charge=lines["closing"] - lines["opening"] + written - recovered,
    )  # fmt: skip


def _states(s: Settlement, on: date) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries known on a day, their versions and how each is closed."""
    entries, version = s.held_on(day(on))
    return entries, version, s.closed_kind[version]


def _closed_as(s: Settlement, first: date, last: date, invoice_ids: pd.Series) -> pd.Series:
    """Return how each closed item of some invoices, by (invoice_id, number), is closed on the last day; `recovered` for one
    that was written off on the first only."""
    is_asked = np.zeros(len(s.invoice_names) + 1, dtype=bool)
    is_asked[s.invoice_names.look_up(invoice_ids)] = True  # an unknown id (-1) marks the place after the last
    (then, then_kind), (entries, kind) = (
        (of_day[is_asked[s.invoice[of_day]]], how[is_asked[s.invoice[of_day]]])
        for of_day, _, how in (_states(s, first), _states(s, last))
    )
    now = pd.Series(np.array(CLOSED_KINDS, dtype=object)[kind], index=_items(s, entries))
    was = _items(s, then[then_kind == WRITTEN_OFF])
    now[now.index.isin(was) & (now == "open").to_numpy()] = "recovered"
    now = now[(now != "open").to_numpy()]
    return now[~now.index.duplicated(keep="last")]


def _items(s: Settlement, entries: np.ndarray) -> pd.MultiIndex:
    """Return the (invoice_id, number) of each entry's item."""
    ids = s.invoice_names.texts_at(s.invoice[entries])
    return pd.MultiIndex.from_arrays([ids, s.number[entries].astype(np.int64)], names=["invoice_id", "number"])


def _written_off(s: Settlement, on: date) -> int:
    """What write-offs had taken by a day, in cents of the reporting currency."""
    entries, version, _ = _states(s, on)
    return int(s.in_reporting(s.document_written_off_cents[version], entries).sum())


def _recoveries(ledger: Ledger, first: date, last: date) -> int:
    """Recoveries booked after the first day and by the last, in cents of the reporting currency."""
    events = ledger.events
    since = known_from(events, TABLES["events"])
    is_own = (events["kind"] == "recovery").to_numpy() & events["amount"].notna().to_numpy()
    is_own &= (since > day(first)) & (since <= day(last)) & (known_until(events, TABLES["events"]) > day(last))
    own = events[is_own]
    if own.empty:
        return 0
    currency = own["invoice_id"].map(ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["currency"])
    has_invoice = currency.notna().to_numpy()
    cents = int(np.rint(own.loc[~has_invoice, "amount"].to_numpy(dtype=float) * CENTS).sum())
    named = own[has_invoice]
    if len(named):
        cents += int(reporting_cents(named["amount"], currency[has_invoice], named["occurred_on"], ledger).sum())
    return cents


def life_days(items: pd.DataFrame, as_of: date, policy: ProvisionPolicy) -> np.ndarray:
    """Return the remaining life of each item in days: until it is due, and the policy's days after that."""
    return np.maximum(days(items["due_on"]).astype(np.int64) - day(as_of), 0) + policy.least_life_days
