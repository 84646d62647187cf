"""The loss allowance as a report: provision matrix, rates and their source, movement, PD · LGD · EAD for comparison."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from decisions.customer_scores import CustomerScores
from decisions.monthly.cover import lgd_words
from decisions.provision_book import Moved, Provisions, life_days
from decisions.provisions import INSURED, MOVEMENT, ProvisionPolicy, lifetime_loss
from decisions.report import DATE, Chart, Column, Report, Table, count, money, number, share, text
from ledger.buckets import AGEING, BUCKETS
from ledger.currency import CENTS, reporting_currency
from ledger.ledger import Ledger
from ledger.lgd import LgdTable

MOVEMENT_WORDS = {
    "opening": "opening allowance", "new": "new items", "settled": "items settled", "written_off": "items written off",
    "recovered": "items open again after a write-off", "part_paid": "part payments",
    "aged": "ageing, change of segment or of the insured part", "rates": "loss rates of the history",
    "model": "scenarios and policy", "overlays": "overlays", "closing": "closing allowance",
}  # fmt: skip


def provisions_report(
    ledger: Ledger, found: Provisions, policy: ProvisionPolicy, scores: CustomerScores, lgd: LgdTable, *, command: str,
    moved: Moved | None = None, collections_to: date | None = None, is_expedient: bool = False, warnings: tuple[str, ...] = (),
) -> Report:  # fmt: skip
    """Return the loss allowance of a ledger on a day as a report."""
    own, as_of = found.allowance, found.allowance.as_of
    currency = reporting_currency(ledger)
    matrix = _matrix(found)
    tables = [matrix, _rates(found, policy), _scenarios(policy, is_expedient), _overlays(policy, found)]
    if moved is not None:
        tables += [_movement(moved), _roll_forward(moved)]
    if collections_to is not None:
        tables.append(_collections(found))
    tables.append(_lifetime(found, policy, scores, lgd))
    warnings = (*warnings, *(f"overlay '{name}' ended before {as_of} and is not applied" for name in own.expired))
    lost, used = int(found.history.lost_items.sum()), int(found.history.items.sum())
    if lost < max(policy.fewest_lost_items, 1):
        warnings = (*warnings, f"only {lost:,} of the history's {used:,} invoices had a loss: the loss rates say little; use a longer "
                               "history, outside loss rates or an overlay")  # fmt: skip
    total = own.total_cents / CENTS
    gross = own.items["open_cents"].sum() / CENTS
    of_bucket = matrix.frame.groupby("bucket", sort=False)["allowance"].sum()
    chart = Chart(
        name="buckets", kind="bars", unit=currency or "", categories=list(of_bucket.index), series={"allowance": [float(v) for v in of_bucket]},
        title=f"The allowance is {total:,.2f}, {100 * total / gross:.2f} % of the open balance" if gross else "Nothing is open",
    )  # fmt: skip
    charts = [chart] if moved is None else [chart, _movement_chart(moved, currency)]
    facts = {
        "allowance": f"{total:,.2f}", "policy": f"{policy.name} {policy.version}",
        "history": f"invoices due from {found.history.since} to {found.history.until}",
        "forward_factor": "1 (current conditions kept, ASU 2025-05)" if is_expedient else f"{policy.forward_factor:.4f}",
        "pd": scores.source, "lgd": lgd_words(lgd),
    }  # fmt: skip
    if collections_to is not None:
        facts["collections_considered_to"] = collections_to.isoformat()
    return Report(
        name="provisions", title="Loss allowance", as_of=as_of, known_to=ledger.last_known_on, command=command, currency=currency,
        facts=facts, warnings=warnings, tables=tables, charts=charts,
        notes=[
            "Simplified approach (IFRS 9 5.5.15) with a provision matrix (B5.5.35): a rate is what was lost of the amounts "
            "that ever entered a bucket, times the forward-looking factor. Insured balances are a segment of their own.",
        ],
    )  # fmt: skip


def _labels(buckets: pd.Series) -> list[str]:
    return [AGEING[int(place)].label for place in buckets]


def _matrix(found: Provisions) -> Table:
    """One row a segment and bucket with an open balance."""
    own = found.allowance.items
    sums = own.groupby(["segment", "bucket"]).agg(items=("open_cents", "size"), open=("open_cents", "sum"), rate=("rate", "first"),
                                                  allowance=("allowance_cents", "sum")).reset_index()  # fmt: skip
    sums = sums[sums["open"] != 0]
    extra = sum(found.allowance.overlays.values())
    frame = pd.DataFrame({
        "segment": sums["segment"], "bucket": _labels(sums["bucket"]), "items": sums["items"], "open": sums["open"] / CENTS,
        "rate": np.minimum(sums["rate"], 1.0), "allowance": sums["allowance"] / CENTS,
    })  # fmt: skip
    for name, cents in found.allowance.overlays.items():
        frame.loc[len(frame)] = {
            "segment": f"overlay: {name}",
            "bucket": "",
            "items": 0,
            "open": 0.0,
            "rate": np.nan,
            "allowance": cents / CENTS,
        }
    columns = [text("segment", "segment"), text("bucket", "days past due"), count("items", "items"), money("open", "open (gross)"),
               share("rate", "rate"), money("allowance", "allowance")]  # fmt: skip
    note = "" if not extra else f"Of it overlays {extra / CENTS:,.2f}."
    return Table(
        name="matrix", title="Provision matrix", columns=columns, frame=frame.reset_index(drop=True), note=note
    )


def _rates(found: Provisions, policy: ProvisionPolicy) -> Table:
    """Roll and loss rates of the history, one row a segment and bucket."""
    rows = []
    history = found.history
    for segment in found.rates.rates.index:
        has_own = segment in history.entered.index
        for place, bucket in enumerate(BUCKETS):
            entered = history.entered.loc[segment, bucket] / CENTS if has_own else None
            before = history.entered.loc[segment, BUCKETS[place - 1]] / CENTS if has_own and place else None
            rows.append({
                "segment": segment, "bucket": AGEING[place].label, "entered": entered,
                "roll": entered / before if entered is not None and before else None,
                "lost": history.lost.loc[segment, bucket] / CENTS if has_own else None,
                "rate": found.rates.rates.loc[segment, bucket],
                "items": int(history.items[segment]) if has_own else None,
                "lost_items": int(history.lost_items[segment]) if has_own else None, "source": found.rates.source[segment],
            })  # fmt: skip
    columns = [
        text("segment", "segment"), text("bucket", "days past due"), money("entered", "ever entered", is_summed=False), share("roll", "roll rate"),
        money("lost", "lost of it", is_summed=False), share("rate", "loss rate used"), number("items", "invoices", "integer"),
        number("lost_items", "with a loss", "integer"), text("source", "rates of"),
    ]  # fmt: skip
    note = f"A segment needs {policy.fewest_lost_items} invoices with a loss for rates of its own. Before the forward-looking factor."
    return Table(
        name="rates",
        title="Roll rates and loss rates of the history",
        columns=columns,
        frame=pd.DataFrame(rows),
        note=note,
    )


def _scenarios(policy: ProvisionPolicy, is_expedient: bool) -> Table:
    frame = pd.DataFrame([{"scenario": s.name, "weight": s.weight, "factor": s.factor} for s in policy.scenarios])
    columns = [text("scenario", "scenario"), share("weight", "weight"), number("factor", "factor on loss rates")]
    note = (
        "Not used: current conditions are kept (ASU 2025-05)."
        if is_expedient
        else f"Weighted factor {policy.forward_factor:.4f}."
    )
    return Table(name="scenarios", title="Forward-looking scenarios", columns=columns, frame=frame, note=note)


def _overlays(policy: ProvisionPolicy, found: Provisions) -> Table:
    rows = [
        {"overlay": o.name, "reason": o.reason, "expires_on": pd.Timestamp(o.expires_on),
         "allowance": found.allowance.overlays.get(o.name, 0) / CENTS,
         "state": "ended, not applied" if o.name in found.allowance.expired else "applied"}
        for o in policy.overlays
    ]  # fmt: skip
    columns = [text("overlay", "overlay"), text("reason", "reason"), Column(name="expires_on", label="ends", kind=DATE),
               text("state", "state"), money("allowance", "allowance")]  # fmt: skip
    return Table(
        name="overlays",
        title="Management overlays",
        columns=columns,
        frame=pd.DataFrame(rows, columns=[c.name for c in columns]),
    )


def _movement(moved: Moved) -> Table:
    names = ("opening", *MOVEMENT, "closing")
    frame = pd.DataFrame({
        "name": names, "line": [MOVEMENT_WORDS[n] for n in names], "amount": [moved.lines[n] / CENTS for n in names],
    })  # fmt: skip
    columns = [
        Column(name="name", label="name", audience="files"),
        text("line", ""),
        money("amount", "allowance", is_summed=False),
    ]
    return Table(name="movement", title=f"Why the allowance moved since {moved.since}", columns=columns, frame=frame,
                 note="Opening and the lines between sum to closing, to the cent.")  # fmt: skip


def _roll_forward(moved: Moved) -> Table:
    lines = (("opening", "opening allowance", moved.lines["opening"]), ("charge", "charge of the period (profit and loss)", moved.charge),
             ("written_off", "written off", -moved.written_off), ("recovered", "recovered of earlier write-offs", moved.recovered),
             ("closing", "closing allowance", moved.lines["closing"]))  # fmt: skip
    frame = pd.DataFrame([{"name": n, "line": w, "amount": c / CENTS} for n, w, c in lines])
    columns = [
        Column(name="name", label="name", audience="files"),
        text("line", ""),
        money("amount", "amount", is_summed=False),
    ]
    return Table(name="roll_forward", title=f"Roll-forward since {moved.since}", columns=columns, frame=frame)


def _movement_chart(moved: Moved, currency: str | None) -> Chart:
    values = [moved.lines[n] / CENTS for n in MOVEMENT]
    largest = max(MOVEMENT, key=lambda n: abs(moved.lines[n]))
    return Chart(
        name="movement", kind="bars", unit=currency or "", categories=[n.replace("_", " ") for n in MOVEMENT],
        title=f"Largest change since {moved.since}: {MOVEMENT_WORDS[largest]}, {moved.lines[largest] / CENTS:+,.2f}",
        series={"change of the allowance": values},
    )  # fmt: skip


def _collections(found: Provisions) -> Table:
    own = found.items
    sums = own.groupby("bucket").agg(open=("open_cents", "sum"), collected=("collected_cents", "sum")).reset_index()
    frame = pd.DataFrame({"bucket": _labels(sums["bucket"]), "open": sums["open"] / CENTS, "collected": sums["collected"] / CENTS,
                          "left": (sums["open"] - sums["collected"]) / CENTS})  # fmt: skip
    columns = [
        text("bucket", "days past due"),
        money("open", "open on the day"),
        money("collected", "collected since"),
        money("left", "left: needs an allowance"),
    ]
    return Table(
        name="collections", title="Collections after the balance-sheet day (ASU 2025-05)", columns=columns, frame=frame
    )


def _lifetime(found: Provisions, policy: ProvisionPolicy, scores: CustomerScores, lgd: LgdTable) -> Table:
    """The PD · LGD · EAD allowance over the remaining life by segment, next to the matrix's."""
    own = found.items
    collected = own.get("collected_cents", 0)
    ead = (own["open_cents"] - collected).clip(lower=0) / CENTS
    # the part that an insurer pays, by the policy's share of claims that it does
    insured = np.minimum(own["insured_cents"] / CENTS, ead) * (1.0 - policy.insurer_refusal_share)
    pds = scores.pd_of(own["customer_id"]).to_numpy()
    severity = np.array([lgd.of(s).value for s in own["segment"]])
    lives = life_days(own, found.allowance.as_of, policy).astype(float)
    gross, net = (lifetime_loss(pds, severity, part.to_numpy(), lives) for part in (ead, ead - insured))
    matrix = found.allowance.items.merge(
        own[["invoice_id", "number", "segment"]], on=["invoice_id", "number"], suffixes=("", "_of_customer")
    )
    frame = pd.DataFrame(
        {"segment": own["segment"], "ead": ead, "without_pd": ead.where(np.isnan(pds), 0.0), "gross": gross, "net": net}
    )
    sums = frame.groupby("segment")[["ead", "without_pd", "gross", "net"]].sum()
    sums["matrix"] = matrix.groupby("segment_of_customer")["allowance_cents"].sum() / CENTS
    shown = sums.reset_index().round({"gross": 2, "net": 2})
    columns = [
        text("segment", "segment"), money("ead", "exposure"), money("without_pd", "of it without a PD"), money("gross", "PD · LGD · EAD, remaining life"),
        money("net", "the same, net of cover"), money("matrix", "provision matrix, before overlays"),
    ]  # fmt: skip
    if not scores.is_known:
        shown = shown.iloc[:0]
    note = (
        f"PD at the constant hazard of the 12-month PD over the days until due and {policy.least_life_days} more; {INSURED} parts count with "
        f"{100 * policy.insurer_refusal_share:.0f} % refused. Exposure without a PD is in neither sum." if scores.is_known else scores.source
    )  # fmt: skip
    return Table(
        name="lifetime",
        title="PD · LGD · EAD over the remaining life, for comparison",
        columns=columns,
        frame=shown,
        note=note,
    )
