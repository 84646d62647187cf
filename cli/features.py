"""`tradecredit features`: histories of a ledger, one row a customer and date, or the rows behind one value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pandas as pd

from cli.output import json_option, print_json, progress, table
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger


@click.command(
    "features",
    epilog="Example: tradecredit features build/ledger --every month --from 2024-01-31 --to 2024-06-30 --out matrix.parquet",
)
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--as-of", "as_of", multiple=True, metavar="DATE", help="A day to look at; may be given more than once.")
@click.option("--every", type=click.Choice(["month"]), help="Each month end from --from to --to.")
@click.option("--from", "first", metavar="DATE", help="First day, with --every.")
@click.option("--to", "last", metavar="DATE", help="Last day, with --every.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Parquet file to write (a folder with --engine in-turn or dask)."
)
@click.option(
    "--engine",
    type=click.Choice(["compiled", "in-turn", "dask"]),
    default="compiled",
    show_default=True,
    help="In this process; in it, but a part of the customers after another, for ledgers larger than memory; or by such "
    "parts on Dask workers. The numbers are the same to the last bit.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="A running Dask scheduler, with --engine dask; without it two workers are started.",
)
@click.option(
    "--for-model",
    type=click.Choice(["default"]),
    help="Only the columns that this model is fitted on (train --histories), in place of all.",
)
@click.option(
    "--explain", nargs=2, metavar="NAME CUSTOMER", help="Show the rows that make one column's value on --as-of."
)
@json_option
def command(
    ledger: Path, as_of: tuple[str, ...], every: str | None, first: str | None, last: str | None, out: Path | None,
    engine: str, cluster: str | None, for_model: str | None, explain: tuple[str, str] | None, as_json: bool,
) -> None:  # fmt: skip
    """Payment-behaviour histories as known at the end of each day: one row a customer and date, one column a feature."""
    days = _days(as_of, every, first, last)
    if explain:
        _explain(read_ledger(ledger), *explain, days, as_json)
        return
    if out is None:
        raise InputError(
            "--out is missing: give the Parquet file to write, or --explain NAME CUSTOMER to see one value."
        )
    if cluster and engine != "dask":
        raise InputError("--cluster goes with --engine dask.")
    columns = None if for_model is None else _default_columns()
    if engine == "dask":
        from features.engine.partitioned import build_partitioned

        summary = build_partitioned(
            ledger, days, out, columns=columns, cluster=cluster, watch=lambda parts: progress(parts, what="partitions")
        )
    elif engine == "in-turn":
        from features.engine.partitioned import build_in_turn

        summary = build_in_turn(ledger, days, out, columns=columns, watch=lambda parts: progress(parts, what="parts"))
    else:
        summary = _write(read_ledger(ledger), days, out, columns)
    if as_json:
        print_json(summary)
    else:
        click.echo(f"{summary['rows']:,} snapshots on {len(days)} days, {summary['columns']} columns -> {out}")


def _days(as_of: tuple[str, ...], every: str | None, first: str | None, last: str | None) -> list[pd.Timestamp]:
    from features.engine.snapshots import month_ends

    if bool(as_of) == bool(every):
        raise InputError("days are missing: give --as-of DATE, or --every month --from DATE --to DATE, one of the two.")
    if every and not (first and last):
        raise InputError("--every month needs --from DATE and --to DATE.")
    try:
        if every and first and last:
            days = list(month_ends(pd.Timestamp(first), pd.Timestamp(last)))
        else:
            days = sorted({pd.Timestamp(text) for text in as_of})
    except InputError:
        raise
    except ValueError as mistake:
        raise InputError(f"a day must be written as 2024-06-30: {mistake}.") from mistake
    if not days:
        raise InputError(f"no month ends between {first} and {last}: widen the span.")
    return days


def _default_columns() -> list[str]:
    """Return the columns that a default model is fitted, evaluated and cold-started on."""
    from training.default.cold_start import with_door
    from training.default.columns import SELECTED
    from training.default.data import BOOK_COLUMNS

    return list(dict.fromkeys((*with_door(SELECTED), *BOOK_COLUMNS)))


def _write(ledger: Ledger, days: list[pd.Timestamp], out: Path, columns: list[str] | None) -> dict[str, Any]:
    from features.engine.histories import build, prepare
    from features.engine.snapshots import active

    prepared = prepare(ledger)
    parts = [
        build(prepared, part, columns) for day in progress(days, what="days") if len(part := active(prepared, [day]))
    ]
    if not parts:
        raise InputError(f"no customer has an invoice known by {days[-1].date()}: choose later days.")
    matrix = pd.concat(parts)
    out.parent.mkdir(parents=True, exist_ok=True)
    matrix.reset_index().to_parquet(out, index=False)
    return {"rows": len(matrix), "columns": matrix.shape[1], "days": len(days), "out": str(out)}


def _explain(ledger: Ledger, name: str, customer: str, days: list[pd.Timestamp], as_json: bool) -> None:
    from features.engine.reference import explain

    if len(days) != 1:
        raise InputError("--explain looks at one day: give one --as-of DATE.")
    found = explain(ledger, name, customer, days[0])
    value = None if pd.isna(found.value) else found.value
    if as_json:
        print_json({
            "column": name, "customer_id": customer, "as_of": str(days[0].date()), "value": value, "unit": found.column.unit.value,
            "missing": None if value is not None else found.missing.name.lower(), "meaning": found.column.meaning,
            "rows": found.rows.astype(object).where(found.rows.notna(), None).to_dict("records"),
        })  # fmt: skip
        return
    shown = (
        f"missing ({found.missing.name.lower().replace('_', ' ')})"
        if value is None
        else f"{value:,.6g} ({found.column.unit.value})"
    )
    click.echo(f"{name} of {customer} at the end of {days[0].date()}: {shown}\n{found.column.meaning}\n")
    if found.rows.empty:
        click.echo("No row known on that day goes into it.")
    else:
        click.echo(table(found.rows.fillna("").itertuples(index=False), list(found.rows.columns)))
