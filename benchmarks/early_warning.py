"""`python -m benchmarks.early_warning [--seeds 31 32 33] [--customers 3000]`: the watch list on sample ledgers, month by month,
against the sample's own defaults: how many defaulters stood on it 90 days or more before, its precision, its load."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cli.output import table
from decisions.early_warning import COLUMNS, WatchPolicy, watch_changes, watch_list
from decisions.policy_files import read_policy
from features.engine.histories import build
from features.engine.prepared import prepare
from features.engine.snapshots import active, month_ends
from ledger.default_status import in_default
from sample.generator import sample
from training.default import fit as default_fit

MONTHS, LAST = 60, "2024-12-31"
FITS = ("2022-12-31", "2023-12-31")  # days on which a model is fitted; each is used on the month ends after it
FITTED_ON = FITS[0]
LEAD_DAYS, WITHIN_DAYS = 90, 365
RULE_DAYS = 30


def scored_months(seed: int, customers: int) -> tuple[pd.DataFrame, pd.Series]:
    """(one row a fit, customer not in default and month end, with its PD and facts, from three months before the fit's first
    month end on; the day of each customer's default). A model knows what was known on the day of its fit."""
    one = sample(customers, MONTHS, seed)
    prepared = prepare(one.ledger)
    parts = []
    for place, fitted_on in enumerate(FITS):
        model = default_fit.fit(one.ledger, as_of=pd.Timestamp(fitted_on), seed=1).model
        last = pd.Timestamp(FITS[place + 1]) if place + 1 < len(FITS) else pd.Timestamp(LAST)
        snapshots = active(prepared, month_ends(pd.Timestamp(fitted_on) - pd.DateOffset(months=3), last))
        X = build(prepared, snapshots, list(dict.fromkeys((*model.needed, *COLUMNS))))
        predicted = model.predict(X[list(model.needed)])
        defaulted = in_default(one.ledger, snapshots, model.policy, settlement=prepared.settlement).to_numpy()
        frame = X[list(COLUMNS)].reset_index(drop=True).assign(
            customer_id=snapshots["customer_id"].to_numpy(), as_of=pd.to_datetime(snapshots["as_of"]).to_numpy(), exposure=0.0,
            pd=predicted["pd_12m"].to_numpy(), pd_low=predicted["pd_low"].to_numpy(), pd_high=predicted["pd_high"].to_numpy(), fit=fitted_on,
        )  # fmt: skip
        parts.append(frame[~defaulted])
    default_on = pd.to_datetime(one.truth_customers.set_index("customer_id")["default_on"])
    return pd.concat(parts, ignore_index=True), default_on


def listed_months(frame: pd.DataFrame, policy: WatchPolicy) -> tuple[pd.DataFrame, pd.DataFrame, list[int]]:
    """(listed customer-months, customer-months of the 30-day rule, entries a month)."""
    listed, rule, entries, last = [], [], [], None
    for fitted_on, of_fit in frame.groupby("fit", sort=True):
        ends = sorted(of_fit["as_of"].unique())
        by_end = {end: own.set_index("customer_id") for end, own in of_fit.groupby("as_of")}
        for place in range(3, len(ends)):
            if ends[place] <= np.datetime64(str(fitted_on)):
                continue
            now, before = by_end[ends[place]], by_end[ends[place - 3]]
            today = watch_list(before, now, before, now, policy)
            listed.append(pd.DataFrame({"customer_id": today.index, "as_of": ends[place]}))
            late = now.index[(now["days_past_due_oldest"] > RULE_DAYS).to_numpy()]
            rule.append(pd.DataFrame({"customer_id": late, "as_of": ends[place]}))
            if last is not None:
                entries.append(sum(change.kind == "entered" for change in watch_changes(last, today)))
            last = today
    return pd.concat(listed, ignore_index=True), pd.concat(rule, ignore_index=True), entries


def warned(listed: pd.DataFrame, default_on: pd.Series) -> tuple[int, int]:
    """(defaulters on the list at a month end 90 to 365 days before, defaulters): those of whom 180 days were watched."""
    first = pd.Timestamp(FITTED_ON) + pd.Timedelta(days=180)
    defaulters = default_on[(default_on > first) & (default_on <= LAST)]
    days = (listed["customer_id"].map(defaulters) - listed["as_of"]).dt.days
    return listed["customer_id"][(days >= LEAD_DAYS) & (days <= WITHIN_DAYS)].nunique(), len(defaulters)


def precision(listed: pd.DataFrame, default_on: pd.Series) -> float:
    """Share of listed customer-months whose customer defaults within the year after, of months a year before the end."""
    mature = listed[listed["as_of"] <= pd.Timestamp(LAST) - pd.Timedelta(days=WITHIN_DAYS)]
    days = (mature["customer_id"].map(default_on) - mature["as_of"]).dt.days
    return float(((days > 0) & (days <= WITHIN_DAYS)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33], help="11 and 12 were used while writing")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--keep", type=Path, help="a folder for each seed's scores: what is there is not done again")
    asked = parser.parse_args()
    policy, rows, sums, begun = read_policy(WatchPolicy, "watch"), [], np.zeros(4), time.process_time()
    for seed in asked.seeds:
        frame, default_on = _kept(seed, asked.customers, asked.keep)
        listed, rule, entries = listed_months(frame, policy)
        (ours, total), (others, _) = warned(listed, default_on), warned(rule, default_on)
        hit, late = precision(listed, default_on), precision(rule, default_on)
        used = frame[frame["as_of"] > pd.to_datetime(frame["fit"])]
        customers, share, late_share = (
            used.groupby("as_of").size().mean(),
            len(listed) / len(used),
            len(rule) / len(used),
        )
        rows.append([
            seed, f"{customers:,.0f}", f"{share:.1%}", f"{ours} of {total}", f"{ours / total:.0%}", f"{hit:.1%}", f"{late_share:.1%}",
            f"{others / total:.0%}", f"{late:.1%}", f"{hit / late:.2f}", f"{np.mean(entries):.0f}",
        ])  # fmt: skip
        sums += [ours, total, hit, late]
    print(table(rows, ["seed", "customers", "listed", "warned >= 90 days", "share", "precision", "rule lists", "rule warned",
                       "rule precision", "ratio", "new a month"]))  # fmt: skip
    print(
        f"all seeds: {sums[0]:.0f} of {sums[1]:.0f} defaulters warned of ({sums[0] / sums[1]:.0%}); precision {sums[2] / sums[3]:.2f} x the 30-day rule's"
    )
    print(f"{time.process_time() - begun:.0f} s of processor time")


def _kept(seed: int, customers: int, keep: Path | None) -> tuple[pd.DataFrame, pd.Series]:
    if keep is None:
        return scored_months(seed, customers)
    scores, defaults = keep / f"scores_{seed}_{customers}.parquet", keep / f"defaults_{seed}_{customers}.parquet"
    if not scores.exists():
        keep.mkdir(parents=True, exist_ok=True)
        frame, default_on = scored_months(seed, customers)
        default_on.rename("default_on").reset_index().to_parquet(defaults)
        frame.to_parquet(scores)
    return pd.read_parquet(scores), pd.read_parquet(defaults).set_index("customer_id")["default_on"]


if __name__ == "__main__":
    main()
