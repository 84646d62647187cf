"""Earlier invoices like the one asked about: arithmetic that a reader can redo, and a plain witness over an odd ledger."""

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.catalogue.habit import STEPS
from features.engine.histories import build_items
from features.engine.prepared import prepare
from features.engine.similar_invoices import CURVE, LIKE_GIVENS
from tests.books import DAYS, FIRST, odd_ledger
from tests.drawn import one_item

# asked on 2024-06-29, 120 days after 2024-03-01: what fell due then counts half for its age
ITEM = """
    issued_on  | due_on     | amount
    2024-06-30 | 2024-07-30 | 100
"""
INVOICES = """
    invoice_id | issued_on  | due_on     | amount
    a          | 2024-01-31 | 2024-03-01 | 100
    b          | 2024-01-31 | 2024-03-01 | 50
    c          | 2024-01-27 | 2024-03-01 | 100
    d          | 2024-05-28 | 2024-06-27 | 100
"""
PAYMENTS = """
    invoice_id | paid_on    | booked_on  | amount
    a          | 2024-03-01 | 2024-03-01 | 100
    b          | 2024-03-11 | 2024-03-11 | 50
    c          | 2024-03-04 | 2024-03-04 | 100
    d          | 2024-06-28 | 2024-06-30 | 100
"""


@pytest.mark.parametrize(("name", "expected"), [
    # a counts 1/2; b, half the amount, 1/2 · 1/4; c, terms 4 days longer, 1/2 · 1/2; d is open and 2 days past due
    ("similar_invoices", 1 / 2 + 1 / 8 + 1 / 4),
    ("similar_late_share", (1 / 8 + 1 / 4) / (7 / 8)),
    ("similar_late_5_share", (1 / 8) / (7 / 8)),
    ("similar_on_day_share", (1 / 2) / (7 / 8)),
    ("similar_days_late_mean", (10 / 8 + 3 / 4) / (7 / 8)),
    ("similar_terms_late_5_share", (1 / 2) / (1 / 2 + 1 / 2 + 1 / 4)),
    ("similar_terms_days_late_mean", (10 / 2 + 3 / 4) / (5 / 4)),
    ("similar_amount_invoices", 1 / 2 + 1 / 8 + 1 / 2),
    ("similar_amount_late_share", (1 / 8 + 1 / 2) / (9 / 8)),
    ("similar_amount_late_5_share", (1 / 8) / (9 / 8)),
    ("similar_weekday_late_5_share", None),                # a Friday and a Thursday against a Tuesday
    ("recent_late_5_share", 1 / 3),                     # a, b, c are equally old
    ("similar_terms_last_days_late", 2.0),                 # d, whose payment was booked after the day asked
    ("last_3_days_late_mean", (2 + 10 + 3) / 3),
    ("last_5_days_late_max", 10.0),
    ("days_since_due_before", 33.0),
    ("days_since_last_due", 33.0),
    ("invoices_7d", 0.0),
    ("open_due_near", 0.0),
    ("days_after_last_due", 2.0),
    ("same_terms_late_5_share", (1 + 1 / 2) / (2 + 6)),  # a and b are of the same terms, b late; d is not seen yet
    ("amount_to_late_5", 100 / 50),
    # the curve: other weekdays count half; d was seen unpaid to day 2 only
    ("similar_curve_invoices", (7 / 8 + 2 ** (-2 / 120)) / 2),
    ("similar_paid_by_day_0", (1 / 2) / (7 / 8 + 2 ** (-2 / 120))),
    ("similar_paid_by_day_3", (1 / 4) / (1 / 8 + 1 / 4)),
])  # fmt: skip
def test_like(name: str, expected: float | None) -> None:
    found = one_item(name, ITEM, as_of="2024-06-29", invoices=INVOICES, payments=PAYMENTS)
    assert found == pytest.approx(expected, abs=2e-6) if expected is not None else np.isnan(found)


def test_an_invoice_is_not_like_itself() -> None:
    own = ITEM.replace("issued_on ", "invoice_id | issued_on ", 1).replace("2024-06-30", "e | 2024-06-30", 1)
    held = INVOICES + "    e          | 2024-06-30 | 2024-07-30 | 100\n"
    found = one_item("open_due_near", own, as_of="2024-08-10", invoices=held, payments=PAYMENTS)
    assert found == 0.0
    beside = one_item("open_due_near", ITEM, as_of="2024-08-10", invoices=held, payments=PAYMENTS)
    assert beside == 1.0  # asked about another invoice, e is open beside it


def test_what_is_made_of_like_invoices_is_declared() -> None:
    made = {"similar_invoices", "similar_amount_invoices", "similar_curve_invoices", *CURVE}
    declared = {column.name for column in CATALOGUE.columns(level="item") if column.family == "similar_invoices"}
    assert made <= declared <= set(LIKE_GIVENS)


def test_a_plain_witness_agrees_on_an_odd_ledger() -> None:
    """Late payments, part payments, corrections, mergers and write-offs: a loop over the settled state says the same."""
    ledger = odd_ledger()
    prepared, rng = prepare(ledger), np.random.default_rng(3)
    for day in (FIRST + pd.Timedelta(days=int(d)) for d in rng.integers(60, DAYS + 100, 3)):
        state = prepared.settlement.at(day)
        state["closed_day"] = state["settled_on"].fillna(day)
        asked = state.sample(12, random_state=1)
        items = ledger.invoices.iloc[asked["row"].to_numpy()][["invoice_id", "amount", "currency"]].assign(
            customer_id=asked["customer_id"].to_numpy(), as_of=day,
            issued_on=asked["issued_on"].to_numpy(), due_on=asked["due_on"].to_numpy(),
        )  # fmt: skip
        found = build_items(prepared, items)
        for place, row in enumerate(asked.itertuples()):
            expected = _plainly(state, row, day)
            for name, value in expected.items():
                assert found[name].iloc[place] == pytest.approx(value, rel=1e-4, abs=1e-4, nan_ok=True), (
                    name,
                    row,
                    day,
                )


def _plainly(state: pd.DataFrame, item: object, day: pd.Timestamp) -> dict[str, float]:
    """A few of the values by pandas and floating point."""
    rows = state[(state["customer_id"] == item.customer_id) & (state["invoice_id"] != item.invoice_id)]
    rows = rows[rows["closed_kind"].isin(["open", "paid", "written_off"])]
    is_paid = (rows["closed_kind"] == "paid").to_numpy()
    until = np.where(is_paid, rows["closed_day"], np.datetime64(day, "s")).astype("datetime64[D]")
    due = rows["due_on"].to_numpy().astype("datetime64[D]")
    late = (until - due).astype(int)
    age = 0.5 ** ((day - rows["due_on"]).dt.days.clip(lower=0) / 120).to_numpy()
    terms = (rows["due_on"] - rows["issued_on"] - (item.due_on - item.issued_on)).dt.days.abs().to_numpy()
    small, large = (
        np.minimum(rows["amount_cents"], item.amount_cents),
        np.maximum(rows["amount_cents"], item.amount_cents),
    )
    weight = age * 0.5 ** (terms / 4) * ((small / large) ** 2).to_numpy()
    seen = is_paid | (late >= 5)
    total = float(weight[seen].sum())
    found = {"similar_invoices": total}
    if total > 0.01:
        found["similar_late_5_share"] = float(weight[seen & (late >= 5)].sum()) / total
        found["similar_days_late_mean"] = float((weight * np.clip(late, -30, 60))[seen].sum()) / total
    near = (rows["closed_kind"] == "open").to_numpy() & (
        np.abs((due - np.datetime64(item.due_on, "D")).astype(int)) <= 7
    )
    found["open_due_near"] = float(near.sum())
    half = weight * np.where((due - np.datetime64(item.due_on, "D")).astype(int) % 7 == 0, 1.0, 0.5)
    for k, end in enumerate(STEPS):
        before = -10_000 if k == 0 else STEPS[k - 1]
        reached = (is_paid & (late > before)) | (~is_paid & (late >= end))
        if half[reached].sum() > 0.01:
            found[CURVE[k]] = float(half[reached & is_paid & (late <= end)].sum() / half[reached].sum())
    return found
