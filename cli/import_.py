"""`tradecredit import`: an export of another system into a ledger, with the account of every row and cent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from cli.output import json_option, print_json, table
from ledger.errors import InputError

CHANGES = ("new", "unchanged", "corrected", "withdrawn")


def _today() -> date:
    return datetime.now().astimezone().date()


@click.command()
@click.argument("format_name", metavar="FORMAT")
@click.argument("sources", metavar="SOURCE...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The ledger folder to write or to add to.")
@click.option("--mapping", type=click.Path(path_type=Path), help="For format table: the mapping file.")
@click.option(
    "--guess", "is_guess", is_flag=True, help="For format table: propose a mapping for SOURCE, and import nothing."
)
@click.option("--describe", is_flag=True, help="Print the format's files, columns and traps, and import nothing.")
@click.option("--encoding", help="Encoding of the files where they are not what is found, e.g. gb18030, big5, cp1252.")
@click.option("--sheet", help="Name or number of the worksheet; default: the first whose header is the format's.")
@click.option("--currency", help="Currency of a source that has none, e.g. EUR.")
@click.option(
    "--known-on", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the books learn a correction (default: today)."
)
@click.option(
    "--complete",
    "is_complete",
    is_flag=True,
    help="The files are all that the source holds: what earlier imports of the format brought and is gone is withdrawn.",
)
@click.option(
    "--allocation",
    type=click.Choice(["unapplied", "oldest_due_first"]),
    default="unapplied",
    show_default=True,
    help="What becomes of payments that name no invoice.",
)
@json_option
def command(
    format_name: str, sources: tuple[Path, ...], out: Path | None, mapping: Path | None, is_guess: bool, describe: bool,
    encoding: str | None, sheet: str | None, currency: str | None, known_on: datetime | None, is_complete: bool, allocation: str, as_json: bool,
) -> None:  # fmt: skip
    """Import an export into a ledger: every row is accepted or in quarantine.parquet with its reasons.

    FORMAT is arff-ratios, datarisk, datev, dynamics, erpnext, highradius, ibm, odoo, quickbooks, saft, sap, table, tally,
    uci-card, xero, xero-aged or yonyou-kingdee;
    `tradecredit import FORMAT --describe` prints what it reads. SOURCE is a file or a folder of files. The account is
    written to import_report.json in the ledger.

    Example: tradecredit import ibm WA_Fn-UseC_-Accounts-Receivable.csv --out build/ibm
    """
    from importing.engine.format import Stated, description
    from importing.engine.run import STEPS, Options, import_files
    from importing.formats import format_named
    from importing.formats.table import read_mapping
    from importing.mapping.rules import with_stated

    if (is_guess or mapping) and format_name != "table":
        raise InputError(f"--guess and --mapping belong to format table, not to {format_name}.")
    if describe:
        click.echo(description(format_named(format_name)))
        return
    if not sources:
        raise InputError("SOURCE is missing: the file or folder to import.")
    if is_guess:
        from importing.guess.proposal import proposal

        stated = Stated(encoding=encoding, sheet=sheet)
        click.echo(proposal(sources, stated=stated), nl=False)
        return
    if out is None:
        raise InputError("--out is missing: the ledger folder to write or to add to.")
    fmt = read_mapping(mapping) if mapping else format_named(format_name)
    fmt = with_stated(fmt, encoding=encoding, sheet=sheet)
    with steps(STEPS) as step:
        options = Options(
            known_on=known_on.date() if known_on else _today(), currency=currency, is_complete=is_complete,
            allocation=allocation, step=step,
        )  # fmt: skip
        result = import_files(fmt, sources, out, options)
    if as_json:
        print_json(result)
    else:
        _print(result, out)


@contextmanager
def steps(names: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
    """Show a progress bar over named steps on standard error, off where that is not a terminal."""
    with tqdm(total=len(names), file=sys.stderr, disable=not sys.stderr.isatty(), delay=2.0, leave=False) as bar:

        def begin(name: str) -> None:
            bar.set_description(name)
            bar.update(1)

        yield begin


def _print(result: dict[str, Any], out: Path) -> None:
    click.echo(table(
        [(f["file"], f"{f['read']:,}", f"{f['accepted']:,}", f"{f['quarantined']:,}") for f in result["files"]],
        ("file", "rows read", "accepted", "quarantined")))  # fmt: skip
    click.echo()
    click.echo(table(
        [(name, *(f"{change[k]:,}" for k in CHANGES)) for name, change in result["tables"].items()],
        ("table", "new", "known already", "corrected", "withdrawn")))  # fmt: skip
    click.echo()
    click.echo(table(
        [(f"{t['currency']} {t['measure']}", f"{t['before']}", t["after"], t["difference"]) for t in result["totals"]],
        ("control total", "in the source", "in the ledger", "left out")))  # fmt: skip
    if result["settlement"]:
        click.echo("\nSettled: the invoices that this import touched, as they stand now")
        click.echo(
            table([[str(v) for v in row.values()] for row in result["settlement"]], list(result["settlement"][0]))
        )
    if result["left_out"]:
        click.echo("\nLeft out by name, in no total:")
        for item in result["left_out"]:
            sums = ", ".join(f"{name} {amount:,.2f}" for name, amount in item["sums"].items())
            click.echo(f"  {item['rows']:>9,}  {item['what']}" + (f": {sums}" if sums else ""))
    for title, key in (
        ("Left out, by reason (quarantine.parquet)", "reasons"),
        ("Inferred", "inferred"),
        ("Noticed", "noticed"),
    ):
        if result[key]:
            click.echo(f"\n{title}:")
            for item in result[key]:
                click.echo(f"  {item['rows']:>9,}  {item.get('reason') or item.get('what')}")
                if item.get("example"):
                    click.echo(f"             e.g. {item['example']}")
    click.echo(f"\nledger: {out}")
