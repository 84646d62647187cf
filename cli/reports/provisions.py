"""`tradecredit report provisions`: the loss allowance of a day, and why it moved."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.reports.scores import customer_scores, score_option
from cli.reports.writing import checked_out, command_line, finish, language_option, opened, report_options
from ledger.errors import InputError

if TYPE_CHECKING:
    from decisions.cover import CoverPolicy


@click.command()
@report_options
@language_option
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="How the allowance is computed (TOML) [default: the bundled policy].",
)
@click.option(
    "--policy-before", type=click.Path(path_type=Path), help="The policy of the earlier day, where it was another."
)
@click.option(
    "--since", help="The earlier day of the movement, YYYY-MM-DD, or 'none' [default: the end of the month before]."
)
@click.option(
    "--cover",
    "cover_file",
    type=click.Path(path_type=Path),
    help="The insurance policy's terms [default: the ledger's insured limits].",
)
@score_option
@click.option("--expedient", is_flag=True, help="ASU 2025-05: current conditions are kept for the remaining life.")
@click.option("--collections-to", help="With --expedient: leave out what was collected up to this day.")
def provisions(
    ledger: Path, as_of: str, policy: Path | None, policy_before: Path | None, since: str | None, cover_file: Path | None,
    scores: Path | None, expedient: bool, collections_to: str | None, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Loss allowance by the IFRS 9 provision matrix, its movement to the cent, and PD · LGD · EAD for comparison.

    Example: tradecredit report provisions build/ledger --as-of 2024-06-30 --since 2024-05-31 --out build/provisions.xlsx
    """
    from decisions.monthly.provisions import provisions_report
    from decisions.policy_files import read_policy
    from decisions.provision_book import provision_movement, provisions_on
    from decisions.provisions import ProvisionPolicy
    from ledger.lgd import lgd_table
    from ledger.settlement import settle

    checked_out(out)
    own = read_policy(ProvisionPolicy, policy or "provisions")
    old = read_policy(ProvisionPolicy, policy_before) if policy_before else own
    terms, warnings = _cover_terms(cover_file)
    if collections_to is not None and not expedient:
        raise InputError("--collections-to: is an election of those who use the practical expedient; add --expedient.")
    read, day = opened(ledger, as_of)
    settlement = settle(read)
    to = _day(collections_to, "--collections-to") if collections_to else None
    now = provisions_on(read, settlement, day, own, terms, is_expedient=expedient, collections_to=to)
    moved = None
    first = None if since == "none" else _day(since, "--since") if since else day.replace(day=1) - timedelta(days=1)
    if first is not None:
        if first >= day:
            raise InputError(f"--since must lie before the day of the report, {day}. Got {first} instead.")
        before = provisions_on(read, settlement, first, old, terms, is_expedient=expedient)
        moved = provision_movement(read, settlement, before, now, old, is_expedient=expedient)
    pds = customer_scores(read, day, scores)
    report = provisions_report(
        read, now, own, pds, lgd_table(read, pds.definition, until=day, settlement=settlement, with_interval=False),
        moved=moved, collections_to=to, is_expedient=expedient, warnings=warnings,
        command=command_line("report", "provisions", ledger, as_of=day, policy=policy, policy_before=policy_before,
                             since=since or first, cover=cover_file, scores=scores, expedient=expedient, collections_to=to),
    )  # fmt: skip
    finish(report, out=out, as_json=as_json)


def _cover_terms(path: Path | None) -> tuple[CoverPolicy, tuple[str, ...]]:
    """The insurance policy's terms; without a file the bundled ones with no discretionary limit of our own."""
    from decisions.cover import CoverPolicy
    from decisions.policy_files import read_policy

    if path is not None:
        return read_policy(CoverPolicy, path), ()
    bundled = read_policy(CoverPolicy, "cover")
    nothing = bundled.discretionary.model_copy(update={"limit": 0.0})
    return bundled.model_copy(update={"discretionary": nothing}), (
        "Insured parts follow the insured limits of the ledger under the duties of the bundled example policy, without "
        "discretionary limits; give your policy's terms with --cover.",
    )


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as unreadable:
        raise InputError(f"{option} must be a date like 2024-05-31. Got '{text}' instead.") from unreadable
