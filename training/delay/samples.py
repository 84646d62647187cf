"""Which invoices the delay model is asked about, on which days, and what came of them as far as a day knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.currency import document_amounts
from ledger.known import known_on
from ledger.ledger import Ledger
from ledger.settlement import CASH, DISCOUNT, FACTOR, NO_DAY, Settlement, dates, settle
from training.labels import delay_labels

MOST_ITEMS = 30_000  # items asked about on their issue date; above it a part drawn by lot
LATER_SHARE = 0.3  # questions on a later day, beside each of these


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Questions with their outcomes. items : frame (invoice_id, number, customer_id, issued_on, due_on, amount, currency,
    as_of).
    ended : days late when paid or when last observed. is_paid : paid, as far as observed. shown_open : the last day
    (days late) on which the books showed the item open. seen_until : the last day whose payments are known.
    """

    items: pd.DataFrame
    ended: NDArray[np.int64]
    is_paid: NDArray[np.bool_]
    shown_open: NDArray[np.int64]
    seen_until: pd.Timestamp

    def only(self, rows: NDArray[Any]) -> Asked:
        items = self.items.iloc[rows] if rows.dtype != bool else self.items[rows]
        return replace(
            self,
            items=items.reset_index(drop=True),
            ended=self.ended[rows],
            is_paid=self.is_paid[rows],
            shown_open=self.shown_open[rows],
        )


def booking_delay(ledger: Ledger, as_of: pd.Timestamp, share: float = 0.98) -> int:
    """Days within which `share` of the payments of the last year before as_of were booked; payments of so many days
    are not all known yet, so that an item cannot be called unpaid on them."""
    paid = ledger.payments
    recent = paid[(paid["paid_on"] > as_of - pd.Timedelta(days=365)) & (paid["booked_on"] <= as_of)]
    if recent.empty:
        return 0
    return int(np.ceil(np.quantile((recent["booked_on"] - recent["paid_on"]).dt.days, share)))


def items_known(known: Ledger) -> pd.DataFrame:
    """Return every item of a ledger cut to a day: invoice_id, number, customer_id (as documented), issued_on, due_on, amount,
    currency, sorted by invoice and number."""
    invoices = known.invoices[known.invoices["kind"] == "invoice"]
    columns = ["invoice_id", "number", "customer_id", "issued_on", "due_on", "amount", "currency"]
    items = invoices.assign(number=0)[columns]
    if len(known["instalments"]):
        s = settle(known)
        own = np.flatnonzero(s.number > 0)
        invoice = known.invoices.iloc[s.row[own]]
        parts = pd.DataFrame({
            "invoice_id": invoice["invoice_id"].to_numpy(dtype=object), "number": s.number[own].astype(np.int64),
            "customer_id": invoice["customer_id"].to_numpy(dtype=object), "issued_on": invoice["issued_on"].to_numpy(),
            "due_on": dates(s.due_on[own]), "amount": document_amounts(s.document_amount_cents[own], invoice["currency"]),
            "currency": invoice["currency"].to_numpy(dtype=object),
        })  # fmt: skip
        parts = parts.drop_duplicates(["invoice_id", "number"]).astype(items.dtypes.to_dict())
        items = pd.concat([items[~items["invoice_id"].isin(parts["invoice_id"])], parts], ignore_index=True)
    # in an order of their own: what is drawn by lot must not depend on the order in which the ledger holds its rows
    return items.sort_values(["invoice_id", "number"], kind="stable", ignore_index=True)


def _last_booked(known: Ledger, items: pd.DataFrame) -> pd.Series:
    """Return the day on which the last payment of each instalment was booked; NaT for other items, and where there is none."""
    found = pd.Series(pd.NaT, index=items.index, dtype="datetime64[s]")
    if not len(known["instalments"]):
        return found
    s = settle(known)
    entry = np.repeat(np.arange(len(s.number)), np.diff(s.allocation_start))
    is_paid = np.isin(s.allocation_kind, (CASH, FACTOR, DISCOUNT, NO_DAY)) & (s.number[entry] > 0)
    paid = pd.DataFrame({
        "invoice_id": np.array(s.invoice_ids, dtype=object)[s.invoice[entry[is_paid]]],
        "number": s.number[entry[is_paid]].astype(np.int64), "booked_on": dates(s.allocation_known_from[is_paid]),
    })  # fmt: skip
    last = paid.groupby(["invoice_id", "number"])["booked_on"].max()
    keys = pd.MultiIndex.from_arrays([items["invoice_id"].astype(object), items["number"]])
    return pd.Series(last.reindex(keys).to_numpy(), index=items.index)


def outcomes(
    ledger: Ledger, until: pd.Timestamp, *, begun_only: bool = True, settlement: Settlement | None = None
) -> Asked:
    """Return every item known on `until`, asked about on the day before its issue, with what was known of it then.

    settlement : the ledger's, where the caller has it; None: it is settled here.

    The last days, on which payments may still be unbooked, do not count as observed. An item paid before the day
    asked (an issue date that is only assumed) has no question, unless `begun_only` is False.
    """
    seen = pd.Timestamp(until) - pd.Timedelta(days=booking_delay(ledger, pd.Timestamp(until)))
    known = known_on(ledger, until)
    items = items_known(known)
    labels = delay_labels(ledger, items, until=until, settlement=settlement)
    closed = np.minimum(labels["observed_until"].to_numpy(), np.datetime64(seen, "s")).astype("datetime64[D]")
    due = items["due_on"].to_numpy().astype("datetime64[D]")
    is_paid = ~labels["is_censored"].to_numpy() & (labels["settled_on"].to_numpy() <= np.datetime64(seen, "s"))
    items["as_of"] = items["issued_on"] - pd.Timedelta(days=1)
    booked = known.payments.groupby("invoice_id")["booked_on"].max().reindex(items["invoice_id"])
    of_item = _last_booked(known, items).where(items["number"] > 0, booked.to_numpy())
    learned = np.fmax(of_item.to_numpy().astype("datetime64[D]"), closed)
    ended, shown = (closed - due).astype(np.int64), (learned - due).astype(np.int64) - 1
    asked = Asked(
        items=items, ended=ended, is_paid=is_paid, shown_open=np.where(is_paid, shown, ended - 1), seen_until=seen
    )
    begun = items["as_of"].to_numpy().astype("datetime64[D]") < closed
    return asked.only(begun) if begun_only else asked


def days_open(asked: Asked) -> NDArray[np.int64]:
    """On how many days from its issue on the books showed each item open; below 1 where on none."""
    terms = (asked.items["due_on"] - asked.items["issued_on"]).dt.days.to_numpy()
    return np.asarray(asked.shown_open + terms + 1, dtype=np.int64)


def asked_later(asked: Asked, rng: np.random.Generator, share: float | None = None) -> Asked:
    """The items asked again, each on a day drawn from those on which the books showed it open after its issue.

    With `share`, so many questions an item on average, more about an item that was open for longer: every open day of
    every item is as likely as any other, as in a book of open items. (One question an item would let those that were
    soon paid stand for too many of the days on which items are open, and so expect payment too soon.)

    Who asks sees what the books show: an item paid but not booked yet is open to it. It counts as paid on the day after
    the question, as its cash does, so that the chance of such a payment is part of every answer about an open item.
    """
    open_days = np.maximum(days_open(asked), 0)
    if share is None:
        times = (open_days >= 1).astype(np.int64)
    else:
        wanted = open_days * (share * len(open_days) / max(int(open_days.sum()), 1))
        times = np.floor(wanted + rng.random(len(open_days))).astype(np.int64)
    rows = np.repeat(np.arange(len(open_days)), times)
    part = asked.only(rows)
    due = part.items["due_on"].to_numpy().astype("datetime64[D]")
    issued = part.items["issued_on"].to_numpy().astype("datetime64[D]")
    wait = np.floor(rng.random(len(rows)) * open_days[rows]).astype(np.int64)
    part.items["as_of"] = (issued + wait).astype("datetime64[s]")
    day = (issued - due).astype(np.int64) + wait
    return replace(part, ended=np.where(part.is_paid, np.maximum(part.ended, day + 1), part.ended))


def together(first: Asked, second: Asked) -> Asked:
    return replace(
        first,
        items=pd.concat([first.items, second.items], ignore_index=True),
        ended=np.concatenate([first.ended, second.ended]),
        is_paid=np.concatenate([first.is_paid, second.is_paid]),
        shown_open=np.concatenate([first.shown_open, second.shown_open]),
    )


def questions(asked: Asked, seed: int) -> Asked:
    """What a model is trained on: issue-date questions, a part of the items drawn by lot where there are very many, and
    a second, later question about some of them."""
    rng = np.random.default_rng(seed)
    if len(asked.items) > MOST_ITEMS:
        asked = asked.only(np.sort(rng.permutation(len(asked.items))[:MOST_ITEMS]))
    return together(asked, asked_later(asked, rng, LATER_SHARE))
