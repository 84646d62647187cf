"""The credit committee's report: one page of what the month was, every table with the command that gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from decisions.customer_scores import CustomerScores
from decisions.monthly.cover import lgd_words
from decisions.report import (
    DATE,
    DAYS,
    MONEY,
    NUMBER,
    RATIO,
    SHARE,
    Chart,
    Column,
    Report,
    Table,
    count,
    money,
    number,
    share,
    text,
)
from ledger.ageing import OpenBook
from ledger.buckets import AGEING
from ledger.currency import CENTS, reporting_currency
from ledger.default_status import DefaultPolicy, default_spells
from ledger.known import day, known_rows
from ledger.ledger import TABLES, Ledger
from ledger.lgd import LgdTable
from ledger.master import master_on
from ledger.open_positions import bills_on, owners_on
from ledger.receivables_series import kpi_series
from ledger.settlement import Settlement
from models.rating_scale import IN_DEFAULT

KEY_FIGURES = (
    ("closing", "open balance", MONEY), ("overdue", "overdue (disputed included)", MONEY), ("overdue_share", "overdue share", SHARE),
    ("dso", "DSO, days", DAYS), ("average_days_delinquent", "ADD, days", DAYS), ("collection_effectiveness", "CEI, of 100", NUMBER),
    ("days_beyond_terms_paid", "DBT paid, days", DAYS), ("ten_largest_share", "ten largest customers", SHARE), ("hhi", "HHI of customers", SHARE),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Governance:
    """What the registry, the journal and the decision log say; every frame may be empty, `why_not` says why.

    models : name, version, since, by, metric, value, low, high. changes : at, action, model, version, by, why, of the month.
    policies : kind, name, version, first_used, decisions: policies that decisions of the log used. overrides : decided_on,
    decision_id, customer_id, by, confirmed_by, recommended, decided, reason. decisions : action, count of the month.
    monitor : on, model, version, level (alarm, note, outcome), text: the last results of `tradecredit monitor` until the day of
    the report.
    """

    models: pd.DataFrame
    changes: pd.DataFrame
    policies: pd.DataFrame
    overrides: pd.DataFrame
    decisions: pd.DataFrame
    monitor: pd.DataFrame
    why_not: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class CommitteeScores:
    """PDs of the day, of the last month's end and of a year ago (for expected against realised losses)."""

    now: CustomerScores
    before: CustomerScores
    year_ago: CustomerScores


def committee_report(
    ledger: Ledger, settlement: Settlement, as_of: date, before: date, scores: CommitteeScores, lgd: LgdTable,
    default_policy: DefaultPolicy, governance: Governance, grades: Sequence[str], *, place: str, command: str,
) -> Report:  # fmt: skip
    """Return the committee's report of the time since `before`.

    grades : the master scale's names, best first. place : the ledger as the commands in the report name it.
    """
    series = kpi_series(ledger, _months(before, as_of), settlement=settlement)
    book = OpenBook.of(ledger, as_of)
    exposure = {on: exposures(ledger, settlement, on) for on in (as_of, before)}
    spells = default_spells(ledger, default_policy, until=as_of, settlement=settlement)
    tables = [
        _changed(series, exposure, scores, as_of, before, place), _portfolio(book, as_of, place), _grades(exposure[as_of], scores.now, grades, as_of, place),
        _migration(exposure[as_of], scores, grades, as_of, before, place), _losses(ledger, settlement, spells, scores, lgd, as_of, place),
        *_limits(ledger, settlement, exposure[as_of], as_of, place), _watch(spells, exposure[as_of], ledger, as_of, before),
        *_governance_tables(governance, spells, as_of, place),
    ]  # fmt: skip
    return Report(
        name="committee", title="Report to the credit committee", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger), tables=tables, charts=_charts(series, exposure[as_of], scores.now, grades, as_of),
        facts={"since": before.isoformat(), "pd": scores.now.source, "lgd": lgd_words(lgd)},
        warnings=tuple(dict.fromkeys([*governance.why_not, *(s.source for s in (scores.now, scores.before) if not s.is_known)])),
    )  # fmt: skip


def _months(before: date, as_of: date) -> list[date]:
    ends = [before, *((pd.Timestamp(before) - pd.offsets.MonthEnd(k)).date() for k in range(1, 12))]
    return [*reversed(ends), as_of]


def exposures(ledger: Ledger, settlement: Settlement, on: date) -> pd.Series:
    """Return each customer's exposure on a day in currency units: open and bills that have not matured, less unapplied
    credits, at least 0; customers without any are left out.
    """
    state = settlement.at(on)
    open_cents = state.groupby("customer_id")["open_cents"].sum()
    loose = settlement.unapplied_at(on).groupby("customer_id")["unapplied_cents"].sum()
    drawn = bills_on(ledger, [(ledger, settlement)], on).groupby("customer_id")["reporting_cents"].sum()
    whole = open_cents.add(drawn, fill_value=0)
    whole = (whole - loose.reindex(whole.index).fillna(0)).clip(lower=0)
    return whole[whole > 0].astype(float) / CENTS


def _changed(
    series: pd.DataFrame,
    exposure: dict[date, pd.Series],
    scores: CommitteeScores,
    as_of: date,
    before: date,
    place: str,
) -> Table:
    """Key figures now and at the last month's end."""
    by_day = series.set_index("as_of")
    now, then = (by_day.loc[pd.Timestamp(on)] for on in (as_of, before))
    rows: list[dict[str, object]] = [
        {"name": name, "figure": label, "kind": kind, "before": then[name], "now": now[name]}
        for name, label, kind in KEY_FIGURES
    ]
    rows.append(
        {
            "name": "customers",
            "figure": "customers with an exposure",
            "kind": "integer",
            "before": len(exposure[before]),
            "now": len(exposure[as_of]),
        }
    )
    if scores.now.is_known and scores.before.is_known:
        mean = [_mean_pd(exposure[on], own) for on, own in ((before, scores.before), (as_of, scores.now))]
        rows.append(
            {
                "name": "mean_pd",
                "figure": "mean PD, weighted by exposure, defaulted customers left out",
                "kind": SHARE,
                "before": mean[0],
                "now": mean[1],
            }
        )
    frame = pd.DataFrame(rows)
    frame["change"] = frame["now"].astype(float) - frame["before"].astype(float)
    for name in ("before", "now", "change"):
        frame[f"shown_{name}"] = [_shown(value, kind) for value, kind in zip(frame[name], frame["kind"], strict=True)]
    people = [
        Column(name=f"shown_{n}", label=label, audience="people")
        for n, label in (("before", str(before)), ("now", str(as_of)), ("change", "change"))
    ]
    files = [Column(name=n, label=n, kind=NUMBER, audience="files") for n in ("before", "now", "change")]
    columns = [Column(name="name", label="name", audience="files"), text("figure", "figure"), *people, *files]
    return Table(
        name="changed",
        title=f"What changed since {before}",
        columns=columns,
        frame=frame,
        command=f"tradecredit report kpi {place} --as-of {as_of} --months 13",
    )


def _shown(value: object, kind: str) -> str:
    from decisions.report import shown

    return shown(value, kind)


def _mean_pd(exposure: pd.Series, scores: CustomerScores) -> float:
    pds = scores.pd_of(exposure.index)
    counted = pds.notna() & (pds < 1)
    total = float(exposure[counted.to_numpy()].sum())
    return float((exposure[counted.to_numpy()] * pds[counted]).sum() / total) if total > 0 else np.nan


def _portfolio(book: OpenBook, as_of: date, place: str) -> Table:
    rows = book.aged("segment", in_reporting=True, with_items=False).rows
    columns = [
        text("key", "segment"), number("customers", "customers", "integer"), *(money(b.name, b.label) for b in AGEING),
        money("disputed", "disputed"), money("open", "open (gross)"), money("net", "net"), money("bills", "bills not matured"),
    ]  # fmt: skip
    return Table(name="portfolio", title="Portfolio by segment and days past due", columns=columns, frame=rows,
                 note="Buckets hold undisputed items by days past due.",
                 command=f"tradecredit report ageing {place} --as-of {as_of} --by segment --in reporting")  # fmt: skip


def _grades(exposure: pd.Series, scores: CustomerScores, grades: Sequence[str], as_of: date, place: str) -> Table:
    frame = pd.DataFrame({"exposure": exposure, "pd": scores.pd_of(exposure.index).to_numpy()})
    frame["grade"] = (
        scores.frame["grade"].reindex(exposure.index).astype(object).fillna("no grade").to_numpy()
        if scores.is_known
        else "no grade"
    )
    sums = frame.groupby("grade").agg(customers=("exposure", "size"), exposure=("exposure", "sum"), pd=("pd", "mean"))
    order = [g for g in [*grades, IN_DEFAULT, "no grade"] if g in sums.index]
    shown = sums.loc[[*order, *(g for g in sums.index if g not in order)]].reset_index()
    shown["share"] = shown["exposure"] / exposure.sum() if len(exposure) else np.nan
    columns = [
        text("grade", "grade"),
        count("customers", "customers"),
        money("exposure", "exposure"),
        share("share", "share"),
        share("pd", "mean PD"),
    ]
    return Table(name="grades", title="Exposure by grade", columns=columns, frame=shown,
                 command=f"tradecredit score {place} --as-of {as_of} --out scores.parquet")  # fmt: skip


def migration(before: CustomerScores, now: CustomerScores, grades: Sequence[str]) -> pd.DataFrame:
    """Return how many customers went from each grade (rows) to each (columns); `none`: without a grade on that day."""
    names = [*grades, IN_DEFAULT, "none"]
    ids = sorted({*before.frame.index, *now.frame.index})
    pair = pd.DataFrame({
        side: scores.frame["grade"].reindex(ids).astype(object).fillna("none").to_numpy()
        for side, scores in (("before", before), ("now", now))
    })  # fmt: skip
    counts = pd.crosstab(pair["before"], pair["now"])
    used = [g for g in names if g in counts.index or g in counts.columns]
    used += sorted({*counts.index, *counts.columns} - set(used))
    return counts.reindex(index=used, columns=used, fill_value=0)


def _migration(
    exposure: pd.Series, scores: CommitteeScores, grades: Sequence[str], as_of: date, before: date, place: str
) -> Table:
    title = f"Migration between grades, {before} (rows) to {as_of} (columns), customers"
    if not (scores.now.is_known and scores.before.is_known):
        return Table(
            name="migration",
            title=title,
            columns=[text("from", "from")],
            frame=pd.DataFrame({"from": []}),
            note=scores.before.source,
        )
    counts = migration(scores.before, scores.now, grades)
    better, worse = _moves(counts)
    frame = counts.reset_index(names="from")
    columns = [text("from", "from"), *(count(str(g), str(g)) for g in counts.columns)]
    return Table(name="migration", title=title, columns=columns, frame=frame, note=f"{better:,} customers have a better grade, {worse:,} a worse one.",
                 command=f"tradecredit score {place} --as-of {before} --out before.parquet; tradecredit score {place} --as-of {as_of} --out now.parquet")  # fmt: skip


def _moves(counts: pd.DataFrame) -> tuple[int, int]:
    """How many customers have a better and a worse grade than before; those without one on either day are in neither."""
    named = counts.drop(index="none", columns="none", errors="ignore").reindex(
        columns=[g for g in counts.index if g != "none"]
    )
    matrix = named.to_numpy(dtype=np.int64)
    return int(np.tril(matrix, -1).sum()), int(np.triu(matrix, 1).sum())


def _losses(
    ledger: Ledger,
    settlement: Settlement,
    spells: pd.DataFrame,
    scores: CommitteeScores,
    lgd: LgdTable,
    as_of: date,
    place: str,
) -> Table:
    """Expected a year ago against what happened since: defaults and losses of the customers that had a PD then."""
    start = (pd.Timestamp(as_of) - pd.DateOffset(years=1)).date()
    exposure = exposures(ledger, settlement, start)
    rows: list[tuple[str, str, float]] = []
    entered = spells[(spells["entered_on"] > pd.Timestamp(start)) & (spells["entered_on"] <= pd.Timestamp(as_of))]
    note = ""
    if scores.year_ago.is_known:
        pds = scores.year_ago.frame["pd"]
        pds = pds[pds.notna() & (pds < 1)]
        severity = pd.Series(
            [lgd.of(s).value for s in master_on(ledger, start)["segment"].reindex(pds.index)], index=pds.index
        )
        expected = float((pds * severity * exposure.reindex(pds.index).fillna(0.0)).sum())
        rows += [("expected_defaults", "defaults expected (sum of PDs)", float(pds.sum())),
                 ("realised_defaults", "customers of these that defaulted", float(entered["customer_id"].isin(pds.index).groupby(entered["customer_id"]).any().sum())),
                 ("expected_loss", "loss expected (PD · LGD · exposure of then)", expected)]  # fmt: skip
    else:
        note = f"Nothing is expected where there is no PD of {start}: {scores.year_ago.source}."
        rows.append(("realised_defaults", "customers that defaulted", float(entered["customer_id"].nunique())))
    rows.append(("written_off", "written off in the year", _written_off(settlement, start, as_of)))
    frame = pd.DataFrame(rows, columns=["name", "figure", "value"])
    columns = [
        Column(name="name", label="name", audience="files"),
        text("figure", "figure"),
        number("value", "value", NUMBER),
    ]
    return Table(name="losses", title=f"Losses against expectation, {start} to {as_of}", columns=columns, frame=frame, note=note,
                 command=f"tradecredit report provisions {place} --as-of {as_of} --since {start}")  # fmt: skip


def _written_off(settlement: Settlement, first: date, last: date) -> float:
    def total(on: date) -> float:
        state = settlement.at(on)
        rate = state["amount_cents"] / state["document_amount_cents"].clip(lower=1)
        return float((state["document_written_off_cents"] * rate).round().sum()) / CENTS

    return round(total(last) - total(first), 2)


def limits_on(ledger: Ledger, settlement: Settlement, as_of: date) -> pd.Series:
    """Return the credit limit in force of each customer as known on a day, in the reporting currency; NaN: none given."""
    table, at = ledger["credit_terms"], day(as_of)
    is_known = known_rows(table, TABLES["credit_terms"], at)
    own = table[is_known].sort_values("effective_on", kind="stable")
    own = own.assign(customer_id=owners_on(settlement.owners, own["customer_id"], as_of))
    return own.drop_duplicates("customer_id", keep="last").set_index("customer_id")["credit_limit"].astype(float)


def _limits(ledger: Ledger, settlement: Settlement, exposure: pd.Series, as_of: date, place: str) -> list[Table]:
    limit = limits_on(ledger, settlement, as_of)
    own = pd.DataFrame({"exposure": exposure, "limit": limit.reindex(exposure.index)})
    has = own["limit"].notna()
    use = own["exposure"] / own["limit"].where(own["limit"] > 0)
    kinds = np.select(
        [~has, own["limit"] <= 0, use > 1, use > 0.9, use > 0.5],
        ["no limit given", "limit 0", "above the limit", "90–100 % used", "50–90 % used"],
        "at most half used",
    )
    sums = (
        own.assign(use=kinds)
        .groupby("use")
        .agg(customers=("exposure", "size"), exposure=("exposure", "sum"), limit=("limit", "sum"))
    )
    order = ["at most half used", "50–90 % used", "90–100 % used", "above the limit", "limit 0", "no limit given"]
    frame = sums.reindex([k for k in order if k in sums.index]).reset_index()
    columns = [
        text("use", "use"),
        count("customers", "customers"),
        money("exposure", "exposure"),
        money("limit", "limits"),
    ]
    master = master_on(ledger, as_of)
    over = own[has & (own["exposure"] > own["limit"])].copy()
    over["excess"] = over["exposure"] - over["limit"]
    over["name"] = master["name"].reindex(over.index)
    over = over.sort_values("excess", ascending=False).reset_index(names="customer_id")
    breach_columns = [
        text("customer_id", "customer"),
        text("name", "name"),
        money("limit", "limit"),
        money("exposure", "exposure"),
        money("excess", "above the limit"),
    ]
    return [
        Table(name="limit_use", title="Use of credit limits", columns=columns, frame=frame,
              command=f"tradecredit report committee {place} --as-of {as_of} --json"),
        Table(name="breaches", title="Exposure above the limit", columns=breach_columns, frame=over, terminal_rows=10,
              command=f"tradecredit report ageing {place} --as-of {as_of} --by customer --in reporting"),
    ]  # fmt: skip


def _watch(spells: pd.DataFrame, exposure: pd.Series, ledger: Ledger, as_of: date, before: date) -> Table:
    """Customers that entered or left default since the last month's end."""
    since, until = pd.Timestamp(before), pd.Timestamp(as_of)
    entered = spells[(spells["entered_on"] > since) & (spells["entered_on"] <= until)].assign(
        what="entered default", on=lambda f: f["entered_on"]
    )
    cured = spells[(spells["cured_on"] > since) & (spells["cured_on"] <= until)].assign(
        what="left default", on=lambda f: f["cured_on"]
    )
    both = pd.concat([entered, cured], ignore_index=True)
    frame = pd.DataFrame({
        "on": both["on"], "what": both["what"], "customer_id": both["customer_id"], "name": both["customer_id"].map(master_on(ledger, as_of)["name"]),
        "kind": both["kind"], "exposure": exposure.reindex(both["customer_id"]).fillna(0.0).to_numpy(dtype=float),
    }).sort_values(["on", "customer_id"])  # fmt: skip
    columns = [
        Column(name="on", label="day", kind=DATE),
        text("what", ""),
        text("customer_id", "customer"),
        text("name", "name"),
        text("kind", "why"),
        money("exposure", "exposure now"),
    ]
    return Table(name="defaults", title=f"Defaults entered and left since {before}", columns=columns, frame=frame)


def _last_day(monitor: pd.DataFrame) -> str:
    """Return " on DAY" of the newest monitor result, "" where there is none."""
    return f" on {monitor['on'].max().date()}" if len(monitor) else ""


def _governance_tables(found: Governance, spells: pd.DataFrame, as_of: date, place: str) -> list[Table]:
    overrides = found.overrides.copy()
    in_default = set(spells.loc[spells["cured_on"].isna(), "customer_id"])
    since = {str(c): on for c, on in spells.groupby("customer_id")["entered_on"].max().items()}
    overrides["outcome"] = [
        f"in default since {since[c].date()}" if c in in_default else "not in default"
        for c in overrides["customer_id"].astype(str)
    ]
    return [
        Table(name="decisions", title="Decisions of the period", columns=[text("kind", "kind"), text("action", "action"), count("count", "decisions")], frame=found.decisions,
              command="tradecredit audit verify"),
        Table(name="overrides", title="Overrides and their outcomes so far", frame=overrides, command="tradecredit audit sample --n 25 --seed 1 --out FOLDER",
              columns=[Column(name="decided_on", label="decided", kind=DATE), text("customer_id", "customer"), text("by", "by"), text("confirmed_by", "confirmed by"),
                       text("recommended", "recommended"), text("decided", "decided as"), text("reason", "reason"), text("outcome", f"outcome by {as_of}"),
                       Column(name="decision_id", label="decision", audience="files")]),
        Table(name="models", title="Models that are served, with their measured quality", frame=found.models, command="tradecredit journal",
              columns=[text("model", "model"), text("version", "version"), text("since", "champion since"), text("by", "promoted by"), text("metric", "metric"),
                       number("value", "value", RATIO), number("low", "95 % from", RATIO), number("high", "to", RATIO)]),
        Table(name="monitor", title=f"What the monitor found{_last_day(found.monitor)}", frame=found.monitor,
              command=f"tradecredit monitor {place} --as-of {as_of}",
              note="" if len(found.monitor) else "Not given: no result of `tradecredit monitor` until this day.",
              columns=[Column(name="on", label="day looked at", kind=DATE), text("model", "model"), text("version", "version"),
                       text("level", "level"), text("text", "finding")]),
        Table(name="model_changes", title="Changes of models since the last month's end", frame=found.changes, command="tradecredit journal",
              columns=[text("at", "at"), text("action", "action"), text("model", "model"), text("version", "version"), text("by", "by"), text("why", "why")]),
        Table(name="policies", title="Policies that decisions used", frame=found.policies, command="tradecredit policy show",
              columns=[text("policy", "policy"), text("version", "version"), Column(name="first_used", label="first used", kind=DATE),
                       Column(name="last_used", label="last used", kind=DATE), count("decisions", "decisions"), Column(name="is_new", label="new since the last month's end", kind="flag")]),
    ]  # fmt: skip


def _charts(
    series: pd.DataFrame, exposure: pd.Series, scores: CustomerScores, grades: Sequence[str], as_of: date
) -> list[Chart]:
    labels = [pd.Timestamp(d).strftime("%b %y") for d in series["as_of"]]

    def values(name: str, factor: float = 1.0) -> list[float | None]:
        return [None if pd.isna(v) else round(float(v) * factor, 4) for v in series[name]]

    charts = [
        Chart(name="dso", kind="line", unit="days", categories=labels, title="DSO and days delinquent",
              series={"DSO": values("dso"), "ADD": values("average_days_delinquent")}),
        Chart(name="balance", kind="stacked", unit="", categories=labels, title="Open balance, of it overdue",
              series={"not past due": values("current"), "overdue": values("overdue")}),
    ]  # fmt: skip
    if scores.is_known and len(exposure):
        grade = scores.frame["grade"].reindex(exposure.index)
        sums = exposure.groupby(grade.to_numpy()).sum()
        order = [g for g in [*grades, IN_DEFAULT] if g in sums.index]
        charts.append(Chart(name="grades", kind="bars", unit="", categories=order, title=f"Exposure by grade on {as_of}",
                            series={"exposure": [float(sums[g]) for g in order]}))  # fmt: skip
    return charts


__all__ = ["CommitteeScores", "Governance", "committee_report", "exposures", "limits_on", "migration"]
