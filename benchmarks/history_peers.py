"""The same features as an expert would write them by hand in pandas, polars and DuckDB: the histories' honest peers.

Each takes its own native tables in memory (no text parsing, no checks) and gives one matrix of shape
(customers x days, columns), float64, NaN for missing, customers in the order of their ids, days in order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

WINDOWS = {"1m": 30, "3m": 90, "6m": 180, "12m": 365, "24m": 730}
SHARES = {  # column stem -> (condition on days past due, windows)
    "late_share": (">", 0, "1m 3m 6m 12m 24m"), "late_5_share": (">=", 5, "3m 12m"), "late_30_share": (">", 30, "3m 6m 12m 24m"),
    "late_60_share": (">", 60, "6m 12m"), "late_90_share": (">", 90, "12m 24m"),
}  # fmt: skip
COLUMNS = [
    *(f"{stem}_{w}" for stem, (_, _, windows) in SHARES.items() for w in windows.split()),
    *(f"days_past_due_mean_{w}" for w in WINDOWS), *(f"days_past_due_max_{w}" for w in ("3m", "6m", "12m", "24m")),
    *(f"days_past_due_weighted_{w}" for w in ("3m", "6m", "12m", "24m")), *(f"late_amount_share_{w}" for w in ("3m", "12m", "24m")),
    *(f"early_share_{w}" for w in ("3m", "12m", "24m")), "open_amount", "open_items", "overdue_amount", "overdue_items",
    "days_past_due_oldest", *(f"invoices_{w}" for w in ("1m", "3m", "12m", "24m")), "sales_3m", "sales_12m", "dso_12m",
]  # fmt: skip


class Clock:
    """Wall seconds, and processor seconds of all threads, from its making to `stop`."""

    def __init__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.process_time()
        self.seconds = self.cpu = 0.0

    def stop(self) -> Clock:
        self.seconds, self.cpu = time.perf_counter() - self._start, time.process_time() - self._cpu
        return self


def duckdb_matrix(folder: str, days: Sequence[str]) -> tuple[np.ndarray, Clock]:
    """(matrix, time after loading): one query a day over tables held by DuckDB."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    for name in ("customers", "invoices", "payments"):
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{folder}/{name}.parquet/*.parquet')")
    clock = Clock()
    parts = []
    for day in days:
        found = connection.execute(_sql(day)).fetchnumpy()
        parts.append(
            np.column_stack([np.ma.filled(np.ma.asarray(found[c], dtype=np.float64), np.nan) for c in COLUMNS])
        )
    return np.concatenate(parts), clock.stop()


def _sql(day: str) -> str:
    within = {w: f"(age >= 0 AND age < {d})" for w, d in WINDOWS.items()}
    parts = []
    for stem, (sign, bound, windows) in SHARES.items():
        parts += [
            f"count(*) FILTER ({within[w]} AND past {sign} {bound}) / nullif(count(*) FILTER ({within[w]}), 0) AS {stem}_{w}"
            for w in windows.split()
        ]
    parts += [f"avg(past) FILTER ({within[w]}) AS days_past_due_mean_{w}" for w in WINDOWS]
    parts += [f"max(past) FILTER ({within[w]}) AS days_past_due_max_{w}" for w in ("3m", "6m", "12m", "24m")]
    parts += [
        f"sum(past * amount) FILTER ({within[w]}) / sum(amount) FILTER ({within[w]}) AS days_past_due_weighted_{w}"
        for w in ("3m", "6m", "12m", "24m")
    ]
    parts += [
        f"coalesce(sum(amount) FILTER ({within[w]} AND past > 0), 0) / sum(amount) FILTER ({within[w]}) AS late_amount_share_{w}"
        for w in ("3m", "12m", "24m")
    ]
    parts += [
        f"count(*) FILTER ({within[w]} AND late < 0) / nullif(count(*) FILTER ({within[w]}), 0) AS early_share_{w}"
        for w in ("3m", "12m", "24m")
    ]
    parts += [
        "coalesce(sum(left_open), 0) AS open_amount",
        "count(*) FILTER (is_open) AS open_items",
        "coalesce(sum(left_open) FILTER (age > 0), 0) AS overdue_amount",
        "count(*) FILTER (is_open AND age > 0) AS overdue_items",
        "max(past) FILTER (is_open) AS days_past_due_oldest",
    ]
    issued = {w: f"issued_age < {d}" for w, d in WINDOWS.items()}
    parts += [f"count(*) FILTER ({issued[w]}) AS invoices_{w}" for w in ("1m", "3m", "12m", "24m")]
    parts += [f"coalesce(sum(amount) FILTER ({issued[w]}), 0) AS sales_{w}" for w in ("3m", "12m")]
    parts += [f"coalesce(sum(left_open), 0) * 365 / sum(amount) FILTER ({issued['12m']}) AS dso_12m"]
    counts = ", ".join(
        f"coalesce({c}, 0) AS {c}" if c.startswith(("invoices_", "sales_", "open_", "overdue_")) else c for c in COLUMNS
    )
    return f"""
        WITH paid AS (
            SELECT invoice_id, sum(amount) AS paid, max(paid_on) AS last_paid FROM payments
            WHERE greatest(paid_on, booked_on) <= DATE '{day}' GROUP BY invoice_id
        ), state AS (
            SELECT customer_id, amount, amount - coalesce(paid, 0) > 0.0105 AS is_open,
                CASE WHEN is_open THEN amount - coalesce(paid, 0) ELSE 0 END AS left_open,
                CASE WHEN is_open THEN DATE '{day}' - due_on ELSE last_paid - due_on END AS late, greatest(late, 0) AS past,
                DATE '{day}' - due_on AS age, DATE '{day}' - issued_on AS issued_age
            FROM invoices LEFT JOIN paid USING (invoice_id) WHERE greatest(issued_on, booked_on) <= DATE '{day}'
        ), histories AS (SELECT customer_id, {", ".join(parts)} FROM state GROUP BY customer_id)
        SELECT {counts} FROM customers LEFT JOIN histories USING (customer_id) ORDER BY customer_id"""


def polars_matrix(folder: str, days: Sequence[str]) -> tuple[np.ndarray, Clock]:
    """(matrix, time after loading): one lazy query a day over frames in memory."""
    import polars as pl

    tables = {
        name: pl.read_parquet(f"{folder}/{name}.parquet/*.parquet") for name in ("customers", "invoices", "payments")
    }
    clock = Clock()
    parts = []
    past, late, age, amount = pl.col("past"), pl.col("late"), pl.col("age"), pl.col("amount")
    within = {w: (age >= 0) & (age < d) for w, d in WINDOWS.items()}
    sign = {">": lambda c, b: c > b, ">=": lambda c, b: c >= b}

    def share(condition: pl.Expr, of: pl.Expr) -> pl.Expr:
        n = of.sum()
        return pl.when(n > 0).then((of & condition).sum() / n)

    found = {
        f"{stem}_{w}": share(sign[s](past, b), within[w])
        for stem, (s, b, windows) in SHARES.items()
        for w in windows.split()
    }
    found |= {f"days_past_due_mean_{w}": past.filter(within[w]).mean() for w in WINDOWS}
    found |= {f"days_past_due_max_{w}": past.filter(within[w]).max() for w in ("3m", "6m", "12m", "24m")}

    def of_amount(value: pl.Expr, w: str) -> pl.Expr:
        return pl.when(within[w].any()).then((value * amount).filter(within[w]).sum() / amount.filter(within[w]).sum())

    found |= {f"days_past_due_weighted_{w}": of_amount(past, w) for w in ("3m", "6m", "12m", "24m")}
    found |= {f"late_amount_share_{w}": of_amount(past > 0, w) for w in ("3m", "12m", "24m")}
    found |= {f"early_share_{w}": share(late < 0, within[w]) for w in ("3m", "12m", "24m")}
    left, is_open = pl.col("left_open"), pl.col("is_open")
    found |= {
        "open_amount": left.sum(),
        "open_items": is_open.sum(),
        "overdue_amount": left.filter(age > 0).sum(),
        "overdue_items": (is_open & (age > 0)).sum(),
        "days_past_due_oldest": past.filter(is_open).max(),
    }
    issued = {w: pl.col("issued_age") < d for w, d in WINDOWS.items()}
    found |= {f"invoices_{w}": issued[w].sum() for w in ("1m", "3m", "12m", "24m")}
    found |= {f"sales_{w}": amount.filter(issued[w]).sum() for w in ("3m", "12m")}
    found |= {"dso_12m": pl.when(issued["12m"].any()).then(left.sum() * 365 / amount.filter(issued["12m"]).sum())}
    zeros = [c for c in COLUMNS if c.startswith(("invoices_", "sales_", "open_", "overdue_"))]
    for day in days:
        at = pl.lit(day).str.to_date()
        paid = (
            tables["payments"]
            .lazy()
            .filter(pl.max_horizontal("paid_on", "booked_on") <= at)
            .group_by("invoice_id")
            .agg(pl.col("amount").sum().alias("paid"), pl.col("paid_on").max().alias("last_paid"))
        )
        state = (
            tables["invoices"].lazy().filter(pl.max_horizontal("issued_on", "booked_on") <= at).join(paid, on="invoice_id", how="left")
            .with_columns((amount - pl.col("paid").fill_null(0)).alias("rest"))
            .with_columns((pl.col("rest") > 0.0105).alias("is_open"), (at - pl.col("due_on")).dt.total_days().alias("age"),
                          (at - pl.col("issued_on")).dt.total_days().alias("issued_age"))
            .with_columns(pl.when(is_open).then(pl.col("rest")).otherwise(0.0).alias("left_open"),
                          pl.when(is_open).then(age).otherwise((pl.col("last_paid") - pl.col("due_on")).dt.total_days()).alias("late"))
            .with_columns(pl.max_horizontal(late, 0).alias("past"))
            .group_by("customer_id").agg(**found)
        )  # fmt: skip
        frame = tables["customers"].lazy().join(state, on="customer_id", how="left").sort("customer_id").select(COLUMNS)
        parts.append(
            frame.with_columns(pl.col(zeros).fill_null(0)).cast(pl.Float64).fill_null(float("nan")).collect().to_numpy()
        )
    return np.concatenate(parts), clock.stop()


def pandas_matrix(folder: str, days: Sequence[str]) -> tuple[np.ndarray, Clock]:
    """(matrix, time after loading): ids as codes once, then one grouped sum and one grouped maximum a day."""
    import pandas as pd

    tables = {name: pd.read_parquet(f"{folder}/{name}.parquet") for name in ("customers", "invoices", "payments")}
    clock = Clock()
    ids = np.sort(tables["customers"]["customer_id"].to_numpy(dtype=object))
    invoices, payments = tables["invoices"], tables["payments"]
    customer = pd.Index(ids).get_indexer(invoices["customer_id"].to_numpy(dtype=object))
    place = pd.Series(np.arange(len(invoices)), index=invoices["invoice_id"]).reindex(payments["invoice_id"]).to_numpy()
    paid_on, issued, due = (
        pd.to_datetime(c).to_numpy("datetime64[D]").astype(np.int64)
        for c in (payments["paid_on"], invoices["issued_on"], invoices["due_on"])
    )
    known = np.maximum(paid_on, pd.to_datetime(payments["booked_on"]).to_numpy("datetime64[D]").astype(np.int64))
    booked = np.maximum(issued, pd.to_datetime(invoices["booked_on"]).to_numpy("datetime64[D]").astype(np.int64))
    amount, paid_amount = invoices["amount"].to_numpy(), payments["amount"].to_numpy()
    parts = []
    for day in days:
        at = np.datetime64(day, "D").astype(np.int64)
        seen = known <= at
        paid = np.bincount(place[seen], weights=paid_amount[seen], minlength=len(invoices))
        last = pd.Series(paid_on[seen]).groupby(place[seen]).max().reindex(np.arange(len(invoices))).to_numpy()
        rows = booked <= at
        rest, age, issued_age, c, a = (
            (amount - paid)[rows],
            (at - due)[rows],
            (at - issued)[rows],
            customer[rows],
            amount[rows],
        )
        is_open = rest > 0.0105
        late = np.where(is_open, age, last[rows] - due[rows])
        past = np.maximum(late, 0)
        left = np.where(is_open, rest, 0.0)
        parts.append(_pandas_day(pd, len(ids), c, a, age, issued_age, past, late, left, is_open))
    return np.concatenate(parts), clock.stop()


def _pandas_day(pd, n, c, a, age, issued_age, past, late, left, is_open) -> np.ndarray:  # type: ignore[no-untyped-def]
    within = {w: (age >= 0) & (age < d) for w, d in WINDOWS.items()}
    issued = {w: issued_age < d for w, d in WINDOWS.items()}
    sums: dict[str, np.ndarray] = {f"n_{w}": within[w] for w in WINDOWS}
    for stem, (sign, bound, windows) in SHARES.items():
        sums |= {f"{stem}_{w}": within[w] & (past > bound if sign == ">" else past >= bound) for w in windows.split()}
    sums |= {f"past_{w}": past * within[w] for w in WINDOWS} | {
        f"amount_{w}": a * within[w] for w in ("3m", "6m", "12m", "24m")
    }
    sums |= {f"weighted_{w}": past * a * within[w] for w in ("3m", "6m", "12m", "24m")}
    sums |= {f"late_amount_{w}": a * (past > 0) * within[w] for w in ("3m", "12m", "24m")}
    sums |= {f"early_{w}": within[w] & (late < 0) for w in ("3m", "12m", "24m")}
    sums |= {
        "open_amount": left,
        "open_items": is_open,
        "overdue_amount": left * (age > 0),
        "overdue_items": is_open & (age > 0),
    }
    sums |= {f"invoices_{w}": issued[w] for w in ("1m", "3m", "12m", "24m")} | {
        f"sales_{w}": a * issued[w] for w in ("3m", "12m")
    }
    s = {k: np.bincount(c, weights=v, minlength=n) for k, v in sums.items()}
    tops = {f"days_past_due_max_{w}": np.where(within[w], past, -1) for w in ("3m", "6m", "12m", "24m")} | {
        "days_past_due_oldest": np.where(is_open, past, -1)
    }
    top = pd.DataFrame(tops).groupby(c).max().reindex(np.arange(n)).where(lambda f: f >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            f"{stem}_{w}": s[f"{stem}_{w}"] / s[f"n_{w}"] for stem, (_, _, ws) in SHARES.items() for w in ws.split()
        }
        found |= {f"days_past_due_mean_{w}": s[f"past_{w}"] / s[f"n_{w}"] for w in WINDOWS}
        found |= {
            f"days_past_due_weighted_{w}": s[f"weighted_{w}"] / s[f"amount_{w}"] for w in ("3m", "6m", "12m", "24m")
        }
        found |= {f"late_amount_share_{w}": s[f"late_amount_{w}"] / s[f"amount_{w}"] for w in ("3m", "12m", "24m")}
        found |= {f"early_share_{w}": s[f"early_{w}"] / s[f"n_{w}"] for w in ("3m", "12m", "24m")}
        found |= {"dso_12m": np.where(s["sales_12m"] > 0, s["open_amount"] * 365 / s["sales_12m"], np.nan)}
    return np.column_stack([found.get(k, s.get(k)) if k not in tops else top[k].to_numpy() for k in COLUMNS])
