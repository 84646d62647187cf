"""`python -m benchmarks.liquidity [--worlds 20] [--customers 250]`: the open book's inflow and P(shortfall) on sample ledgers:
how often the 80 % band holds what came, and the Brier score of shortfalls against a plan by due dates."""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from cli.output import table
from decisions.inflow import band, inflow_on, week_ends
from decisions.liquidity import balances, safety
from decisions.steering.liquidity import open_book
from features.engine.prepared import prepare
from sample.generator import sample
from training.delay.dependence import actual_inflow
from training.delay.fit import fit_recipe

MONTHS, FITTED_ON, LAST, WEEKS = 24, "2024-06-30", "2024-12-31", 6
PRESSURE = (0.85, 0.95, 1.0, 1.05, 1.15)  # outflows over the inflow that due dates promise: how tight the plan is
OPENING_WEEKS = 0.5  # of mean inflow: cash at the beginning


def one_world(seed: int, customers: int) -> pd.DataFrame:
    """One row a day, plan and week: whether there was a shortfall by then, P of it, the due-date plan's 0 or 1; and of the
    weekly and the summed band whether it held (the same for all plans of a day)."""
    one = sample(customers, MONTHS, seed)
    prepared = prepare(one.ledger)
    model = fit_recipe(one.ledger, prepared, pd.Timestamp(FITTED_ON), 1, explain=False).model
    ends, _ = week_ends(pd.Timestamp(FITTED_ON), WEEKS)
    rows = []
    for day in pd.date_range(FITTED_ON, pd.Timestamp(LAST) - pd.Timedelta(days=7 * WEEKS), freq="14D"):
        book = open_book(prepared, model, day, ends, paths=1000, seed=seed, with_new=False)
        actual = actual_inflow(one.ledger, book.items, day, ends)
        by_due = inflow_on(book.amount, (book.items["due_on"] - day).dt.days.to_numpy(), ends)
        low, high = band(book.inflow)
        sum_low, sum_high = band(np.cumsum(book.inflow, axis=1))
        weekly = (actual >= low) & (actual <= high)
        summed = (np.cumsum(actual) >= sum_low) & (np.cumsum(actual) <= sum_high)
        mean = by_due.mean()
        for pressure in PRESSURE:
            outflow, opening = by_due * pressure, OPENING_WEEKS * mean
            found = safety(balances(book.inflow, outflow, opening), 0.0)
            came = np.minimum.accumulate(opening + np.cumsum(actual - outflow)) < 0
            plan = np.minimum.accumulate(opening + np.cumsum(by_due - outflow)) < 0
            rows.append(pd.DataFrame({
                "day": day, "pressure": pressure, "week": np.arange(1, WEEKS + 1), "came": came, "p": found.by_then, "plan": plan,
                "weekly": weekly, "summed": summed,
            }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=250)
    parser.add_argument("--first-seed", type=int, default=501)
    asked = parser.parse_args()
    begun, lines, all_rows = time.process_time(), [], []
    for seed in range(asked.first_seed, asked.first_seed + asked.worlds):
        rows = one_world(seed, asked.customers)
        ours, plan = float(((rows["p"] - rows["came"]) ** 2).mean()), float((rows["plan"] != rows["came"]).mean())
        once = rows[rows["pressure"] == PRESSURE[0]]
        lines.append([seed, f"{once['weekly'].mean():.1%}", f"{once['summed'].mean():.1%}", f"{rows['came'].mean():.1%}", f"{ours:.4f}", f"{plan:.4f}",
                      f"{1 - ours / plan:+.0%}" if plan else "–"])  # fmt: skip
        all_rows.append(rows)
        print(f"seed {seed}: {time.process_time() - begun:.0f} s", flush=True)
    whole = pd.concat(all_rows)
    once = whole[whole["pressure"] == PRESSURE[0]]
    print(
        table(
            lines,
            ["seed", "weekly band holds", "summed band holds", "shortfalls", "Brier ours", "Brier by due date", "gain"],
        )
    )
    ours, plan = float(((whole["p"] - whole["came"]) ** 2).mean()), float((whole["plan"] != whole["came"]).mean())
    print(f"all worlds: the 80 % band holds {once['weekly'].mean():.1%} of weeks and {once['summed'].mean():.1%} of sums since the day; "
          f"Brier of a shortfall {ours:.4f}, plan by due dates {plan:.4f}: {1 - ours / plan:.0%} less")  # fmt: skip
    print(f"{time.process_time() - begun:.0f} s of processor time")


if __name__ == "__main__":
    main()
