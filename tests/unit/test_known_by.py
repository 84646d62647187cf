"""What the books held by a day, corrected rows with it: earlier days are read from it as from the whole ledger."""

from __future__ import annotations

import pandas as pd

from features.engine.histories import build
from features.engine.snapshots import active
from ledger.known import known_by, known_on
from ledger.ledger import Ledger
from tests.books import odd_ledger


def corrected() -> Ledger:
    """One invoice of 100 that was corrected to 80 on 2024-02-10, and to 70 on 2024-05-10."""
    return Ledger.from_frames(
        customers=pd.DataFrame({"customer_id": ["acme"]}),
        invoices=pd.DataFrame({
            "invoice_id": ["a"] * 3, "customer_id": ["acme"] * 3, "kind": ["invoice"] * 3, "issued_on": ["2024-01-02"] * 3,
            "due_on": ["2024-01-20"] * 3, "amount": [100.0, 80.0, 70.0], "currency": ["EUR"] * 3,
            "booked_on": ["2024-01-02", "2024-02-10", "2024-05-10"],
            "superseded_on": ["2024-02-10", "2024-05-10", None],
        }),
        payments=pd.DataFrame({
            "payment_id": [], "customer_id": [], "invoice_id": [], "paid_on": [], "booked_on": [], "amount": [], "currency": [],
            "kind": [],
        }),
    )  # fmt: skip


def overdue(ledger: Ledger, day: str) -> float:
    snapshots = pd.DataFrame({"customer_id": ["acme"], "as_of": pd.to_datetime([day])})
    return float(build(ledger, snapshots, ["overdue_amount"])["overdue_amount"].iloc[0])


def test_a_row_corrected_by_then_stays_for_the_days_before_its_correction() -> None:
    ledger, by_march = corrected(), known_by(corrected(), "2024-03-31")
    assert by_march.invoices["amount"].tolist() == [100.0, 80.0]
    superseded = by_march.invoices["superseded_on"]
    assert superseded.iloc[0] == pd.Timestamp("2024-02-10")
    assert pd.isna(superseded.iloc[1])  # May was not known yet
    assert known_on(ledger, "2024-03-31").invoices["amount"].tolist() == [80.0]
    for day, amount in (("2024-01-31", 100.0), ("2024-02-10", 80.0), ("2024-03-31", 80.0)):
        assert overdue(by_march, day) == overdue(ledger, day) == amount


def test_histories_of_every_day_until_then_are_those_of_the_whole_ledger() -> None:
    ledger = odd_ledger()
    assert ledger.invoices["superseded_on"].notna().any()
    days = [pd.Timestamp(d) for d in ("2022-12-31", "2023-06-30", "2023-12-31")]
    snapshots = active(ledger, days)
    by_then = known_by(ledger, days[-1])
    assert active(by_then, days).equals(snapshots)
    assert build(by_then, snapshots).equals(build(ledger, snapshots))
