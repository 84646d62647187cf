"""How hard and how real the sample ledger is: `python -m benchmarks.sample_realism [--seeds 1 2 3]`.

First table: defaults by policy within 12 months of quarterly snapshots 2021-12 … 2023-12, customers not in default.
Second table: days late of settled invoices, the real sets of the optional folder ../shared/data beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from sklearn.metrics import roc_auc_score

from cli.output import table
from features.engine.snapshots import active
from ledger.default_status import PRIMARY, default_spells, in_default
from ledger.settlement import settle
from sample.generator import Sample, sample

DATES = pd.date_range("2021-12-31", "2023-12-31", freq="3ME")
REAL = Path(__file__).parents[1].parent / "shared" / "data"
LATENESS = ["on the day", "early", "late", ">= 5 days", "> 30", "> 60", "p95", "p99", "ten largest"]


def difficulty(prepared: Sample) -> list[str]:
    """Default rate, mean true PD, AUC of the past-due rule and of the truth, policy against generator."""
    settlement, spells = settle(prepared.ledger), default_spells(prepared.ledger, PRIMARY)
    asked = active(prepared.ledger, DATES)
    asked = asked[~in_default(prepared.ledger, asked, PRIMARY, settlement=settlement).to_numpy()]
    asked = asked.assign(as_of=pd.to_datetime(asked["as_of"]).astype("datetime64[s]"))
    truth = prepared.truth.assign(as_of=pd.to_datetime(prepared.truth["as_of"]).astype("datetime64[s]"))
    asked = asked.merge(truth[truth["true_pd_12m"].notna()], on=["customer_id", "as_of"])
    on = spells.groupby("customer_id")["entered_on"].first()
    entered = pd.to_datetime(asked["customer_id"].map(on))
    bad = (entered > asked["as_of"]) & (entered <= asked["as_of"] + pd.DateOffset(months=12))
    late = {day: set(s.loc[s["days_past_due"] > 30, "customer_id"]) for day in DATES for s in [settlement.at(day)]}
    rule = [c in late[day] for c, day in zip(asked["customer_id"], asked["as_of"], strict=True)]
    expected = pd.to_datetime(prepared.truth_customers.set_index("customer_id")["default_on"])
    expected = expected[expected <= pd.Timestamp(prepared.ledger.last_known_on)]
    same = (on.reindex(expected.index) == expected).mean()
    return [
        f"{len(asked):,}",
        f"{100 * bad.mean():.2f}",
        f"{100 * asked['true_pd_12m'].mean():.2f}",
        f"{roc_auc_score(bad, rule):.3f}",
        f"{roc_auc_score(bad, asked['true_pd_12m']):.3f}",
        f"{len(expected)}",
        f"{len(set(on.index) ^ set(expected.index))}",
        f"{100 * same:.1f}",
    ]


def lateness(days_late: pd.Series, customer: pd.Series) -> list[str]:
    """Shares in percent and quantiles of days late of settled invoices; the ten largest customers' share of all."""
    late = days_late.dropna()
    shares = [late == 0, late < 0, late > 0, late >= 5, late > 30, late > 60]
    largest = customer.value_counts().head(10).sum() / len(customer)
    tail = [f"{late.quantile(q):.0f}" for q in (0.95, 0.99)]
    return [*(f"{100 * share.mean():.1f}" for share in shares), *tail, f"{100 * largest:.1f}"]


def of_sample(prepared: Sample) -> list[str]:
    invoices = prepared.ledger.invoices[["invoice_id", "due_on"]].drop_duplicates("invoice_id")
    items = invoices.merge(prepared.truth_invoices[["invoice_id", "customer_id", "paid_on"]], on="invoice_id")
    return lateness((pd.to_datetime(items["paid_on"]) - items["due_on"]).dt.days, items["customer_id"])


def of_real() -> list[list[str]]:
    """The same of the real sets, from their raw files."""
    if not REAL.exists():
        return []
    read = {
        "HighRadius": (
            pd.read_csv(REAL / "highradius/invoices.csv", dtype=str),
            "clear_date",
            "due_date",
            "cust_number",
        ),
        "Datarisk": (
            pd.read_csv(REAL / "datarisk/base_pagamentos.csv", sep=";", dtype=str),
            "DATA_PAGAMENTO",
            "DATA_VENCIMENTO",
            "ID_CLIENTE",
        ),
        "IBM": (
            pd.read_csv(REAL / "ibm/WA_Fn-UseC_-Accounts-Receivable.csv", dtype=str),
            "SettledDate",
            "DueDate",
            "customerID",
        ),
    }
    return [
        [
            name,
            *lateness(
                (pd.to_datetime(f[paid], format="mixed") - pd.to_datetime(f[due], format="mixed")).dt.days, f[who]
            ),
        ]
        for name, (f, paid, due, who) in read.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    seeds = parser.parse_args().seeds
    hard, late = [], []
    for seed in seeds:
        prepared = sample(customers=3000, months=48, seed=seed)
        hard.append([f"seed {seed}", *difficulty(prepared)])
        late.append([f"sample, seed {seed}", *of_sample(prepared)])
    print(
        table(
            hard,
            [
                "sample",
                "snapshots",
                "default %",
                "mean true PD %",
                "rule AUC",
                "truth AUC",
                "defaults",
                "not agreed",
                "same day %",
            ],
        )
    )
    print()
    print(table([*late, *of_real()], ["days late", *LATENESS]))
    if not REAL.exists():
        print("../shared/data is not there: the real sets were left out.")


if __name__ == "__main__":
    main()
