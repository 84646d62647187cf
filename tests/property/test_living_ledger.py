"""A ledger that took rows in one by one answers as a ledger of all rows does: random sequences, corrections included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decisions.living_ledger import LivingLedger
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.contract import TABLES
from ledger.ledger import Ledger
from serving.event_rows import check_rows
from serving.sent_rows import grown
from tests.served import small

DAY = pd.Timestamp(small().prepared.data_known_to)
CUSTOMERS = [str(c) for c in small().ledger.customers["customer_id"]][:6]
INVOICES = small().ledger.invoices[small().ledger.invoices["customer_id"].isin(CUSTOMERS)]
NUMBERS = [
    "invoices", "balance", "overdue", "disputed", "unapplied", "pd", "pd_low", "pd_high", "score", "exposure",
    "expected_loss", "p_late_1", "p_late_30", "days_late_mean", "cash_0_30", "cash_over_90", "next_amount",
]  # fmt: skip


def day(offset: int) -> str:
    return (DAY + pd.Timedelta(days=offset)).date().isoformat()


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, list[dict[str, Any]]]]:
    """A few requests, each with rows of some kinds; what they refer to is in the small ledger or in an earlier row."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        tables: dict[str, list[dict[str, Any]]] = {}
        for place in range(draw(st.integers(1, 4))):
            name, customer = f"{number}-{place}", draw(st.sampled_from(CUSTOMERS))
            own = INVOICES[INVOICES["customer_id"] == customer]
            invoice = own.iloc[draw(st.integers(0, len(own) - 1))] if len(own) else INVOICES.iloc[0]
            kind = draw(st.sampled_from(["invoice", "usd", "credit", "payment", "reversal", "loose", "event", "correction",
                                         "rating", "terms", "merger", "customer", "rate"]))  # fmt: skip
            amount, late = float(draw(st.integers(1, 9_999))) / 2, draw(st.integers(0, 20))
            base = {"customer_id": customer, "currency": "EUR", "amount": amount}
            dated = {"issued_on": day(-late), "due_on": day(30 - late), "booked_on": day(draw(st.integers(-late, 2)))}
            if kind in ("invoice", "usd"):
                currency = {"currency": "USD"} if kind == "usd" and _has_usd() else {}
                row = {**base, **dated, **currency, "invoice_id": f"n{name}", "kind": "invoice"}
                tables.setdefault("invoices", []).append(row)
            elif kind == "credit":
                row = {
                    **base,
                    **dated,
                    "invoice_id": f"c{name}",
                    "kind": "credit_note",
                    "applies_to": invoice["invoice_id"],
                }
                tables.setdefault("invoices", []).append({**row, "currency": invoice["currency"]})
            elif kind in ("payment", "reversal"):
                row = {"payment_id": f"p{name}", "customer_id": invoice["customer_id"], "invoice_id": invoice["invoice_id"],
                       "paid_on": day(-late), "amount": amount, "currency": invoice["currency"], "kind": kind}  # fmt: skip
                tables.setdefault("payments", []).append({**row, "booked_on": day(draw(st.integers(-late, 2)))})
            elif kind == "loose":
                row = {**base, "payment_id": f"p{name}", "paid_on": day(-late), "kind": "payment"}
                tables.setdefault("payments", []).append(row)
            elif kind == "event":
                what = draw(st.sampled_from(["dispute_opened", "dunning", "insolvency", "write_off"]))
                row = {"event_id": f"e{name}", "customer_id": invoice["customer_id"], "invoice_id": invoice["invoice_id"],
                       "occurred_on": day(-late), "kind": what}  # fmt: skip
                tables.setdefault("events", []).append(row)
            elif kind == "correction" and pd.isna(invoice["superseded_on"]):
                row = {c: None if pd.isna(invoice[c]) else str(invoice[c])[:10] if c.endswith("_on") else invoice[c]
                       for c in invoice.index if c not in ("superseded_on", "booked_on")}  # fmt: skip
                rows = tables.setdefault("invoices", [])
                if all(r["invoice_id"] != row["invoice_id"] for r in rows):
                    rows.append({**row, "amount": float(invoice["amount"]) + amount})
            elif kind == "rating":
                row = {
                    "customer_id": customer,
                    "source": f"s{name}",
                    "rated_on": day(-late),
                    "value": "40",
                    "scale": "paydex",
                }
                tables.setdefault("ratings", []).append(row)
            elif kind == "terms":
                row = {"customer_id": customer, "effective_on": day(-late), "credit_limit": amount}
                rows = tables.setdefault("credit_terms", [])
                if all((r["customer_id"], r["effective_on"]) != (customer, row["effective_on"]) for r in rows):
                    rows.append(row)
            elif kind == "merger" and customer != CUSTOMERS[0]:
                row = {
                    "event_id": f"m{name}",
                    "customer_id": customer,
                    "occurred_on": day(-late),
                    "kind": "merged_into",
                }
                tables.setdefault("events", []).append({**row, "detail": CUSTOMERS[0]})
            elif kind == "customer":
                tables.setdefault("customers", []).append(
                    {"customer_id": f"new{name}", "country": "DE", "industry": "metal"}
                )
                row = {**base, **dated, "customer_id": f"new{name}", "invoice_id": f"n{name}", "kind": "invoice"}
                tables.setdefault("invoices", []).append(row)
            elif kind == "rate" and _has_usd():
                tables.setdefault("exchange_rates", []).append(
                    {"currency": "USD", "observed_on": day(place), "rate": 0.9}
                )
        if tables:
            found.append(tables)
    return found


def _has_usd() -> bool:
    return "USD" in set(small().ledger["exchange_rates"]["currency"])


def imported(requests: list[dict[str, list[dict[str, Any]]]], accepted: list[Any]) -> Ledger:
    """All rows in one ledger, made with plain pandas: a corrected row ends on the day on which its successor is known."""
    frames = {name: frame.astype(object) for name, frame in small().ledger.tables.items()}
    for row in accepted:
        frame, table, key = frames[row.table], TABLES[row.table], list(TABLES[row.table].key)
        same = np.ones(len(frame), dtype=bool)
        for column in key:
            same &= (
                frame[column].astype(str)
                == str(pd.Timestamp(row.row[column]) if column.endswith("_on") else row.row[column])
            ).to_numpy()
        values = {c: pd.Timestamp(v) if c.endswith("_on") and v is not None else v for c, v in row.row.items()}
        if "superseded_on" in frame:
            current = same & frame["superseded_on"].isna().to_numpy()
            frame.loc[current, "superseded_on"] = max(values[table.known], values[table.event])
        else:
            frame = frame[~same]
        frames[row.table] = pd.concat([frame, pd.DataFrame([values]).astype(object)], ignore_index=True)
    texts = {
        name: frame.map(lambda v: None if v is None or v is pd.NaT or v != v else str(v)).astype("str")
        for name, frame in frames.items() if len(frame)
    }  # fmt: skip
    return Ledger.from_frames(**texts)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests=batches())
def test_rows_taken_one_request_after_the_other_score_as_an_import_of_all(requests):
    living, accepted = LivingLedger.of(small().prepared), []
    for tables in requests:
        checked = check_rows(tables, living, today=(DAY + pd.Timedelta(days=5)).date())
        accepted += checked.taken
        living = grown(living, checked.taken, position=living.position + len(checked.taken))
    whole = ScoringLedger.of(imported(requests, accepted))
    assert living.known_to == whole.data_known_to
    ids = [str(i) for i in whole.prepared.owners.ids]
    expected = Scorer.with_models(whole, small().default, small().delay).score(ids).customers
    for part, some in living.parts(ids):
        found = Scorer.with_models(part, small().default, small().delay).score(some).customers
        assert list(found["special"].astype(object).where(found["special"].notna(), None)) == list(
            expected.loc[some, "special"].astype(object).where(expected.loc[some, "special"].notna(), None)
        )
        assert list(found["grade"].fillna("–")) == list(expected.loc[some, "grade"].fillna("–"))
        np.testing.assert_allclose(
            found[NUMBERS].to_numpy(dtype=float),
            expected.loc[some, NUMBERS].to_numpy(dtype=float),
            rtol=1e-9,
            atol=1e-9,
        )
