"""`tradecredit report worklist`: whom to contact today about what is overdue, by what acting is worth."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options


@click.command()
@report_options
@click.option("--policy", default="collections", show_default=True, help="A bundled policy's name, or a TOML file.")
@click.option(
    "--law", default="late_payment", show_default=True, help="Statutory interest: a bundled name, or a TOML file."
)
@click.option("--no-effects", is_flag=True, help="Do not estimate effects of actions: order by amount.")
@click.option(
    "--texts", type=click.Path(path_type=Path), help="Write one text a customer (reminder, dunning) to this folder."
)
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the report and the texts."
)
def worklist(
    ledger: Path, as_of: str, policy: str, law: str, no_effects: bool, texts: Path | None, language: str, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Overdue customers in the order of what acting is worth, with next steps, promises, disputes and effects.

    Example: tradecredit report worklist build/ledger --as-of 2024-12-31 --out build/worklist.xlsx
    """
    import pandas as pd

    from cli.reports.scored import book_scores, champions_scorer
    from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
    from decisions.policy_files import read_policy
    from decisions.steering.worklist import worklist_report
    from models.registry import NoModel

    checked_out(out)
    rules, statute = read_policy(CollectionsPolicy, policy), read_policy(LatePaymentLaw, law)
    read, on = opened(ledger, as_of)
    pd_of, source = None, ""
    try:
        scorer, source = champions_scorer(read, on)
        pd_of = book_scores(scorer, on)["pd"]
    except NoModel:
        pass  # the report says that no default model is served and that no loss avoided is counted
    report, done, _ = worklist_report(
        read, pd.Timestamp(on), policy=rules, law=statute, pd_of=pd_of, pd_source=source, with_effects=not no_effects, language=language,
        command=command_line("report", "worklist", ledger, as_of=on, policy=policy, law=law, no_effects=no_effects),
    )  # fmt: skip
    if texts is not None:
        written = _write_texts(report, done, statute, on, texts, language)
        click.echo(f"{written:,} texts written to {texts}", err=True)
    finish(report, out=out, as_json=as_json, language=language)


def _write_texts(report, done, law, on, folder: Path, language: str) -> int:  # type: ignore[no-untyped-def]
    """Write a text for each customer whose next step has one."""
    import pandas as pd

    from decisions.collections import ACT, statutory_claims
    from decisions.collections_texts import TEXTS, letter

    folder.mkdir(parents=True, exist_ok=True)
    items = done.items[done.items["route"] == ACT]
    items = items.join(statutory_claims(items, law, pd.Timestamp(on)))
    count = 0
    for customer_id, step in zip(done.customers["customer_id"], done.customers["step"], strict=True):
        if step not in TEXTS:
            continue
        own = items[items["customer_id"] == customer_id]
        name = own["name"].iloc[0] if pd.notna(own["name"].iloc[0]) else customer_id
        subject, text = letter(
            step, own, name=str(name), currency=report.currency or "", day=str(on), language=language
        )
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in str(customer_id))
        (folder / f"{safe}_{step}.txt").write_text(f"{subject}\n\n{text}", encoding="utf-8")
        count += 1
    return count
