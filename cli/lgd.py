"""`tradecredit lgd`: the ledger's own loss given default, with counts and intervals."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import json_option, print_json, table


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path, exists=True))
@click.option("--as-of", default="latest", show_default=True, help="The day whose knowledge counts.")
@click.option("--policy", default="primary", show_default=True, help="Definition of default, by name.")
@click.option("--workout-months", default=24, show_default=True, help="A default older than this counts as closed.")
@click.option("--defaults", "with_defaults", is_flag=True, help="Print every default too.")
@json_option
def command(ledger: Path, as_of: str, policy: str, workout_months: int, with_defaults: bool, as_json: bool) -> None:
    """Measure loss given default over the closed defaults of LEDGER: 1 - present value of recoveries / exposure.

    Example: tradecredit lgd build/ledger --as-of 2024-12-31
    """
    from cli.train import as_of_day
    from ledger.default_status import policy_named
    from ledger.ledger import read_ledger
    from ledger.lgd import LgdPolicy, closed_defaults, measure

    read = read_ledger(ledger)
    day, definition = as_of_day(as_of, read.last_known_on), policy_named(policy)
    lgd_policy = LgdPolicy(workout_months=workout_months)
    defaults = closed_defaults(read, definition, lgd_policy, until=day)
    found = measure(defaults, lgd_policy, as_of=day.isoformat(), named=f"{definition.name} {definition.version}")
    if as_json:
        shown = {**found.to_json(), "closed_as": defaults["closed_as"].value_counts().to_dict()}
        if with_defaults:
            text = defaults.assign(**{c: defaults[c].dt.strftime("%Y-%m-%d") for c in ("entered_on", "closed_on")})
            shown["defaults"] = text.astype(object).where(text.notna(), None).to_dict("records")
        print_json(shown)
        return
    rows = [
        [lgd.segment or "whole book", f"{lgd.value:.3f}", lgd.source, f"{lgd.weight:.2f}", lgd.defaults, lgd.customers,
         *("-" if x is None else f"{x:.3f}" for x in (lgd.measured, lgd.low, lgd.high, lgd.written_off_only))]
        for lgd in (found.book, *found.segments.values())
    ]  # fmt: skip
    percent = f"{100 * lgd_policy.confidence:.0f} %"
    header = ["", "LGD", "source", "weight", "closed defaults", "customers", "measured", f"{percent} low", "high",
              "written off only"]  # fmt: skip
    click.echo(f"as of {day}, default by {found.default_policy}; closed: cured, recovered, written off or older than "
               f"{workout_months} months; {found.still_open} still open")  # fmt: skip
    click.echo(table(rows, header))
    click.echo(
        f"LGD = weight x measured + (1 - weight) x {lgd_policy.value:.2f}, the policy's value; weight = n / (n + "
        f"{lgd_policy.shrinkage:.0f}), 0 below {lgd_policy.fewest}, 1 from {lgd_policy.measured_from} closed defaults; "
        f"recoveries discounted at {100 * lgd_policy.discount_rate:.0f} % a year, collection costs "
        f"{100 * lgd_policy.cost_share:.0f} % of them by policy (a ledger does not hold costs)."
    )
    if with_defaults:
        columns = ["customer_id", "entered_on", "kind", "closed_as", "closed_on", "ead", "recovered", "loss"]
        dated = defaults.assign(
            **{c: defaults[c].dt.strftime("%Y-%m-%d").fillna("-") for c in ("entered_on", "closed_on")}
        )
        amounts = {c: dated[c].map("{:,.2f}".format) for c in ("ead", "recovered", "loss")}
        click.echo(table(dated.assign(**amounts)[columns].to_numpy().tolist(), columns))
