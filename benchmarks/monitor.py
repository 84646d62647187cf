"""`python -m benchmarks.monitor`: how often the monitor alarms on generated ledgers without any change, and which of eight
disturbances it finds within two months, with the cause among its first three lines."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from features.engine.prepared import prepare
from ledger.default_status import SHORT_HISTORY
from ledger.known import known_on
from ledger.ledger import Ledger
from sample.generator import sample
from training.default import fit as default_fit
from training.lifecycle.monitor_null import verdicts
from training.lifecycle.monitor_report import alarm_lines, freshness
from training.lifecycle.monitor_series import Months, Series, champion_scores, ledger_series, score_series

HISTORY = 35  # months that a monitor looks back: twelve of base, eighteen of the null, twice the gap, the newest
Tables = dict[str, pd.DataFrame]


def champion(seed: int, customers: int) -> Any:
    """Return a champion fitted on a ledger of its own."""
    ledger = sample(customers=customers, months=36, seed=seed).ledger
    return default_fit.fit(ledger, as_of=ledger.last_known_on, policy=SHORT_HISTORY, seed=1).model


def all_series(model: Any, ledger: Ledger, as_of: pd.Timestamp, count: int) -> list[Series]:
    """Return the series of `count` months that end on as_of."""
    known = known_on(ledger, as_of)
    months = Months.until(as_of, count, known)
    return [*ledger_series(known, months), *score_series(champion_scores(model, prepare(known), months), months)]


def cut(series: Series, months: int) -> Series:
    """Return a series as it was `months` months before its newest."""
    last = series.numerator.shape[1] - months
    first = max(0, last - HISTORY)
    return Series(
        **{
            **series.__dict__,
            "numerator": series.numerator[:, first:last],
            "denominator": series.denominator[:, first:last],
        }
    )


def undisturbed(model: Any, seed: int, customers: int, months: int, looked_at: int) -> list[list[str]]:
    """Return the names of the alarms in each of the last `looked_at` months of an undisturbed ledger."""
    ledger = sample(customers=customers, months=months, seed=seed).ledger
    as_of = pd.Timestamp(ledger.last_known_on)
    whole = all_series(model, ledger, as_of, HISTORY + looked_at - 1)
    found = []
    for back in range(looked_at - 1, -1, -1):
        day = as_of - pd.offsets.MonthEnd(back)
        lines = alarm_lines(verdicts([cut(s, back) for s in whole]), freshness(known_on(ledger, day), day))
        found.append([name for name, _ in lines])
    return found


def _rows(tables: Tables, name: str, since: pd.Timestamp, column: str) -> np.ndarray:
    return (tables[name][column] > since).to_numpy()


def sector_slump(tables: Tables, since: pd.Timestamp) -> Tables:
    """Customers of one industry pay 25 days later."""
    industry = tables["customers"].groupby("industry")["customer_id"].count().idxmax()
    of = tables["customers"].loc[tables["customers"]["industry"] == industry, "customer_id"]
    pay = tables["payments"]
    hit = (pay["customer_id"].isin(of) & (pay["paid_on"] > since)).to_numpy()
    for column in ("paid_on", "booked_on"):
        pay.loc[hit, column] = pay.loc[hit, column] + pd.Timedelta(days=25)
    return tables


def terms_doubled(tables: Tables, since: pd.Timestamp) -> Tables:
    """Payment terms go from 30 to 60 days; customers pay 30 days later."""
    inv, pay = tables["invoices"], tables["payments"]
    hit = _rows(tables, "invoices", since, "issued_on")
    inv.loc[hit, "due_on"] = inv.loc[hit, "due_on"] + pd.Timedelta(days=30)
    moved = pay["invoice_id"].isin(inv.loc[hit, "invoice_id"]).to_numpy()
    for column in ("paid_on", "booked_on"):
        pay.loc[moved, column] = pay.loc[moved, column] + pd.Timedelta(days=30)
    return tables


def payments_cut(tables: Tables, since: pd.Timestamp) -> Tables:
    """No payment is booked any more."""
    tables["payments"] = tables["payments"][~_rows(tables, "payments", since, "booked_on")]
    return tables


def currency_swapped(tables: Tables, since: pd.Timestamp) -> Tables:
    """The currencies EUR and USD of new invoices are exchanged."""
    inv = tables["invoices"]
    hit = _rows(tables, "invoices", since, "issued_on")
    inv.loc[hit, "currency"] = inv.loc[hit, "currency"].replace({"EUR": "USD", "USD": "EUR"})
    new = dict(zip(inv["invoice_id"], inv["currency"], strict=True))
    pay = tables["payments"]
    pay["currency"] = pay["invoice_id"].map(new).fillna(pay["currency"])
    return tables


def import_doubled(tables: Tables, since: pd.Timestamp) -> Tables:
    """Invoices and payments come twice, the second time under new numbers."""
    for name, key, column in (("invoices", "invoice_id", "issued_on"), ("payments", "payment_id", "paid_on")):
        again = tables[name][_rows(tables, name, since, column)].copy()
        again[key] = again[key] + "-2"
        if name == "payments":
            known = set(tables["invoices"]["invoice_id"])
            again["invoice_id"] = [f"{i}-2" if f"{i}-2" in known else i for i in again["invoice_id"]]
        tables[name] = pd.concat([tables[name], again], ignore_index=True)
    return tables


def amounts_times_100(tables: Tables, since: pd.Timestamp) -> Tables:
    """Amounts of new invoices and of their payments are a hundred times what they were."""
    hit = _rows(tables, "invoices", since, "issued_on")
    ids = tables["invoices"].loc[hit, "invoice_id"]
    tables["invoices"].loc[hit, "amount"] *= 100
    tables["payments"].loc[tables["payments"]["invoice_id"].isin(ids), "amount"] *= 100
    return tables


def rating_turned(tables: Tables, since: pd.Timestamp) -> Tables:
    """The scale of one source is turned round: its best value becomes its worst."""
    ratings = tables["ratings"]
    hit = (ratings["published_on"] > since).to_numpy() & (ratings["scale"] == "1-100, 100 best").to_numpy()
    ratings.loc[hit, "value"] = (101 - ratings.loc[hit, "value"].astype(float)).astype(int).astype(str)
    return tables


def reminders_stopped(tables: Tables, since: pd.Timestamp) -> Tables:
    """No reminder is sent any more."""
    events = tables["events"]
    tables["events"] = events[~((events["kind"] == "dunning") & (events["booked_on"] > since))]
    return tables


# disturbance -> (what it does, the series whose cause names it)
DISTURBANCES: dict[str, tuple[Callable[[Tables, pd.Timestamp], Tables], tuple[str, ...]]] = {
    "sector slump": (sector_slump, ("late_5 ",)),
    "terms 30 → 60": (terms_doubled, ("terms_days",)),
    "payment feed cut": (payments_cut, ("payments_per_due", "stale payments")),
    "currency swapped": (currency_swapped, ("other_currency",)),
    "import doubled": (import_doubled, ("twins", "invoices_booked")),
    "amounts × 100": (amounts_times_100, ("log_amount",)),
    "rating scale turned round": (rating_turned, ("rating_moves",)),
    "reminders stopped": (reminders_stopped, ("reminders_per_due", "stale events of kind dunning")),
}


def disturbed(model: Any, ledger: Ledger, name: str) -> tuple[int | None, int | None, str]:
    """Return (month of the first alarm, 1 or 2, None without; place of the cause among the lines; the first line)."""
    change, causes = DISTURBANCES[name]
    last = pd.Timestamp(ledger.last_known_on)
    since = last - pd.offsets.MonthEnd(2)
    tables = {n: f.copy() for n, f in ledger.tables.items() if len(f)}
    changed = Ledger.from_frames(**change(tables, since))
    for month in (1, 2):
        as_of = since + pd.offsets.MonthEnd(month)
        found = verdicts(all_series(model, changed, as_of, HISTORY))
        lines = alarm_lines(found, freshness(known_on(changed, as_of), as_of))
        if lines:
            place = next((k for k, (series, _) in enumerate(lines, 1) if series.startswith(causes)), None)
            return month, place, lines[0][1]
    return None, None, ""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--looked-at", type=int, default=24, help="months of each world")
    parser.add_argument("--customers", type=int, default=250)
    parser.add_argument("--first-seed", type=int, default=61)
    asked = parser.parse_args()
    model = champion(60, 400)
    months = HISTORY + asked.looked_at + 3
    print("| ledger | months looked at | months with an alarm | alarms |\n|---|---|---|---|")
    total = alarmed = 0
    for seed in range(asked.first_seed, asked.first_seed + asked.worlds):
        found = undisturbed(model, seed, asked.customers, months, asked.looked_at)
        total, alarmed = total + len(found), alarmed + sum(map(bool, found))
        names = ", ".join(sorted({name for one in found for name in one}))
        print(f"| seed {seed} | {len(found)} | {sum(map(bool, found))} | {names} |", flush=True)
    print(f"\n{alarmed} of {total} undisturbed months with an alarm: {alarmed / total:.1%}.\n")
    print("| disturbance | alarm in month | cause on line | first line |\n|---|---|---|---|")
    ledger = sample(customers=asked.customers, months=HISTORY + 5, seed=asked.first_seed + 100).ledger
    results = {name: disturbed(model, ledger, name) for name in DISTURBANCES}
    for name, (month, place, line) in results.items():
        print(f"| {name} | {month or 'none'} | {place or '–'} | {line} |")
    found_in_time = sum(month is not None for month, _, _ in results.values())
    named = sum(place is not None and place <= 3 for _, place, _ in results.values())
    print(f"\n{found_in_time} of {len(results)} found within two months, the cause among the first three lines in {named} "
          f"({asked.customers} customers).")  # fmt: skip


if __name__ == "__main__":
    main()
