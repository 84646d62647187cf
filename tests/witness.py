"""The witness of a refactoring: a digest of everything that the program computes, to compare before and after.

`python -m tests.witness --small --out before.json` writes it, `python -m tests.witness --small --against before.json`
compares with it. A section is a set of parts, a part a set of columns. A column's line holds 16 digits of its SHA-256
and a few figures, so that a difference can be found; parts and sections hold the whole SHA-256 of theirs. Floats count
to 10 significant digits. Instants, ids that are drawn, hashes, paths and versions are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from decisions.cash_forecast import forecast
from decisions.inflow import month_ends_after, week_ends
from features.catalogue import CATALOGUE
from features.engine.histories import build, build_items, missing_codes
from features.engine.prepared import PreparedLedger, prepare
from features.engine.snapshots import active, month_ends
from features.language import Level
from importing.engine.format import Format
from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import read_mapping
from ledger.accounts import accounts, usual_invoices
from ledger.default_status import POLICIES, PRIMARY, default_spells, in_default
from ledger.ledger import Ledger, read_ledger
from ledger.open_items import open_items_on
from ledger.quality.report import quality
from ledger.receivables import ageing, figures
from ledger.settlement import settle
from ledger.timeline import timeline
from ledger.validation import connect
from models.default.model import DefaultModel
from models.delay.model import DelayModel
from models.registry import Settings
from sample.generator import Sample, sample, write_sample
from serving import answers, decide, pages, what_if
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.messages import (
    DecideRequest,
    ExplainRequest,
    LedgerRequest,
    PaymentsRequest,
    ReviewRequest,
    ScoreRequest,
    WhatIfRequest,
)
from tests import conftest  # noqa: F401  no telemetry, few threads
from tests.books import odd_ledger
from tests.golden import importing
from tests.served import champions, customer_with, small
from training.default import fit as default_fit
from training.default.ensembles import Shape
from training.delay import fit as delay_fit
from training.delay.samples import outcomes
from training.labels import default_labels, delay_labels
from training.lifecycle.monitor import Observed, drift

SHARED = Path(__file__).parents[2] / "shared" / "data"
REAL = {
    "datarisk": ("datarisk/base_cadastral.csv", "datarisk/base_info.csv", "datarisk/base_pagamentos.csv"),
    "highradius": ("highradius/invoices.csv",),
    "highradius open": ("highradius/open_invoices_export.csv",),
    "ibm": ("ibm/WA_Fn-UseC_-Accounts-Receivable.csv",),
}
REAL_KNOWN_ON = date(2026, 1, 1)
ABSENT, NOT_IN_SMALL = "skipped: absent", "skipped: only in the full form"
LEFT_OUT = frozenset({
    "decision_id", "review_id", "request_id", "run_id", "version", "digest", "fingerprint", "sha256", "served_since",
    "promoted_at", "decided_at", "at", "folder", "path",
})  # fmt: skip
DRAWN_IDS = re.compile(r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b")
SPECIAL = (None, "no_history", "in_default", "stale_data", "merged")

Columns = dict[str, list[Any]]
Parts = dict[str, Columns | str]
Digest = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much one form computes. is_full : whether the training recipes run and the real exports are imported."""

    name: str
    customers: int
    months: int
    month_ends: int
    every_item: int
    scored: int
    paths: int
    is_full: bool


SMALL = Size(
    name="small", customers=150, months=24, month_ends=4, every_item=8, scored=8, paths=300, is_full=False
)  # fmt: skip
FULL = Size(
    name="full", customers=600, months=36, month_ends=12, every_item=4, scored=60, paths=1000, is_full=True
)  # fmt: skip


# What is digested: columns of values, from frames and from JSON.


def text_of(value: Any) -> str:
    """Write one value as the text that is hashed: floats to 10 significant digits, days as ISO, nothing for missing."""
    match value:
        case None:
            return ""
        case bool() | np.bool_():
            return "true" if value else "false"
        case int() | np.integer():
            return str(int(value))
        case float() | np.floating():
            return "" if math.isnan(value) else f"{float(value) + 0.0:.10g}"
        case datetime():
            return "" if pd.isna(value) else value.isoformat().removesuffix("T00:00:00")
        case date():
            return value.isoformat()
        case pd.Timedelta():
            return f"{value.total_seconds():.10g} s"
        case _:
            return "" if value is pd.NA or value is pd.NaT else str(value)


def of_frame(frame: pd.DataFrame, *, is_sorted: bool = False) -> Columns:
    """Take the columns of a frame, a named index with them; `is_sorted` puts the rows in the order of their texts."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    columns: Columns = {str(name): frame.iloc[:, place].astype(object).tolist() for place, name in enumerate(frame)}
    if not is_sorted or not columns:
        return columns
    texts = list(zip(*([text_of(value) for value in values] for values in columns.values()), strict=True))
    order = sorted(range(len(texts)), key=texts.__getitem__)
    return {name: [values[i] for i in order] for name, values in columns.items()}


def of_json(value: Any) -> Columns:
    """Take the leaves of JSON as columns by their paths, the entries of a list under one another."""
    found: Columns = {}

    def walk(path: str, inner: Any) -> None:
        if isinstance(inner, Mapping):
            found.setdefault(f"{path}{{}}", []).append(len(inner))
            for key, part in sorted(inner.items(), key=lambda item: str(item[0])):
                if key not in LEFT_OUT:
                    walk(f"{path}.{key}" if path else str(key), part)
        elif isinstance(inner, list | tuple | np.ndarray):
            found.setdefault(f"{path}[]", []).append(len(inner))
            for part in inner:
                walk(f"{path}[]", part)
        else:
            found.setdefault(path, []).append(inner)

    walk("", value)
    return found


def line_of(values: Sequence[Any]) -> str:
    """Write a column's line: 16 digits of its SHA-256, its count, and the figures of its numbers and of its texts."""
    texts = [text_of(value) for value in values]
    line = f"{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:16]} {len(texts)} values"
    if empty := sum(not text for text in texts):
        line += f", {empty} empty"
    numbers = [float(v) for v in values if isinstance(v, int | float | np.number | np.bool_) and math.isfinite(v)]
    if numbers:
        total = math.fsum(numbers)
        line += f", sum {total:.10g}, mean {total / len(numbers):.10g}, {min(numbers):.6g} to {max(numbers):.6g}"
    words = {
        t for t, v in zip(texts, values, strict=True) if t and not isinstance(v, int | float | np.number | np.bool_)
    }
    if words:
        line += f", {len(words)} distinct, '{min(words)[:24]}' to '{max(words)[:24]}'"
    return line


def described(parts: Parts) -> Digest:
    """Make a section of the JSON file of its parts: SHA-256 of the section and of each part, and each column's line."""
    found: Digest = {}
    for name, columns in sorted(parts.items()):
        if isinstance(columns, str):
            found[name] = columns
            continue
        lines = {column: line_of(values) for column, values in columns.items()}
        found[name] = {"sha256": _sha256(json.dumps(list(lines.items()))), "columns": lines}
    whole = [(name, part if isinstance(part, str) else part["sha256"]) for name, part in found.items()]
    return {"sha256": _sha256(json.dumps(whole)), "parts": found}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The sections.


@cache
def _sample(size: Size) -> Sample:
    return sample(customers=size.customers, months=size.months, seed=1)


@cache
def _prepared(size: Size) -> PreparedLedger:
    return prepare(_sample(size).ledger)


@cache
def _odd_book() -> PreparedLedger:
    return prepare(odd_ledger())


def _books(size: Size) -> dict[str, PreparedLedger]:
    return {"sample": _prepared(size), "odd": _odd_book()}


def _last(prepared: PreparedLedger) -> pd.Timestamp:
    return pd.Timestamp(prepared.ledger.last_known_on)


def _month_ends(prepared: PreparedLedger, count: int, step: int) -> list[pd.Timestamp]:
    """`count` month ends, `step` months apart, the last of them the ledger's last."""
    last = _last(prepared)
    return list(month_ends(last - pd.DateOffset(months=count * step + 1), last)[::-1][::step][:count][::-1])


def sample_section(size: Size) -> Parts:
    """Every table of the sample ledger and of its truth, in memory and as written to files."""
    made = _sample(size)
    parts: Parts = {f"memory {name}": of_frame(frame) for name, frame in made.ledger.tables.items() if len(frame)}
    parts |= {
        "truth": of_frame(made.truth), "truth_invoices": of_frame(made.truth_invoices),
        "truth_customers": of_frame(made.truth_customers), "ledger": {"fingerprint": [made.ledger.fingerprint]},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        rows = write_sample(Path(place), customers=size.customers, months=size.months, seed=1)
        read = read_ledger(place)
    parts |= {f"file {name}": of_frame(frame) for name, frame in read.tables.items() if len(frame)}
    return parts | {"rows written": of_json(rows), "odd ledger": {"fingerprint": [odd_ledger().fingerprint]}}


def importers_section(size: Size) -> Parts:
    """The ledger, quarantine and report of each golden import, and in the full form of the shared real exports."""
    parts: Parts = {}
    for name in importing.names():
        sources = sorted(p for p in (importing.FOLDER / name).iterdir() if p.is_file() and p.suffix != ".toml")
        mapping = importing.FOLDER / name / "mapping.toml"
        fmt = read_mapping(mapping) if mapping.exists() else format_named(name)
        parts |= _imported(name, fmt, sources, importing.KNOWN_ON)
    for name, files in REAL.items():
        sources = [SHARED / file for file in files]
        if not size.is_full:
            parts[f"real {name}"] = NOT_IN_SMALL
        elif not all(source.exists() for source in sources):
            parts[f"real {name}"] = ABSENT
        else:
            parts |= _imported(f"real {name}", format_named(name.split()[0]), sources, REAL_KNOWN_ON)
    return parts


def _imported(name: str, fmt: Format, sources: list[Path], known_on: date) -> Parts:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "ledger"
        report = import_files(fmt, sources, out, Options(known_on=known_on))
        tables = {table: frame for table, frame in read_ledger(out).tables.items() if len(frame)}
        lost = connect().execute(
            "SELECT source_file, line, array_to_string(reasons, ' | ') AS reasons FROM read_parquet(?)",
            [str(out / "quarantine.parquet")],
        ).df()  # fmt: skip
    parts: Parts = {f"{name} {table}": of_frame(frame, is_sorted=True) for table, frame in tables.items()}
    parts[f"{name} quarantine"] = of_frame(lost, is_sorted=True)
    return parts | {f"{name} report": of_json(report)}


def features_section(size: Size) -> Parts:
    """The customer matrix at month ends, the item matrix of past and of open invoices, and why values are missing."""
    parts: Parts = {}
    for name, prepared in _books(size).items():
        X = build(prepared, active(prepared, _month_ends(prepared, size.month_ends, 2)))
        parts[f"{name} customers"] = of_frame(X)
        parts[f"{name} customers, missing codes"] = of_frame(missing_codes(prepared, X))
        asked = {"past": outcomes(prepared.ledger, _last(prepared)).items.iloc[:: size.every_item],
                 "open": open_items_on(prepared.ledger, prepared.settlement, _last(prepared))}  # fmt: skip
        for kind, items in asked.items():
            parts[f"{name} {kind} items asked"] = of_frame(items)
            X = build_items(prepared, items)
            parts[f"{name} {kind} items"] = of_frame(X)
            own = [column.name for column in CATALOGUE.columns(level=Level.ITEM)]
            parts[f"{name} {kind} items, missing codes"] = of_frame(missing_codes(prepared, X[own]))
    return parts


def labels_section(size: Size) -> Parts:
    """Defaults by each policy, who is in default, the spells, and the lateness of every invoice, known early and late."""
    parts: Parts = {}
    for name, prepared in _books(size).items():
        ledger, last = prepared.ledger, _last(prepared)
        snapshots = active(prepared, _month_ends(prepared, 8 if size.is_full else 4, 4))
        for policy in POLICIES.values():
            of_policy = f"{name} default {policy.name}"
            parts[of_policy] = of_frame(default_labels(ledger, snapshots, policy, settlement=prepared.settlement))
            parts[f"{of_policy}, spells"] = of_frame(
                default_spells(ledger, policy, until=last, settlement=prepared.settlement)
            )
        early = last - pd.DateOffset(months=6)
        parts[f"{name} default, known early"] = of_frame(default_labels(ledger, snapshots, PRIMARY, until=early))
        parts[f"{name} in default"] = {"in_default": list(in_default(ledger, snapshots, PRIMARY))}
        for until in (early, last):
            asked = outcomes(ledger, until)
            labels = delay_labels(ledger, asked.items, until=until)
            parts[f"{name} delay, known on {until.date()}"] = of_frame(
                pd.concat([asked.items[["invoice_id", "as_of"]], labels], axis=1).assign(
                    ended=asked.ended, is_paid=asked.is_paid, shown_open=asked.shown_open
                )
            )
    return parts


def receivables_section(size: Size) -> Parts:
    """Ageing, key figures, what settlement says of every invoice, accounts with their open items, usual invoices."""
    parts: Parts = {}
    for name, prepared in _books(size).items():
        ids = list(prepared.owners.ids)
        for day in _month_ends(prepared, 3, 5):
            on = f"{name} {day.date()}"
            at = int(np.datetime64(day, "D").astype(np.int64))
            found = accounts(prepared.settlement, ids, at)
            parts |= {
                f"{on} ageing": of_frame(ageing(prepared.ledger, day)),
                f"{on} ageing by customer": of_frame(ageing(prepared.ledger, day, by_customer=True)),
                f"{on} settlement": of_frame(settle(prepared.ledger).at(day)),
                f"{on} unapplied": of_frame(prepared.settlement.unapplied_at(day)),
                f"{on} accounts": of_frame(found.customers), f"{on} open items": of_frame(found.items),
                f"{on} usual invoices": of_frame(usual_invoices(prepared.settlement, ids, at)),
            }  # fmt: skip
            for days in (30, 90, 365):
                parts[f"{on} figures of {days} days"] = of_json(asdict(figures(prepared.ledger, day.date(), days)))
    return parts


def reports_section(size: Size) -> Parts:
    """The quality report, the drift between two days, and the lives of some invoices."""
    parts: Parts = {}
    for name, prepared in _books(size).items():
        parts[f"{name} quality"] = of_json(quality(prepared.ledger).as_json())
        issued = prepared.ledger.invoices
        some = issued.loc[issued["kind"] == "invoice", "invoice_id"].drop_duplicates().iloc[:: len(issued) // 12]
        lives = [timeline(prepared.ledger, str(invoice)).assign(of=invoice) for invoice in some]
        parts[f"{name} timelines"] = of_frame(pd.concat(lives, ignore_index=True))
    prepared = _prepared(size)
    before, _, after = _month_ends(prepared, 3, 5)
    parts["sample drift"] = of_frame(drift(Observed.on(prepared, before), Observed.on(prepared, after)))
    return parts


def models_section(size: Size) -> Parts:
    """Predictions, contributions and files of the two small models of the tests, and the scores of their ledger."""
    made = small()
    scorer, ids = made.scorer, list(made.prepared.prepared.owners.ids)
    scores = scorer.score(ids)
    parts: Parts = {
        "scores": of_frame(scores.customers), "reasons": of_frame(scorer.contributions(scores)),
        "payments": of_frame(scorer.payments(scores)),
    }  # fmt: skip
    return parts | _default_parts("default", made.default, scores.X) | _delay_parts(
        "delay", made.delay, made.prepared.prepared, size
    )  # fmt: skip


def _default_parts(name: str, model: DefaultModel, X: pd.DataFrame) -> Parts:
    base, parts = model.contributions(X)
    return {
        f"{name} input": of_frame(X), f"{name} predictions": of_frame(model.predict(X)),
        f"{name} contributions": of_frame(parts.assign(base=base)), f"{name} files": _files(model),
    }  # fmt: skip


def _delay_parts(name: str, model: DelayModel, prepared: PreparedLedger, size: Size) -> Parts:
    items = open_items_on(prepared.ledger, prepared.settlement, _last(prepared))
    X = build_items(prepared, items, list(model.needed))
    found: Parts = {
        f"{name} input": of_frame(X), f"{name} predictions": of_frame(model.predict(X, items)),
        f"{name} files": _files(model),
    }  # fmt: skip
    some = X.iloc[: 400 if size.is_full else 80]
    for headline in ("p_late_30", "days_late_mean"):
        base, parts = model.contributions(some, headline)
        found[f"{name} contributions to {headline}"] = of_frame(parts.assign(base=base))
    return found


def _files(model: DefaultModel | DelayModel) -> Columns:
    """The lines of each file that a model is stored as."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model.save(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_text(encoding="utf-8").splitlines() for path in files}


def training_section(size: Size) -> Parts:
    """Both training recipes from a ledger to a fitted model: figures, parameters, tables and what the models answer."""
    if not size.is_full:
        return {"training": NOT_IN_SMALL}
    known = sample(customers=700, months=48, seed=5)
    shape = Shape(near_rounds=20, rounds=20, folds=3, repeats=1, judged_repeats=2, every_month=3)
    fitted = default_fit.fit(known.ledger, as_of=known.ledger.last_known_on, seed=1, truth=known.truth, shape=shape)
    prepared = prepare(known.ledger)
    assert isinstance(fitted.model, DefaultModel)
    X = build(prepared, active(prepared, [_last(prepared)]), columns=fitted.model.needed)
    parts = _default_parts("default", fitted.model, X)
    own = sample(customers=150, months=24, seed=1)
    late = delay_fit.fit(own.ledger, as_of=own.ledger.last_known_on)
    assert isinstance(late.model, DelayModel)
    parts |= _delay_parts("delay", late.model, prepare(own.ledger), size)
    for name, made in (("default", fitted), ("delay", late)):
        parts |= {
            f"{name} metrics": of_json(made.metrics), f"{name} parameters": of_json(made.parameters),
            f"{name} example": of_frame(made.example),
            **{f"{name} table {table}": of_frame(frame) for table, frame in made.tables.items()},
        }  # fmt: skip
    return parts


def answers_section(size: Size) -> Parts:
    """What the service answers on each route and on its page, in both languages, about customers of every status."""
    chosen = [customer_with(special) for special in SPECIAL]
    with tempfile.TemporaryDirectory() as place:
        log = DecisionLog(Path(place) / "decisions.sqlite")
        try:
            parts: Parts = {name: of_json(answer) for name, answer in _answers(log, chosen, size)}
            served_models = ServedModels.of(Settings.from_environment(), champions())
            for special, customer in zip(SPECIAL, chosen, strict=True):
                for language in ("en", "zh"):
                    asked = pages.Asked(customer_id=customer, requested_limit="20,000", as_of="", language=language)
                    status, html = pages.workbench(served_models, log, asked, "http://witness")
                    lines = DRAWN_IDS.sub("ID", html).splitlines()
                    parts[f"page {language} {special or 'scored'}"] = {"status": [status], "lines": lines}
            return parts
        finally:
            log.close()


def _answers(log: DecisionLog, chosen: list[str], size: Size) -> Iterable[tuple[str, Any]]:
    served, ledger = champions(), small().ledger
    ids = list(dict.fromkeys([*chosen, *map(str, ledger.customers["customer_id"][: size.scored])]))
    early = (pd.Timestamp(ledger.last_known_on) - pd.DateOffset(months=4)).date()
    yield "score", answers.score(served, log, ScoreRequest(customer_ids=tuple(ids)))
    yield "score, early", answers.score(served, log, ScoreRequest(customer_ids=tuple(chosen[:4]), as_of=early))
    paid = answers.predict_payments(served, log, PaymentsRequest(customer_ids=tuple(ids)))
    yield "predict_payments", paid
    named = PaymentsRequest(invoice_ids=tuple(item["invoice_id"] for item in paid["items"][:3]))
    yield "predict_payments, named", answers.predict_payments(served, log, named)
    yield "health", answers.health(served)
    for special, customer in zip(SPECIAL, chosen, strict=True):
        of = special or "scored"
        for language in ("en", "zh"):
            for target in ("pd", "delay"):
                why = ExplainRequest(customer_id=customer, target=target, language=language)
                yield f"explain {target} {language} {of}", answers.explain(served, log, why)
            for limit in (5_000.0, 100_000.0):
                asked = ReviewRequest(customer_id=customer, requested_limit=limit, currency="EUR", language=language)
                yield f"review {limit:.0f} {language} {of}", answers.review(served, log, asked)
            supposed = _supposed(customer, language)
            yield f"what_if {language} {of}", what_if.what_if(served, log, supposed)
    asked = ReviewRequest(customer_id=chosen[0], requested_limit=100_000.0, currency="EUR")
    review = answers.review(served, log, asked)["decision_id"]
    proposed = DecideRequest(decision_id=review, action="approve", limit=1e5, by="ann", reason="visited on site")
    given = decide.decide(served, log, proposed)
    yield "decide, proposed", given
    confirmed = DecideRequest(decision_id=given["decision_id"], action="confirm", by="bob")
    yield "decide, confirmed", decide.decide(served, log, confirmed)
    yield "score_ledger", answers.score_ledger(served, log, _sent(ledger.of(ids[:12])))


def _supposed(customer: str, language: Any) -> WhatIfRequest:
    """A review with another value of two of the model's columns."""
    first, second = small().default.columns[:2]
    return WhatIfRequest(
        customer_id=customer, requested_limit=20_000.0, currency="EUR", language=language,
        features={first: None, second: 1.0},
    )  # fmt: skip


def _sent(ledger: Ledger) -> LedgerRequest:
    """A ledger as the body of a request: its rows without empty cells, days as text."""
    rows: dict[str, Any] = {
        name: tuple(
            {column: _cell(value) for column, value in row.items() if not pd.isna(value)}
            for row in frame.to_dict("records")
        )
        for name, frame in ledger.tables.items() if len(frame) and name != "macro"
    }  # fmt: skip
    return LedgerRequest(**rows)


def _cell(value: Any) -> Any:
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else value


def cash_section(size: Size) -> Parts:
    """The cash forecasts of the small delay model by week and by month, of independent and of dependent items."""
    made = small()
    prepared, last = made.prepared.prepared, _last(made.prepared.prepared)
    shared = replace(made.delay, facts={**made.delay.facts, "dependence_common": 0.05, "dependence_customer": 0.1})
    parts: Parts = {}
    for name, model in (("independent", made.delay), ("dependent", shared)):
        for period, (ends, days) in (("week", week_ends(last, 13)), ("month", month_ends_after(last, 6))):
            found = forecast(prepared, model, last, ends, paths=size.paths)
            parts[f"{name} {period}"] = of_frame(found.periods.assign(until=days))
            parts[f"{name} {period}, book"] = {
                "open_amount": [found.open_amount], "open_items": [found.open_items], "later": [found.later],
            }  # fmt: skip
    return parts


SECTIONS: dict[str, Callable[[Size], Parts]] = {
    "sample": sample_section,
    "importers": importers_section,
    "features": features_section,
    "labels": labels_section,
    "receivables": receivables_section,
    "reports": reports_section,
    "models": models_section,
    "training": training_section,
    "answers": answers_section,
    "cash": cash_section,
}


# The file, and two of them compared.


def digest(size: Size, only: Sequence[str] = ()) -> Digest:
    """Compute the digest of some sections, or of all; says on standard error how long each took."""
    sections = {}
    for name in only or SECTIONS:
        began = time.perf_counter()
        sections[name] = described(SECTIONS[name](size))
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return {"form": size.name, "sections": sections}


def differences(before: Digest, after: Digest) -> list[str]:
    """List what differs between two digests, one text a column: section, part, column, its line before and after.

    A section that only one of the two holds because of `--only` is not compared.
    """
    if before["form"] != after["form"]:
        return [f"the forms differ: {before['form']} before, {after['form']} after"]
    found = []
    for section in (name for name in before["sections"] if name in after["sections"]):
        was, now = (d["sections"][section]["parts"] for d in (before, after))
        for part in sorted(was.keys() | now.keys()):
            old, new = (_lines(parts.get(part)) for parts in (was, now))
            found += [
                f"{section} / {part} / {column}\n    before: {old.get(column, 'not there')}\n"
                f"    after:  {new.get(column, 'not there')}"
                for column in sorted(old.keys() | new.keys())
                if old.get(column) != new.get(column)
            ]
            if old == new and list(old) != list(new):
                found.append(f"{section} / {part}: the same columns in another order")
    return found


def _lines(part: Any) -> dict[str, str]:
    """The columns' lines of a part; of a skipped one the word that says so; none of a part that is not there."""
    return {} if part is None else {"-": part} if isinstance(part, str) else part["columns"]


def written(found: Digest) -> str:
    """Write a digest as the text of its file, one column a line."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the digest, or compare it with another: 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.witness", description=__doc__)
    parser.add_argument("--small", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--only", action="append", default=[], choices=list(SECTIONS), metavar="SECTION")
    parser.add_argument("--out", type=Path, help="the file to write; standard output if absent")
    parser.add_argument("--against", type=Path, help="a file written earlier: print what differs from it")
    asked = parser.parse_args()
    found = digest(SMALL if asked.small else FULL, asked.only)
    if asked.out is not None:
        asked.out.write_text(written(found), encoding="utf-8")
    if asked.against is not None:
        differing = differences(json.loads(asked.against.read_text(encoding="utf-8")), found)
        print("\n".join([*differing, f"{len(differing)} columns differ" if differing else "no difference"]))
        return 1 if differing else 0
    if asked.out is None:
        print(written(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
