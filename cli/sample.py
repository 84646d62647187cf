"""`tradecredit sample`: write a ledger whose true default probabilities are known."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import json_option, print_json, progress, table
from ledger.errors import InputError
from sample.generator import Settings, block_count, write_sample


@click.command(name="sample")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--customers", type=int, default=3000, show_default=True, help="How many customers.")
@click.option("--months", type=int, default=48, show_default=True, help="How many months, the last one December 2024.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same ledger.")
@json_option
def command(out: Path, customers: int, months: int, seed: int, as_json: bool) -> None:
    """Write a sample ledger to the folder OUT, and the truth about it.

    truth.parquet holds each customer's true default probability at each month end, truth_invoices.parquet each
    invoice's true chances to be paid late, truth_customers.parquet what became of each customer, truth_actions.parquet
    what each reminder did.

    Example: tradecredit sample build/ledger --customers 3000 --months 48 --seed 1
    """
    is_free = not out.exists() or (out.is_dir() and (not any(out.iterdir()) or (out / "truth.parquet").exists()))
    if not is_free:
        raise InputError(f"{out}: is neither empty nor a sample. Name a new folder, so that nothing is overwritten.")
    settings = Settings(customers=customers, months=months, seed=seed)
    rows = write_sample(
        out, customers=customers, months=months, seed=seed,
        watch=lambda tables: progress(tables, what="blocks of customers", total=block_count(settings)),
    )  # fmt: skip
    if as_json:
        print_json({"folder": str(out), "customers": customers, "months": months, "seed": seed, "rows": rows})
    else:
        click.echo(table([(name, f"{count:,}") for name, count in rows.items()], ["table", "rows"]))
        click.echo(f"{out}: a sample of {customers:,} customers over {months} months, seed {seed}.")
