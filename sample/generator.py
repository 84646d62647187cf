"""A ledger with known truth: `sample` in memory, `write_sample` to a folder of any size with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ledger.contract import TABLES
from ledger.ledger import Ledger
from sample.blocks import TRUTH, TRUTH_ACTIONS, TRUTH_CUSTOMERS, TRUTH_INVOICES, blocks
from sample.customers import block_count
from sample.parameters import NO_EFFECT, Losses, Reminders, Settings

__all__ = ["NO_EFFECT", "Losses", "Reminders", "Sample", "Settings", "block_count", "sample", "write_sample"]

Watch = Callable[[Iterable[dict[str, pa.Table]]], Iterable[dict[str, pa.Table]]]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A ledger and what was true of it.

    truth : one row a customer and month end: customer_id, as_of, true_pd_3m, true_pd_6m, true_pd_12m (null once in
        default), state (in standard deviations, higher is worse), status (running, stopped, left, in_default).
    truth_invoices : one row an invoice: invoice_id, customer_id, asked_on (its issue date), true_p_late_1 … 90
        (P(days late >= k)), paid_on (the day of settlement even if after the ledger's end; null: never).
    truth_customers : one row a customer: its level and habits, stopped_on, default_on and cured_on (of the first default),
        left_on (null: not), lateness (days, of habitual late payers).
    truth_actions : one row a reminder that was sent: customer_id, invoice_id, due_on (of the item), occurred_on, level,
        kind, segment, effect (share of the days still to go that this kind saves in this segment), days_saved (by this
        reminder, 0 where the customer had stopped paying), paid_on.
    """

    ledger: Ledger
    truth: pd.DataFrame
    truth_invoices: pd.DataFrame
    truth_customers: pd.DataFrame
    truth_actions: pd.DataFrame


def settings_of(
    *, customers: int, months: int, seed: int, reminders: Reminders | None = None, losses: Losses | None = None
) -> Settings:  # fmt: skip
    """Return the settings with the sample's own reminders and losses where none are given."""
    return Settings(
        customers=customers, months=months, seed=seed, reminders=reminders or Reminders(), losses=losses or Losses()
    )


def sample(
    customers: int = 60, months: int = 24, seed: int = 1, *, reminders: Reminders | None = None,
    losses: Losses | None = None,
) -> Sample:  # fmt: skip
    """Return a sample in memory: the same content as `write_sample` with the same settings.

    reminders, losses : what reminders do and what comes of defaults; None: as in the sample of the documentation.
    """
    settings = settings_of(customers=customers, months=months, seed=seed, reminders=reminders, losses=losses)
    parts: dict[str, list[pa.Table]] = {}
    for tables in blocks(settings):
        for name, table in tables.items():
            parts.setdefault(name, []).append(table)
    frames = {name: pa.concat_tables(found).to_pandas(date_as_object=False) for name, found in parts.items()}
    ledger = Ledger.from_frames(**{name: frame for name, frame in frames.items() if name in TABLES})
    return Sample(
        ledger=ledger,
        truth=frames[TRUTH],
        truth_invoices=frames[TRUTH_INVOICES],
        truth_customers=frames[TRUTH_CUSTOMERS],
        truth_actions=frames[TRUTH_ACTIONS],
    )


def write_sample(
    folder: Path, *, customers: int = 3000, months: int = 48, seed: int = 1, watch: Watch | None = None,
    reminders: Reminders | None = None, losses: Losses | None = None,
) -> dict[str, int]:  # fmt: skip
    """Write the sample's tables to `folder`, one Parquet file each, one row group a block of customers.

    `watch` is handed the blocks and gives them back one by one, e.g. under a progress bar. Returns rows by table.
    Memory holds one block at a time.
    """
    settings = settings_of(customers=customers, months=months, seed=seed, reminders=reminders, losses=losses)
    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[str, pq.ParquetWriter] = {}
    rows: dict[str, int] = {}
    try:
        for tables in blocks(settings) if watch is None else watch(blocks(settings)):
            for name, table in tables.items():
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table, row_group_size=max(len(table), 1))
                rows[name] = rows.get(name, 0) + len(table)
    finally:
        for writer in writers.values():
            writer.close()
    return rows
