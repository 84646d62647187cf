"""What happened after a snapshot: the only module that looks past as_of.

An outcome exists only once it is mature; until then it is censored, with the day until which it was observed.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from ledger.default_status import DefaultPolicy, default_spells, in_default
from ledger.errors import InputError
from ledger.instalments import item_names, numbers_of
from ledger.ledger import Ledger
from ledger.settlement import Settlement, settle

SPAN = 1 << 32  # more days than any two dates lie apart; days of the ledger are after 1950, counted from 1970
EPOCH = 1 << 16  # added to days, so that those before 1970 are not below 0


def default_labels(
    ledger: Ledger,
    snapshots: pd.DataFrame,
    policy: DefaultPolicy,
    *,
    until: date | str | pd.Timestamp | None = None,
    settlement: Settlement | None = None,
    standing_in: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return whether a customer not in default on as_of enters default within each horizon of the policy.

    Returns a frame in the order of `snapshots`, indexed by (customer_id, as_of), by what the ledger knows on `until`
    (its last known day):

    - in_default: in default on as_of, as the books knew it then; such rows have no outcome;
    - default_on: the first day after as_of on which the customer entered default, NaT where none was seen;
    - observed_until: the day until which a default would have been seen (`until`);
    - mature_months: the longest whole number of months, up to the policy's horizon, that is mature, 0 where none is;
    - default_month: the month after as_of, counted from 1, in which default_on lies; 0 where none was seen within the
      policy's horizon. With mature_months it is the censored time to default;
    - default_{h}m per horizon h: boolean, <NA> while immature or in default. A horizon of h months is mature when the
      ledger reaches as_of + h months + the policy's maturity days: an outcome not seen yet is not a good outcome, and a
      default seen early does not count before the good ones of the same age do.

    standing_in : whether each snapshot is in default, where the caller knows it already: it does not depend on `until`.
    Source: CRR Art. 178; Delegated Regulation (EU) 2018/171.
    """
    last = pd.Timestamp(ledger.last_known_on if until is None else until)
    settlement = settle(ledger) if settlement is None else settlement
    as_of = pd.to_datetime(snapshots["as_of"]).to_numpy().astype("datetime64[D]")
    ids = snapshots["customer_id"].astype("str").to_numpy()
    if standing_in is None:
        standing_in = in_default(ledger, snapshots, policy, settlement=settlement).to_numpy()
    entered = _next_entry(default_spells(ledger, policy, until=last, settlement=settlement), ids, as_of)
    mature, came = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    # snapshots are asked about on few days: what depends on the day alone is found for each of these
    days, place = np.unique(as_of, return_inverse=True)
    outcomes = {}
    for months in range(policy.horizon_months, 0, -1):
        end = months_after(days, months)
        is_within = ~np.isnat(entered) & (entered <= end[place])
        is_mature = np.asarray(end + np.timedelta64(policy.maturity_days, "D") <= np.datetime64(last, "D"))[place]
        mature[is_mature & (mature == 0)] = months
        came[is_within] = months
        if months in policy.horizons_months:
            outcome = pd.array(is_within, dtype="boolean")
            outcome[~is_mature | standing_in] = pd.NA
            outcomes[f"default_{months}m"] = outcome
    return pd.DataFrame({
        "in_default": standing_in,
        "default_on": entered.astype("datetime64[s]"),
        "observed_until": np.full(len(ids), np.datetime64(last, "s")),
        "mature_months": mature, "default_month": came, **outcomes,
    }, index=pd.MultiIndex.from_frame(snapshots[["customer_id", "as_of"]]))  # fmt: skip


def months_after(as_of: np.ndarray, months: int) -> np.ndarray:
    """The same day of the month `months` later, the month's last day where it is shorter; a month end stays one."""
    month = as_of.astype("datetime64[M]")
    is_month_end = (as_of + 1).astype("datetime64[M]") > month
    target = month + np.timedelta64(months, "M")
    last_day = (target + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    same_day = target.astype("datetime64[D]") + (as_of - month.astype("datetime64[D]"))
    return np.where(is_month_end, last_day, np.minimum(same_day, last_day))


def last_mature_as_of(until: date | pd.Timestamp, months: int, policy: DefaultPolicy) -> pd.Timestamp:
    """The last day whose `months` outcome is mature on `until`."""
    latest = pd.Timestamp(until) - pd.Timedelta(days=policy.maturity_days)
    candidate = latest - pd.DateOffset(months=months)
    while months_after(np.array([candidate], dtype="datetime64[D]"), months)[0] > np.datetime64(latest, "D"):
        candidate -= pd.Timedelta(days=1)
    return candidate


def _next_entry(spells: pd.DataFrame, ids: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """The first day strictly after each as_of on which the customer entered default; NaT where none."""
    found = np.full(len(ids), np.datetime64("NaT"), dtype="datetime64[D]")
    if spells.empty or not len(ids):
        return found
    names = pd.Index(spells["customer_id"].astype("str").unique())
    customer = names.get_indexer(pd.Index(ids))
    # one whole number for (customer, day) orders both: the entry after each as_of is the next of the same customer
    entered = spells["entered_on"].to_numpy().astype("datetime64[D]").astype(np.int64) + EPOCH
    entries = np.sort(names.get_indexer(spells["customer_id"].astype("str")) * SPAN + entered)
    place = np.searchsorted(entries, customer * SPAN + as_of.astype(np.int64) + EPOCH, side="right")
    following = entries[np.minimum(place, len(entries) - 1)]
    is_own = (customer >= 0) & (place < len(entries)) & (following // SPAN == customer)
    found[is_own] = (following[is_own] % SPAN - EPOCH).astype("datetime64[D]")
    return found


def delay_labels(
    ledger: Ledger, items: pd.DataFrame, *, until: date | str | pd.Timestamp | None = None,
    settlement: Settlement | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return when each item was settled, by what the ledger knows on `until` (its last known day).

    settlement : the ledger's, where the caller has it; None: it is settled here.

    items : one row an item, with invoice_id and, for instalments, number (and any other columns). Returns a frame in their order and with their
    index: settled_on (NaT unless settled by payment), days_late (settled_on − due_on, signed; NaN unless paid),
    closed_kind (open, paid, credited, factored, written_off), observed_until (the day it closed, else `until`: the item
    is censored there, not late by so much), is_censored (not settled by payment: open, or closed another way).

    Raises InputError for an item that the ledger does not hold: an invoice not issued has no outcome. An invoice with
    instalments has one outcome an instalment.
    """
    last = pd.Timestamp(ledger.last_known_on if until is None else until)
    state = (
        (settle(ledger) if settlement is None else settlement)
        .at(last)
        .drop_duplicates(["invoice_id", "number"], keep="last", ignore_index=True)
    )
    names = item_names(state["invoice_id"].to_numpy(dtype=object), state["number"].to_numpy(dtype=np.int32))
    place = pd.Index(names).get_indexer(
        pd.Index(item_names(items["invoice_id"].to_numpy(dtype=object), numbers_of(items)))
    )
    if (place < 0).any():
        lacking = items["invoice_id"][place < 0]
        raise InputError(
            f"items.invoice_id: must stand in the ledger's invoices known on {last.date()}; fails in {len(lacking):,} "
            f"of {len(items):,} rows, e.g. '{lacking.iloc[0]}': an invoice that was never issued has no outcome, and one "
            "with instalments has one an instalment, named by `number`."
        )
    found = state.iloc[place]
    closed = found["closed_on"].fillna(last)
    return pd.DataFrame({
        "settled_on": found["settled_on"].to_numpy(),
        "days_late": found["days_late"].astype("Float64").to_numpy(np.float64, na_value=np.nan),
        "closed_kind": found["closed_kind"].to_numpy(), "observed_until": closed.to_numpy(),
        "is_censored": (found["closed_kind"] != "paid").to_numpy(),
    }, index=items.index)  # fmt: skip
