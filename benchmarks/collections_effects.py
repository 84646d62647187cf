"""`python -m benchmarks.collections_effects [--worlds 20]`: what the worklist's estimates and order are worth in generated
books whose hidden effects are known: intervals against the true effect, worlds without effect, cash brought forward."""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.collections_world import DAYS, NEVER, SEGMENTS, CollectionsWorld, world
from cli.output import table
from decisions.action_effects import ALL, Effect, actions_of, estimated, item_states, occasions
from decisions.collections import valued
from decisions.collections_policy import CollectionsPolicy
from decisions.policy_files import read_policy
from ledger.settlement import settle

ORDERS = ("ours", "oldest", "largest")
WEEKS, WINDOW = 13, 90
CALLS_A_WEEK = 8
WAIT = 14  # days after a call until which a customer is not called again, whatever the order


def effects_of(one: CollectionsWorld, policy: CollectionsPolicy, seed: int) -> list[Effect]:
    """The effects estimated from the world's ledger alone."""
    book, day = one.ledger()
    states, actions = item_states(book, settle(book), day), actions_of(book, day)
    return estimated(occasions(states, actions, day, policy.effects), policy.effects, seed=seed)


def brought_forward(
    one: CollectionsWorld, effects: list[Effect], policy: CollectionsPolicy, order: str | None
) -> float:
    """Amount times days (in thousands of EUR-days) that come within the 90 days after the world's day when each week the
    first customers of an order are called; reminders go on as planned, no other call is made. None: no calls."""
    calls = np.where(one.plan["call"] <= DAYS, one.plan["call"], NEVER)
    last = np.where(calls < NEVER, calls, -NEVER)
    for week in range(WEEKS if order else 0):
        on = DAYS + 7 * week
        paid = one.due + one.paid_after({"reminder": one.plan["reminder"], "call": calls})
        rows = np.flatnonzero(
            (one.due + 3 < on) & (paid > on) & (last < on - WAIT) & ~one.on_time & (one.due > on - 200)
        )
        items = pd.DataFrame({
            "customer": one.customer[rows], "open_amount": one.amount[rows], "age": on - one.due[rows], "step": "call",
            "segment": np.array(SEGMENTS, dtype=object)[one.segment[rows]], "pd": np.nan,
        })  # fmt: skip
        items["value"] = valued(items, effects, policy)["value"].to_numpy() if order == "ours" else items["open_amount"]
        by = items.groupby("customer")
        score = (
            by["age"].max() if order == "oldest" else by["value"].sum() if order == "ours" else by["open_amount"].sum()
        )
        if order == "ours" and not score.any():
            score = by["open_amount"].sum()  # no effect shown: the order of amounts, as the worklist does
        chosen = score.sort_values(ascending=False, kind="stable").index[:CALLS_A_WEEK]
        acted = rows[np.isin(one.customer[rows], chosen)]
        calls[acted], last[acted] = on, on
    paid = one.due + one.paid_after({"reminder": one.plan["reminder"], "call": calls})
    inside = np.clip(DAYS + WINDOW - np.maximum(paid, DAYS), 0, WINDOW)
    return float((one.amount * inside)[one.issued <= DAYS + WINDOW].sum() / 1000)


def one_world(seed: int, policy: CollectionsPolicy) -> dict[str, object]:
    own = world(seed)
    effects = effects_of(own, policy, seed)
    whole = {e.kind: e for e in effects if e.segment == ALL}
    truth = {kind: own.true_days_gained(kind, policy.effects.horizon_days) for kind in whole}
    cells = [
        (e.low <= own.true_days_gained(e.kind, policy.effects.horizon_days, SEGMENTS.index(e.segment)) <= e.high)
        for e in effects if e.segment != ALL
    ]  # fmt: skip
    none = brought_forward(own, effects, policy, None)
    gained = {order: brought_forward(own, effects, policy, order) - none for order in ORDERS}
    empty = effects_of(world(seed, has_effect=False), policy, seed)
    return {
        "seed": seed, "effects": whole, "truth": truth, "cells": cells, "gained": gained,
        "none_said": not any(e.is_shown for e in empty if e.segment == ALL), "none_anywhere": not any(e.is_shown for e in empty),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1001, help="seeds 1 to 20 were used while writing")
    asked = parser.parse_args()
    policy, begun = read_policy(CollectionsPolicy, "collections"), time.process_time()
    found = [one_world(asked.first_seed + k, policy) for k in range(asked.worlds)]
    rows = []
    for one in found:
        line = [one["seed"]]
        for kind in ("reminder", "call"):
            e, true = one["effects"][kind], one["truth"][kind]
            line += [
                f"{true:+.2f}",
                f"{e.days_gained:+.2f} [{e.low:+.2f}, {e.high:+.2f}]",
                "yes" if e.low <= true <= e.high else "no",
            ]
        gained = one["gained"]
        line += [*(f"{gained[o]:,.0f}" for o in ORDERS), "none" if one["none_said"] else "some"]
        rows.append(line)
    print(
        table(
            rows,
            ["seed", "reminder true", "estimated", "held", "call true", "estimated", "held", *ORDERS, "without effect"],
        )
    )
    n = len(found)
    for kind in ("reminder", "call"):
        held = sum(one["effects"][kind].low <= one["truth"][kind] <= one["effects"][kind].high for one in found)
        print(f"interval of the {kind} holds the true days gained in {held} of {n} worlds")
    cells = [c for one in found for c in one["cells"]]
    print(f"interval of a segment's cell holds its true days gained in {sum(cells)} of {len(cells)} cells")
    print(
        f"worlds without effect that say 'no effect shown' of every kind: {sum(one['none_said'] for one in found)} of {n}"
    )
    print(f"  and of every kind in every segment: {sum(one['none_anywhere'] for one in found)} of {n}")
    mean = {o: np.mean([one["gained"][o] for one in found]) for o in ORDERS}
    print(
        f"cash brought forward in {WINDOW} days, thousand EUR-days, mean: "
        + ", ".join(f"{o} {mean[o]:,.0f}" for o in ORDERS)
    )
    print(
        f"ours / oldest first {mean['ours'] / mean['oldest']:.2f}, ours / largest first {mean['ours'] / mean['largest']:.2f}"
    )
    ratio = {o: np.mean([one["gained"]["ours"] / one["gained"][o] for one in found]) for o in ORDERS[1:]}
    print(f"mean of the worlds' ratios: oldest first {ratio['oldest']:.2f}, largest first {ratio['largest']:.2f}")
    print(f"{time.process_time() - begun:.0f} s of processor time")


if __name__ == "__main__":
    main()
