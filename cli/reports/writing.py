"""How every report leaves the command line: a table on a terminal, JSON, CSV, XLSX or one HTML page.

A command builds a `decisions.report.Report` and passes it to `finish`; `report_options` gives it LEDGER, --as-of, --out
and --json, so that every command of `tradecredit report` works the same way.
"""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pydantic_core

from cli.ledger_reading import HELP, read
from cli.output import attention, json_option, print_json
from ledger.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from decisions.report import Report, Table
    from ledger.ledger import Ledger

WRITERS = (".csv", ".json", ".xlsx", ".html")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would read a text that begins so as a formula
WIDEST = 2_000
PLAIN_WIDTH = 160  # columns where the output is no terminal
DAYS_AFTER = 45  # a report may be of a day that lies this long after the last booking
BEYOND, QUARANTINE, LANGUAGE = "tradecredit.beyond", "tradecredit.quarantine", "tradecredit.language"

AROUND = {  # the words around a report on a terminal
    "en": {"as_of": "{}, as of {}", "in": ", in {}", "attention": "attention: ", "no_rows": "no rows", "total": "total",
           "more": "… and {:,} more rows: --out FILE holds all of them; the total is of all.", "by": "by: "},
    "zh": {"as_of": "{}，截至 {}", "in": "，单位 {}", "attention": "注意：", "no_rows": "无记录", "total": "合计",
           "more": "……另有 {:,} 行：--out FILE 写出全部；合计含全部记录。", "by": "命令："},
}  # fmt: skip


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add LEDGER, --as-of, --out and --json to a report's command."""
    for option in (
        json_option,
        click.option(
            "--out", type=click.Path(path_type=Path),
            help="Also write the report to a .html, .csv, .xlsx or .json file.",
        ),
        click.option(
            "--beyond", is_flag=True, expose_value=False, is_eager=True, callback=_far,
            help=f"Allow a day of more than {DAYS_AFTER} days after the ledger's last booking.",
        ),
        click.option(
            "--quarantine", is_flag=True, expose_value=False, is_eager=True, callback=_quarantine,
            help=HELP,
        ),
        click.option("--as-of", default="latest", show_default=True, help="The day that the report is of, YYYY-MM-DD."),
        click.argument("ledger", type=click.Path(path_type=Path)),
    ):  # fmt: skip
        command = option(command)
    return command


def _quarantine(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[QUARANTINE] = value


def _language(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.meta[LANGUAGE] = value


def language_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a month's-end report its --language; `finish` puts the report into it."""
    option = click.option(
        "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, expose_value=False, callback=_language,
        help="Of the report on the terminal and in files; JSON holds the same names in both.",
    )  # fmt: skip
    return option(command)


def _far(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[BEYOND] = value


def opened(ledger: Path, as_of: str) -> tuple[Ledger, date]:
    """Return the ledger read and checked, and the day that --as-of names. Raises InputError as both do.

    The day may lie up to DAYS_AFTER days after the last booking (a month's end, today), with --beyond any number of days;
    each report says to which day the books are known.
    """
    from cli.train import as_of_day
    from ledger.settled_state import settled_ledger

    is_without = bool(click.get_current_context().meta.get(QUARANTINE))
    opened_ledger = read(ledger, quarantine=True) if is_without else settled_ledger(ledger, say=attention)
    is_far = bool(click.get_current_context().meta.get(BEYOND))
    return opened_ledger, as_of_day(as_of, opened_ledger.last_known_on, days_after=None if is_far else DAYS_AFTER)


def checked_out(out: Path | None) -> None:
    """Raise InputError for a file that reports cannot be written to, before anything is computed."""
    if out is not None and out.suffix not in WRITERS:
        raise InputError(f"--out must end in {', '.join(WRITERS)}. Got '{out.name}' instead.")


def command_line(*parts: object, **options: object) -> str:
    """Return the words of a command: `parts` after `tradecredit`, options that are not None, False or empty after them."""
    words = ["tradecredit", *(str(p) for p in parts)]
    for name, value in options.items():
        if value is None or value is False or value == ():
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [f"--{name.replace('_', '-')}", *([] if one is True else [str(one)])]
    return shlex.join(words)


def finish(report: Report, *, out: Path | None, as_json: bool, language: str = "en") -> None:
    """Write the report to `out` where given, print it, and exit with its code where that is not 0."""
    shown = report
    if click.get_current_context().meta.get(LANGUAGE) == "zh":
        from decisions.chinese import MONTHLY, in_chinese

        language, shown = "zh", in_chinese(report, MONTHLY)
    is_json = out is not None and out.suffix == ".json"
    files = write(report if is_json else shown, out, language) if out is not None else []
    if as_json:
        print_json(report.as_json())
    else:
        click.echo(on_terminal(shown, language))
        for path in files:
            click.echo(f"written: {path}")
    if report.exit_code:
        sys.exit(report.exit_code)


def write(report: Report, out: Path, language: str = "en") -> list[Path]:
    """Write the report in the form that the file's ending names; return the files written."""
    checked_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".csv":
        return _write_csv(report, out)
    if out.suffix == ".json":
        result = report.as_json()
        # the plain json module needs seconds for the items of a large book
        out.write_bytes(pydantic_core.to_json(result, indent=2, inf_nan_mode="constants") + b"\n")
    elif out.suffix == ".xlsx":
        from cli.reports.workbook import write_workbook

        write_workbook(report, out)
    else:
        from serving.reports.html import page

        out.write_text(page(report, language), encoding="utf-8")
    return [out]


def _write_csv(report: Report, out: Path) -> list[Path]:
    """Write the first table to `out`, each further one beside it as NAME.TABLE.csv, without sums: a reader sums rows."""
    files = []
    for number, table in enumerate(report.tables):
        path = out if number == 0 else out.with_name(f"{out.stem}.{table.name.replace(' ', '_')}.csv")
        _csv_frame(table).to_csv(path, index=False, encoding="utf-8", date_format="%Y-%m-%d")
        files.append(path)
    return files


def _csv_frame(table: Table) -> Any:
    """Return the table's rows as CSV holds them: money with two decimals, text that would be a formula behind an
    apostrophe.
    """
    from decisions.report import MONEY, TEXT

    columns = table.columns_for("files")
    frame = table.frame[[c.name for c in columns]].copy()
    for column in columns:
        if column.kind == MONEY:
            frame[column.name] = frame[column.name].astype("float64").round(2)
        elif column.kind == TEXT:
            values = frame[column.name].astype(object)
            frame[column.name] = [f"'{v}" if isinstance(v, str) and v.startswith(DANGEROUS) else v for v in values]
    return frame


def on_terminal(report: Report, language: str = "en") -> str:
    """Return the report as text for a terminal: facts, tables with sums, notes. language : of the words around them."""
    from rich.console import Console

    from decisions.report import fact

    is_terminal = sys.stdout.isatty()
    written = io.StringIO()
    console = Console(
        file=written, width=None if is_terminal else PLAIN_WIDTH, force_terminal=is_terminal, highlight=False,
        markup=False, emoji=False,
    )  # fmt: skip
    words = AROUND[language]
    about = words["as_of"].format(report.title, report.as_of)
    console.print(about + (words["in"].format(report.currency) if report.currency else ""), style="bold")
    for name, value in report.facts.items():
        console.print(f"{name.replace('_', ' ')}: {fact(value)}")
    for warning in report.warnings:
        console.print(f"{words['attention']}{warning}", style="yellow")
    for table in report.tables:
        _print_table(console, table, words)
    for note in report.notes:
        console.print(note)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def _print_table(console: Any, table: Table, words: Mapping[str, str]) -> None:
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table as Grid

    from decisions.report import NUMERIC, shown

    console.print()
    console.print(table.title, style="bold")
    if table.note:
        console.print(table.note)
    if not len(table.frame):
        console.print(words["no_rows"])
        return
    line = table.total_line()
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_footer=line is not None)
    columns = table.columns_for("people", is_narrow=True)
    for place, column in enumerate(columns):
        footer = shown(line[column.name], column.kind) if line and column.name in line else ""
        grid.add_column(
            column.label, justify="right" if column.kind in NUMERIC else "left", no_wrap=column.kind in NUMERIC,
            footer=footer or (words["total"] if place == 0 and line else ""),
        )  # fmt: skip
    kinds = [c.kind for c in columns]
    first = table.frame[[c.name for c in columns]].head(table.terminal_rows)
    for row in first.itertuples(index=False, name=None):
        grid.add_row(*(shown(value, kind) for value, kind in zip(row, kinds, strict=True)))
    # a number that is cut off is worse than a line that the terminal breaks
    narrow, needed = console.width, Measurement.get(console, console.options.update(max_width=WIDEST), grid).maximum
    console.width = max(narrow, needed)
    console.print(grid, soft_wrap=False)
    console.width = narrow
    left = len(table.frame) - len(first)
    if left > 0:
        console.print(words["more"].format(left))
    if table.command:
        console.print(f"{words['by']}{table.command}")
