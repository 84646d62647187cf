"""`tradecredit audit`: verify the decision log, and sample decisions for an auditor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import json_option, print_json

if TYPE_CHECKING:
    from serving.decision_log import DecisionLog


@click.group()
def command() -> None:
    """The decision log: verify it, write its head, archive its oldest part, erase a customer, sample decisions.

    Example: tradecredit audit verify
    """


@command.command()
@click.option("--head", help="A head printed earlier and kept elsewhere: checks that the log still holds it.")
@click.option("--heads", type=click.Path(path_type=Path), help="The file of signed heads [default: TRADECREDIT_HEADS].")
@json_option
def verify(head: str | None, heads: Path | None, as_json: bool) -> None:
    """Recompute every hash of the decision log, every link and every payload's digest, and hold it against the signed heads.

    Exit code 1 where one does not hold: changed, missing, cut off the end or replaced.

    Example: tradecredit audit verify --head 9f2c…
    """
    from models.settings import Settings
    from serving.heads import read_heads, why_not_held

    settings, log = Settings.from_environment(), _log()
    path = heads or settings.heads or settings.home / "decision-heads.jsonl"
    verdict = log.verify()
    why = verdict.why if not verdict.is_whole else why_not_held(log, path) or ""
    if not why and head is not None and not log.has_hash(head):
        why = "no record has the head that was kept: records were cut off the end, or the log is another"
    signed = len(read_heads(path))
    if as_json:
        print_json(
            {"records": verdict.records, "head": verdict.head, "broken_at": verdict.broken_at, "why": why, "whole": not why,
             "signed_heads": signed}
        )  # fmt: skip
    elif why:
        at = f"record {verdict.broken_at}: " if verdict.broken_at else ""
        click.echo(f"the log does not hold: {at}{why}. {verdict.records:,} records before it do.")
    else:
        click.echo(f"{verdict.records:,} records, every one as it was written and chained to the one before.")
        click.echo(f"head {verdict.head}; {signed:,} signed heads in {path} hold.")
    sys.exit(1 if why else 0)


@command.command()
@json_option
def head(as_json: bool) -> None:
    """Write the log's head, signed, to the file of heads now. The service does it by itself on a schedule.

    Example: tradecredit audit head
    """
    from models.settings import Settings
    from serving.heads import write_head

    settings = Settings.from_environment()
    path = settings.heads or settings.home / "decision-heads.jsonl"
    written = write_head(_log(), path)
    if as_json:
        print_json({"file": str(path), "written": written})
    else:
        click.echo(
            f"{path}: " + ("nothing new since the last head" if written is None else f"record {written['records']:,}")
        )


@command.command()
@click.option(
    "--keep", default=100_000, show_default=True, type=click.IntRange(min=0), help="Records that stay in the log."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The folder of archives [default: TRADECREDIT_HOME/archive]."
)
@json_option
def archive(keep: int, out: Path | None, as_json: bool) -> None:
    """Move the oldest records into a file; the chain goes on from the last of them, and `audit verify` still holds.

    Example: tradecredit audit archive --keep 100000
    """
    from models.settings import Settings
    from serving.archive import archive as move

    moved = move(_log(), out or Settings.from_environment().home / "archive", keep=keep)
    if as_json:
        print_json(moved or {"records": 0})
    elif moved is None:
        click.echo("nothing to archive.")
    else:
        click.echo(f"{moved['records']:,} records ({moved['first']:,} to {moved['last']:,}) are in {moved['file']}.")


@command.command()
@click.argument("customer_id")
@click.option("--by", required=True, help="Who answers for the erasure.")
@click.confirmation_option(prompt="The customer's requests, inputs and answers can never be read again. Go on?")
@json_option
def erase(customer_id: str, by: str, as_json: bool) -> None:
    """Destroy the key of a customer's payloads in the decision log: nobody can read them again. Hashes and chain stay.

    Copies of the store made before (backups, archives of the store's file) still hold the key: destroy them too.

    Example: tradecredit audit erase C0000001 --by "data protection officer" --yes
    """
    count = _log().payloads.erase(customer_id, by=by)
    if as_json:
        print_json({"customer_id": customer_id, "payloads": count})
    else:
        click.echo(f"{count:,} payloads of this customer can no longer be read.")


def _log() -> DecisionLog:
    from models.settings import Settings
    from serving.decision_log import DecisionLog

    return DecisionLog.existing(Settings.from_environment().store)


@command.command()
@click.option("--n", "count", type=click.IntRange(1, 10_000), default=25, show_default=True, help="How many decisions.")
@click.option("--seed", type=int, required=True, help="The same seed chooses the same decisions of the same log.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    default=("review", "decide"),
    show_default=True,
    type=click.Choice(["review", "decide", "score", "explain", "what_if"]),
    help="Which records are chosen from.",
)
@click.option("--ledger", type=click.Path(path_type=Path), help="The ledger of then [default: TRADECREDIT_LEDGER].")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The folder for the papers; must be new or empty."
)
@json_option
def sample(count: int, seed: int, kinds: tuple[str, ...], ledger: Path | None, out: Path, as_json: bool) -> None:
    """Choose random decisions, compute each again, and write the papers of an audit into one folder.

    Exit code 1 where a number differs, a decision cannot be replayed, or the log's chain does not hold.

    Example: tradecredit audit sample --n 25 --seed 7 --out build/audit
    """
    from cli.reports.audit_papers import sample_report, write_papers
    from cli.reports.writing import on_terminal, write
    from decisions.scoring_ledger import ScoringLedger
    from ledger.errors import InputError
    from models.registry import Settings
    from serving.audit_sample import chosen, papers
    from serving.decision_log import DecisionLog

    if out.exists() and any(out.iterdir()):
        raise InputError(f"--out {out}: is not empty; papers of two samples must not be mixed. Give a new folder.")
    settings = Settings.from_environment()
    log = DecisionLog.existing(settings.store)
    verdict = log.verify()
    ids, of = chosen(log, count, seed, kinds)
    folder = ledger or settings.ledger
    served = ScoringLedger.read(folder) if folder.exists() else None
    found = papers(settings, log, ids, served)
    report = sample_report(found, verdict, of=of, count=count, seed=seed, kinds=kinds, out=out)
    write_papers(settings, found, verdict, out)
    write(report, out / "index.html")
    write(report, out / "index.xlsx")
    if as_json:
        print_json({**report.as_json(), "out": str(out)})
    else:
        click.echo(on_terminal(report))
        click.echo(f"written: {out}")
    sys.exit(report.exit_code)
