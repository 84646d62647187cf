"""`tradecredit report cover`: what is insured, what must be done for it by when, and the notices to the insurer."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import click

from cli.reports.scores import customer_scores, score_option
from cli.reports.writing import checked_out, command_line, finish, language_option, opened, report_options
from ledger.errors import InputError


@click.command()
@report_options
@language_option
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="The insurance policy's terms (TOML) [default: the bundled example].",
)
@score_option
@click.option(
    "--within", type=click.IntRange(0, 400), default=30, show_default=True, help="Duties that end within so many days."
)
@click.option(
    "--notices",
    "folder",
    type=click.Path(path_type=Path),
    help="Write the notices to send as JSON and CSV into this folder.",
)
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="With --notices: also write them under another system's names (TOML).",
)
def cover(
    ledger: Path, as_of: str, policy: Path | None, scores: Path | None, within: int, folder: Path | None, mapping: Path | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Credit insurance: exposure, duties by day, cover lost and lost tomorrow, stop list, value of more cover.

    Example: tradecredit report cover build/ledger --as-of 2024-06-30 --policy cover.toml --notices build/notices
    """
    from decisions.cover import CoverPolicy
    from decisions.cover_book import cover_book
    from decisions.monthly.cover import cover_report, notices
    from decisions.policy_files import read_policy
    from ledger.currency import reporting_currency
    from ledger.lgd import lgd_table
    from ledger.settlement import settle

    checked_out(out)
    terms = read_policy(CoverPolicy, policy or "cover")
    read, day = opened(ledger, as_of)
    settlement = settle(read)
    warnings = () if policy else ("The terms are those of the bundled example policy; give your own with --policy.",)
    pds = customer_scores(read, day, scores)
    report = cover_report(
        read, settlement, day, terms, pds, lgd_table(read, pds.definition, until=day, settlement=settlement, with_interval=False),
        within_days=within, warnings=warnings,
        command=command_line("report", "cover", ledger, as_of=day, policy=policy, scores=scores, within=within),
    )  # fmt: skip
    if folder is not None:
        book = cover_book(read, settlement, day, terms)
        written = _write(notices(read, book, terms, day, reporting_currency(read) or "", within), folder, mapping)
        click.echo(f"{written:,} notices written to {folder}", err=True)
    elif mapping is not None:
        raise InputError("--mapping: needs --notices FOLDER, where the notices are written.")
    finish(report, out=out, as_json=as_json)


def _write(found: list[dict[str, Any]], folder: Path, mapping: Path | None) -> int:
    """Write notices.json (all of them), notices.csv (one line an item) and, with a mapping, mapped.json."""
    import tomllib

    from decisions.cover import mapped

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notices.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with (folder / "notices.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "insurer", "policy_number", "reported_on", "customer_id", "name", "country", "currency", "reason",
                         "invoice_id", "issued_on", "due_on", "amount", "open", "days_past_due"])  # fmt: skip
        for n in found:
            head = [n[k] for k in ("kind", "insurer", "policy_number", "reported_on")]
            buyer = [n["buyer"][k] for k in ("customer_id", "name", "country")]
            for item in n["items"]:
                writer.writerow([*head, *buyer, n["currency"], n["reason"], *item.values()])
    if mapping is not None:
        try:
            names = tomllib.loads(mapping.read_text(encoding="utf-8"))
            messages = [message for n in found for message in mapped(n, names)]
        except (OSError, tomllib.TOMLDecodeError, KeyError) as wrong:
            raise InputError(
                f"--mapping {mapping}: {wrong}; compare with decisions/policies/cover_mapping_allianz_trade.toml."
            ) from wrong
        (folder / "mapped.json").write_text(json.dumps(messages, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(found)
