"""A small random ledger in which everything that the contract knows happens: the fixture of the leak tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from ledger.ledger import Ledger

FIRST, DAYS = pd.Timestamp("2022-01-03"), 900
CUSTOMERS = 12


@cache
def odd_ledger(seed: int = 7, invoices: int = 420) -> Ledger:
    """Part payments, late bookings, back-dated credit notes, reversals, refunds, nettings, factoring, write-offs with and
    without an amount, disputes, unapplied cash, corrected rows, two currencies, two mergers in a chain, ratings, terms."""
    rng = np.random.default_rng(seed)
    draw = _Draw(rng)
    table = draw.invoices(invoices)
    payments = draw.payments(table)
    credits = draw.credits(table)
    return Ledger.from_frames(
        customers=pd.DataFrame({
            "customer_id": draw.ids, "country": rng.choice(["DE", "FR", None], CUSTOMERS),
            "industry": rng.choice(["retail", "metal"], CUSTOMERS),
            "parent_id": [draw.ids[0] if i in (1, 2) else None for i in range(CUSTOMERS)],
        }),
        invoices=pd.concat([table, credits], ignore_index=True), payments=payments, events=draw.events(table),
        credit_terms=draw.terms(), ratings=draw.ratings(), attributes=draw.attributes(), macro=draw.macro(),
        exchange_rates=pd.DataFrame({
            "currency": "USD", "observed_on": pd.date_range(FIRST - pd.Timedelta(days=30), periods=70, freq="14D"),
            "rate": np.round(rng.uniform(0.85, 0.99, 70), 4),
        }),
    )  # fmt: skip


@dataclass
class _Draw:
    rng: np.random.Generator

    @property
    def ids(self) -> list[str]:
        return [f"c{i:02d}" for i in range(CUSTOMERS)]

    def _days(self, n: int, low: int = 0, high: int = DAYS) -> pd.Series:
        return pd.Series(FIRST + pd.to_timedelta(self.rng.integers(low, high, n), unit="D"))

    def _later(self, on: pd.Series, share: float, most: int) -> pd.Series:
        """Booked on the day itself, or for a share of the rows up to `most` days later."""
        late = np.where(self.rng.random(len(on)) < share, self.rng.integers(1, most, len(on)), 0)
        return on + pd.to_timedelta(late, unit="D")

    def invoices(self, n: int) -> pd.DataFrame:
        on = self._days(n)
        frame = pd.DataFrame({
            "invoice_id": [f"i{k:04d}" for k in range(n)], "customer_id": self.rng.choice(self.ids, n), "kind": "invoice",
            "issued_on": on, "due_on": on + pd.to_timedelta(self.rng.choice([0, 14, 30, 60], n), unit="D"),
            "amount": np.round(self.rng.lognormal(6, 1, n), 2), "currency": self.rng.choice(["EUR", "EUR", "USD"], n),
            "applies_to": None, "booked_on": self._later(on, 0.2, 25), "superseded_on": pd.NaT,
        })  # fmt: skip
        # corrections: the first row counts until the day on which the second, with another amount, is booked
        wrong = frame.sample(15, random_state=3).copy()
        day = wrong["booked_on"] + pd.to_timedelta(self.rng.integers(3, 60, len(wrong)), unit="D")
        right = wrong.assign(amount=wrong["amount"] * 2, booked_on=day)
        frame.loc[wrong.index, "superseded_on"] = day
        return pd.concat([frame, right], ignore_index=True)

    def payments(self, table: pd.DataFrame) -> pd.DataFrame:
        current = table[table["superseded_on"].isna()]
        paid = current.sample(frac=0.85, random_state=5)
        parts = []
        for part in range(3):
            some = paid if part == 0 else paid.sample(frac=0.25, random_state=part)
            on = some["due_on"] + pd.to_timedelta(
                np.maximum(self.rng.normal(6, 18, len(some)).astype(int), -9) + 20 * part, unit="D"
            )
            full = self.rng.random(len(some)) < 0.7
            amount = np.where(
                full,
                some["amount"],
                np.maximum((some["amount"] * self.rng.uniform(0.2, 0.8, len(some))).round(2), 0.01),
            )
            kind = self.rng.choice(["payment"] * 16 + ["netting", "factoring", "refund", "reversal"], len(some))
            parts.append(pd.DataFrame({
                "invoice_id": some["invoice_id"], "customer_id": some["customer_id"], "currency": some["currency"],
                "paid_on": np.maximum(on, some["issued_on"]), "amount": amount, "kind": kind,
            }))  # fmt: skip
        loose = pd.DataFrame({
            "invoice_id": None, "customer_id": self.rng.choice(self.ids, 40), "currency": "EUR", "paid_on": self._days(40),
            "amount": np.round(self.rng.uniform(5, 500, 40), 2), "kind": self.rng.choice(["payment", "payment", "refund"], 40),
        })  # fmt: skip
        frame = pd.concat([*parts, loose], ignore_index=True)
        frame["booked_on"] = self._later(frame["paid_on"], 0.35, 40)
        frame["payment_id"] = [f"p{k:05d}" for k in range(len(frame))]
        frame["superseded_on"] = pd.NaT
        wrong = frame.sample(12, random_state=9)
        frame.loc[wrong.index, "superseded_on"] = wrong["booked_on"] + pd.Timedelta(days=20)
        right = wrong.assign(
            amount=(wrong["amount"] / 2).round(2).clip(lower=0.01), booked_on=wrong["booked_on"] + pd.Timedelta(days=20)
        )
        return pd.concat([frame, right], ignore_index=True)

    def credits(self, table: pd.DataFrame) -> pd.DataFrame:
        some = table[table["superseded_on"].isna()].sample(45, random_state=11)
        on = some["issued_on"] + pd.to_timedelta(self.rng.integers(0, 50, len(some)), unit="D")
        loose = self.rng.random(len(some)) < 0.15
        return some.assign(
            invoice_id=[f"n{k:04d}" for k in range(len(some))], kind="credit_note", issued_on=on, due_on=on,
            amount=(some["amount"] * self.rng.choice([0.1, 0.4, 1.0, 1.2], len(some))).round(2).clip(lower=0.01),
            applies_to=some["invoice_id"].where(~loose, None), booked_on=on + pd.to_timedelta(self.rng.integers(0, 45, len(some)), unit="D"),
        )  # fmt: skip

    def events(self, table: pd.DataFrame) -> pd.DataFrame:
        n = 260
        kinds = self.rng.choice(
            ["dispute_opened", "dispute_closed", "dunning", "promise_to_pay", "promise_broken", "payment_bounced",
             "order_blocked", "write_off", "concession", "insolvency", "insurance_claim", "recovery"], n)  # fmt: skip
        of = table.sample(n, replace=True, random_state=13).reset_index(drop=True)
        on = of["due_on"] + pd.to_timedelta(self.rng.integers(-10, 120, n), unit="D")
        named = np.isin(kinds, ["dispute_opened", "dispute_closed", "write_off"]) | (self.rng.random(n) < 0.5)
        frame = pd.DataFrame({
            "customer_id": of["customer_id"], "invoice_id": of["invoice_id"].where(named, None), "occurred_on": on, "kind": kinds,
            "amount": np.where(self.rng.random(n) < 0.4, np.round(self.rng.uniform(10, 400, n), 2), np.nan),
            "detail": np.where(kinds == "dunning", [f"level {k % 4}" for k in range(n)], None),
        })  # fmt: skip
        merged = pd.DataFrame({
            "customer_id": ["c09", "c10"], "occurred_on": pd.to_datetime(["2022-11-10", "2023-06-01"]), "kind": "merged_into",
            "detail": ["c10", "c11"],
        })  # fmt: skip
        frame = pd.concat([frame, merged], ignore_index=True)
        frame["booked_on"] = self._later(frame["occurred_on"], 0.3, 30)
        return frame.assign(event_id=[f"e{k:04d}" for k in range(len(frame))])

    def terms(self) -> pd.DataFrame:
        n = 40
        frame = pd.DataFrame({
            "customer_id": self.rng.choice(self.ids[:9], n), "effective_on": self._days(n), "credit_limit": self.rng.integers(1, 50, n) * 100.0,
            "payment_terms_days": self.rng.choice([14, 30, 60], n),
            "insured_limit": np.where(self.rng.random(n) < 0.5, 2500.0, np.nan),
        })  # fmt: skip
        frame["booked_on"] = self._later(frame["effective_on"], 0.3, 20)
        return frame.drop_duplicates(["customer_id", "effective_on"])

    def ratings(self) -> pd.DataFrame:
        n = 30
        frame = pd.DataFrame({
            "customer_id": self.rng.choice(self.ids[:8], n), "source": "bureau", "rated_on": self._days(n),
            "value": self.rng.integers(20, 100, n).astype(str), "scale": "paydex",
        })  # fmt: skip
        frame["published_on"] = self._later(frame["rated_on"], 0.5, 15)
        return frame.drop_duplicates(["customer_id", "source", "rated_on"])

    def attributes(self) -> pd.DataFrame:
        n = 60
        frame = pd.DataFrame({
            "customer_id": self.rng.choice(self.ids[:8], n), "name": self.rng.choice(["monthly_revenue", "head_count"], n),
            "observed_on": self._days(n), "value": self.rng.integers(5, 900, n).astype(str),
        })  # fmt: skip
        frame["booked_on"] = self._later(frame["observed_on"], 0.5, 30)
        return frame.drop_duplicates(["customer_id", "name", "observed_on"])

    def macro(self) -> pd.DataFrame:
        months = pd.date_range(FIRST, periods=30, freq="ME")
        return pd.DataFrame({
            "series": "insolvency_index", "country": np.repeat(["DE", "FR"], 30), "observed_on": np.tile(months, 2),
            "value": np.round(self.rng.normal(100, 5, 60), 2), "published_on": np.tile(months + pd.Timedelta(days=20), 2),
        })  # fmt: skip


@cache
def planned_ledger(seed: int = 7, invoices: int = 420) -> Ledger:
    """The odd ledger where every third invoice has two to four instalments: a third of the plans is booked up to 40 days after
    the invoice, and of every fifth plan the last due day is moved by a correction."""
    book, rng = odd_ledger(seed, invoices), np.random.default_rng(seed)
    plain = book.invoices[
        (book.invoices["kind"] == "invoice") & ~book.invoices["invoice_id"].duplicated(keep=False).to_numpy()
    ]
    rows = []
    for place, invoice in enumerate(plain.iloc[::3].itertuples()):
        count, cents = int(rng.integers(2, 5)), round(invoice.amount * 100)
        if cents < 10 * count:
            continue
        cuts = np.sort(rng.choice(np.arange(1, cents), count - 1, replace=False))
        booked = invoice.booked_on + pd.Timedelta(days=int(rng.integers(1, 40)) if place % 3 == 0 else 0)
        for number, part in enumerate(np.diff([0, *cuts, cents]), start=1):
            due = invoice.issued_on + pd.Timedelta(days=20 * number)
            is_moved = place % 5 == 0 and number == count
            moved = booked + pd.Timedelta(days=int(rng.integers(5, 60)))
            rows.append((invoice.invoice_id, number, due, part / 100, booked, moved if is_moved else pd.NaT))
            if is_moved:
                rows.append((invoice.invoice_id, number, due + pd.Timedelta(days=30), part / 100, moved, pd.NaT))
    names = ["invoice_id", "number", "due_on", "amount", "booked_on", "superseded_on"]
    plans = pd.DataFrame(rows, columns=names)
    for name in ("due_on", "booked_on", "superseded_on"):
        plans[name] = plans[name].astype("datetime64[s]")
    frames = {name: frame for name, frame in book.tables.items() if len(frame)}
    return Ledger.from_frames(**frames, instalments=plans)
