"""The LGD's 90 % interval on worlds whose true recovery share is known: it must hold the truth in 17 of 20 or more.

Each world is a small ledger of customers that default once. Exposures are lognormal; what comes back of each is drawn
without regard to its amount, so the true amount-weighted LGD is 1 - the recovery share. Half of the share comes from
defaults that are paid in full, as cures are; the rest of the others is written off.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ledger.default_status import PRIMARY
from ledger.ledger import Ledger
from ledger.lgd import LgdPolicy, lgd_table

WORLDS, DEFAULTS = 20, 150
UNDISCOUNTED = LgdPolicy(discount_rate=0.0)


def world(share: float, seed: int) -> Ledger:
    random = np.random.default_rng(seed)
    amount = np.round(np.exp(random.normal(8.0, 0.8, DEFAULTS)) + 600, 2)
    whole = share / 2
    part = (share - whole) / (1 - whole)  # mean of what comes back of the others
    back = np.where(random.random(DEFAULTS) < whole, 1.0, random.beta(2 * part, 2 * (1 - part), DEFAULTS))
    due = pd.Timestamp("2021-01-31") + pd.to_timedelta(random.integers(0, 300, DEFAULTS), unit="D")
    paid = due + pd.to_timedelta(random.integers(95, 300, DEFAULTS), unit="D")
    ids = [f"c{i}" for i in range(DEFAULTS)]
    invoices = pd.DataFrame({
        "invoice_id": [f"i{i}" for i in range(DEFAULTS)], "customer_id": ids, "kind": "invoice", "currency": "EUR",
        "issued_on": due - pd.Timedelta(days=30), "due_on": due, "amount": amount,
    })  # fmt: skip
    cents = np.round(amount * back, 2)
    payments = pd.DataFrame({
        "payment_id": [f"p{i}" for i in range(DEFAULTS)], "customer_id": ids, "invoice_id": invoices["invoice_id"],
        "paid_on": paid, "amount": cents, "currency": "EUR", "kind": "payment",
    })[cents > 0]  # fmt: skip
    events = pd.DataFrame({
        "event_id": [f"e{i}" for i in range(DEFAULTS)], "customer_id": ids, "invoice_id": invoices["invoice_id"],
        "occurred_on": paid + pd.Timedelta(days=10), "kind": "write_off",
    })[cents < amount]  # fmt: skip
    return Ledger.from_frames(
        customers=pd.DataFrame({"customer_id": ids}), invoices=invoices, payments=payments, events=events
    )


@pytest.mark.slow
def test_the_interval_holds_the_true_lgd_in_17_of_20_worlds() -> None:
    shares = np.linspace(0.1, 0.7, WORLDS)
    held = []
    for seed, share in enumerate(shares):
        lgd = lgd_table(world(share, seed), PRIMARY, UNDISCOUNTED, until="2024-12-31").book
        assert lgd.defaults == DEFAULTS
        assert lgd.source == "shrunk"
        assert lgd.measured is not None
        assert lgd.low is not None
        assert lgd.high is not None
        held.append(lgd.low <= 1 - share <= lgd.high)
        assert abs(lgd.measured - (1 - share)) < 0.15
    assert sum(held) >= 17, f"{sum(held)} of {WORLDS} intervals hold the true LGD"
