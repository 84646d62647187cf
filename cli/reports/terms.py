"""`tradecredit report terms`: what payment terms cost and bring, for the book, a segment or a customer."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options


@click.command()
@report_options
@click.option("--policy", default="terms", show_default=True, help="A bundled file's name, or a TOML file.")
@click.option("--segment", help="Only this segment.")
@click.option("--customer", help="Only this customer.")
@click.option(
    "--days", "choices", default="14,30,45,60,90", show_default=True, help="Terms to price, days, with commas between."
)
@click.option(
    "--discount", type=click.FloatRange(0, 0.5), default=0.0, show_default=True, help="Offered share, e.g. 0.02."
)
def terms(
    ledger: Path, as_of: str, policy: str, segment: str | None, customer: str | None, choices: str, discount: float, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Delay, financing cost, expected loss and margin at other terms; the trade-off of DSO against turnover.

    Example: tradecredit report terms build/ledger --segment small --days 14,30,60 --discount 0.02
    """
    from cli.reports.scored import book_scores, champions_scorer
    from decisions.policy_files import read_policy
    from decisions.price_of_terms import TermsPolicy
    from decisions.steering.terms import terms_report
    from ledger.errors import InputError
    from models.registry import NoModel

    checked_out(out)
    own = read_policy(TermsPolicy, policy)
    try:
        days = sorted({int(part) for part in choices.split(",")})
    except ValueError:
        raise InputError(
            f"--days must be whole numbers with commas between, e.g. 14,30,60. Got '{choices}' instead."
        ) from None
    read, on = opened(ledger, as_of)
    pds, words = None, "none is served: expected loss is left out"
    try:
        scorer, words = champions_scorer(read, on)
        pds = book_scores(scorer, on)["pd"]
    except NoModel:
        pass  # the report says so
    report = terms_report(
        read, on, own, pds=pds, model_words=words, segment=segment, customer=customer, choices=days, discount=discount,
        command=command_line("report", "terms", ledger, as_of=on, policy=policy, segment=segment, customer=customer, days=choices, discount=discount or None),
    )  # fmt: skip
    finish(report, out=out, as_json=as_json)
