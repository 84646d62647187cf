"""A trial import with a proposed mapping into a folder that is thrown away: its control totals as comments."""

from __future__ import annotations

import tempfile
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from importing.engine.format import SourceError
from importing.engine.run import Options, import_files
from importing.formats.table import format_of
from importing.guess.choices import FileGuess
from ledger.errors import InputError

ASSUMED = "EUR"  # of the trial where no column has the currency; the totals do not depend on it


def trial(text: str, files: list[Path], guess: FileGuess, known_on: date) -> str:
    """Return the control totals of an import with this mapping into a folder that is thrown away."""
    mapping: dict[str, Any] = tomllib.loads(text)
    currency = mapping.get("reading", {}).get("currency") or ASSUMED
    columns = mapping["invoices"].get("columns", {})
    has_currency = "currency" in {**columns, **mapping["invoices"].get("constants", {})}
    if "due_on" not in columns and "payment_terms" not in columns:
        mapping["invoices"]["terms_days"] = 30
    lines = ["", "# Control totals that this mapping gives (nothing is written):"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            options = Options(known_on=known_on, currency=None if has_currency else currency)
            report = import_files(format_of(mapping, "the proposal"), files, Path(folder) / "ledger", options)
    except (InputError, SourceError) as error:
        return "\n".join([*lines, *(f"#   none: {line}" for line in str(error).splitlines())]) + "\n"
    return "\n".join([*lines, *_shown(report, has_currency, guess)]) + "\n"


def _shown(report: dict[str, Any], has_currency: bool, guess: FileGuess) -> list[str]:
    """Return the totals of a trial import as comments."""
    lines = []
    for total in report["totals"]:
        is_known = has_currency or total["currency"] != ASSUMED or ASSUMED in guess.cell_currencies
        shown = total["currency"] if is_known else "(currency to be stated)"
        lines.append(
            f"#   {total['measure']:<12} {total['after']:>18} {shown}"
            + (f"  left out {total['difference']}" if float(total["difference"]) else "")
        )
    lines += [
        f"#   invoices {settled['invoices']:,}: open {settled['open_amount']}, overpaid {settled['overpaid']}"
        for settled in report["settlement"]
    ]
    rows = report["rows"]
    lines.append(f"#   rows read {rows['read']:,}, accepted {rows['accepted']:,}, quarantined {rows['quarantined']:,}")
    lines += [f"#   quarantined {r['rows']:,}: {r['reason']} ({r['example']})" for r in report["reasons"][:5]]
    lines += [f"#   left out: {item['what']}, {item['rows']:,} rows, {item['sums']}" for item in report["left_out"][:8]]
    return lines
