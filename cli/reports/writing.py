"""A report as a file: CSV, a workbook with a sheet about it, or one HTML page without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger.errors import InputError

WRITERS = (".csv", ".xlsx", ".html")
STYLE = (
    "<style>body{font-family:sans-serif;margin:2em}td,th{padding:.3em .8em;text-align:right}"
    "table{border-collapse:collapse}</style>"
)


def checked_out(out: Path | None) -> None:
    """Raise InputError for a file that reports cannot be written to, before anything is computed."""
    if out is not None and out.suffix not in WRITERS:
        raise InputError(f"--out must end in {', '.join(WRITERS)}. Got '{out.name}' instead.")


def write(frame: Any, summary: dict[str, Any], out: Path, title: str) -> None:
    """Write a frame and what it is about."""
    import pandas as pd

    out.parent.mkdir(parents=True, exist_ok=True)
    facts = pd.DataFrame({"what": list(summary), "value": [str(v) for v in summary.values()]})
    if out.suffix == ".csv":
        frame.round(2).to_csv(out, index=False)
    elif out.suffix == ".xlsx":
        with pd.ExcelWriter(out) as prepared:
            frame.round(2).to_excel(prepared, sheet_name=title[:31], index=False)
            facts.to_excel(prepared, sheet_name="about", index=False)
    else:
        body = frame.to_html(index=False, float_format="{:,.2f}".format, border=0)
        out.write_text(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title>{STYLE}"
            f"<h1>{title}</h1>{facts.to_html(index=False, header=False, border=0)}{body}</html>",
            encoding="utf-8",
        )
