"""What a customer's page computes on demand: a what-if, the cheapest levers, what changed, another reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.changes import Changes, changes
from decisions.levers import Candidate, Lever, Outlook, cover, levers, pays, shorter_terms
from decisions.limits import recommend
from decisions.scenarios import scored_variants
from decisions.scorer import COLUMNS, Scorer, Scores
from ledger.credit_terms import terms_on
from models import registry
from models.default.model import DefaultModel
from models.explanation import Explanation, explain
from models.reference import contributions_against, some_rows
from serving.book import book
from serving.case import Case
from serving.champions import Champions
from serving.errors import Problem
from serving.explanations import explained
from serving.pages.charts import Bar, Step, waterfall
from serving.pages.texts import CHANGES, LEVERS, N_
from serving.shared_limits import Shared
from serving.translations import Translation, translate


def reference(champions: Champions, found: Case, key: str, other_day: date | None = None) -> dict[str, Any] | None:
    """Return a case's explanation against another reference, as `/explain` shapes it, with `key` and `note`.

    key : approved (customers of this and the neighbouring grades), last_review, day (this customer on `other_day`).
    None for the training population, and where there is no PD. Raises Problem 422 where the reference has no row.
    """
    scorer, t = champions.scorer, translate(found.language)
    scores = scorer.score([found.master.customer_id], found.as_of)
    if key not in ("approved", "last_review", "day") or scores.X.empty:
        return None
    background, note = _background(champions, found, key, other_day, t)
    if background.empty:
        raise Problem(status=422, error="no_reference", detail="there is no row to compare with.")
    model = scorer.default
    if not isinstance(model, DefaultModel):
        return None
    base, parts = contributions_against(model, scores.X, some_rows(background))
    why: Explanation = explain(
        base=base,
        log_odds=parts,
        values=scores.X.iloc[0],
        margin=float(scores.customers["margin"].iloc[0]),
        columns=COLUMNS,
    )
    facts = scorer.reason_facts([found.master.customer_id], found.as_of)[found.master.customer_id]
    shaped = explained(why, scorer, target="pd", language=found.language, facts=facts)
    return {
        **shaped,
        "key": key,
        "note": note.format(n=len(some_rows(background)), base=t.share(why.base_probability, 2)),
    }


def _background(
    champions: Champions, found: Case, key: str, other_day: date | None, t: Translation
) -> tuple[pd.DataFrame, str]:
    scorer = champions.scorer
    if key == "approved":
        names, grade = scorer.default.scale.names, found.score["grade"]
        place = names.index(grade)
        near = set(names[max(0, place - 1) : place + 2])
        ids = [
            r.customer_id for r in book(champions)
            if r.grade in near and r.special is None and (r.limit or 0) > 0 and r.customer_id != found.master.customer_id
        ]  # fmt: skip
        X = scorer.score(ids[:: max(1, len(ids) // 64)], found.as_of).X if ids else pd.DataFrame()
        note = N_(
            "Compared with {n} customers with a limit, of this and the neighbouring grades; their average: {base}."
        )
        return X, t.text(note)
    decided = [d for d in found.decisions if d["status"] == "decided"]
    day = other_day if key == "day" else date.fromisoformat(decided[0]["as_of"]) if decided else None
    if day is None:
        return pd.DataFrame(), ""
    then = scorer.score([found.master.customer_id], day).X
    note = t.text(N_("Compared with this customer on {day}: {base}."))
    return then, note.replace("{day}", t.date(day))


def what_if(champions: Champions, found: Case, query: Mapping[str, str], paid: Sequence[str]) -> dict[str, Any]:
    """Return grade, PD, limit and delay before and after the rows that a form supposes."""
    scorer, t = champions.scorer, translate(found.language)
    customer_id, requested = found.master.customer_id, found.requested or 0.0
    scores = scorer.score([customer_id], found.as_of)
    terms = terms_on(scorer.served.ledger, customer_id, found.as_of)
    insured, days = _number(query.get("cover", "")), _number(query.get("terms", ""))
    supposed: list[Candidate] = []
    items = scores.items[scores.items["item_id"].isin(list(paid)).to_numpy()]
    if len(items):
        supposed.append(pays(scorer, items, customer_id, found.as_of))
    changed = terms
    if insured is not None:
        changed = replace(changed, insured_limit=insured, insured_share=terms.insured_share or 0.9)
    if days is not None:
        supposed.append(shorter_terms(int(days), customer_id, found.as_of, changed))
    elif insured is not None:
        supposed.append(cover(insured, customer_id, found.as_of, terms))
    rows: dict[str, pd.DataFrame] = {}
    for _, _, tables, _ in supposed:
        rows |= tables
    there, after, (copy_id,) = scored_variants(scorer, scores, [rows])
    before = _outcome(scorer, scores, customer_id, requested, found.shared)
    then = _outcome(there, after, copy_id, requested, found.shared)
    shows = (
        (N_("Grade"), lambda v: v or "–"), (N_("Probability of default"), lambda v: t.share(v, 2)),
        (N_("Recommended limit"), lambda v: t.money(v, 0)), (N_("Expected loss"), t.money), (N_("Exposure"), t.money),
        (N_("Expected days late of the next invoice"), lambda v: t.number(v, 1)),
    )  # fmt: skip
    lines = [
        {"label": t.text(label), "before": show(b), "after": show(a)}
        for (label, show), b, a in zip(shows, before, then, strict=True)
    ]
    return {"rows": lines, "pays": list(paid), "cover": query.get("cover", ""), "terms": query.get("terms", "")}


def _number(text: str) -> float | None:
    plain = text.strip().replace(",", "")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1e12:
        raise Problem(status=422, error="invalid_request", detail="what if: must be a number at or above 0.")
    return value


def _outcome(scorer: Scorer, scores: Scores, customer_id: str, requested: float, shared: Shared) -> tuple[Any, ...]:
    row: Any = scores.customers.loc[customer_id]
    limit = None
    if requested:
        situation = scorer.situation(
            scores, customer_id, requested, shared=shared.limits, country_stop=shared.country_stop
        )
        limit = recommend(situation, scorer.limit_policy).limit
    values = (row["grade"], row["pd"], limit, row["expected_loss"], row["exposure"], row.get("days_late_mean", np.nan))
    return tuple(None if isinstance(v, float) and np.isnan(v) else v for v in values)


def cheapest(champions: Champions, found: Case) -> dict[str, Any]:
    """Return the levers that help, as sentences with what each reaches; a note where none does."""
    scorer, t = champions.scorer, translate(found.language)
    scores = scorer.score([found.master.customer_id], found.as_of)
    outlook = levers(
        scorer, scores, found.requested or 0.0, shared=found.shared.limits, country_stop=found.shared.country_stop
    )
    rows = [
        {"text": lever_text(lever, found.currency, t), "result": lever_result(lever, outlook, t)}
        for lever in outlook.helpful
    ]
    note = t.text(
        N_("Nothing within reach: {n} ways were tried, none lifts the grade or the limit. Prepayment is left."),
        n=outlook.tried,
    )
    return {"rows": rows, "note": note}


def lever_text(lever: Lever, currency: str, t: Translation) -> str:
    """Return a lever's sentence."""
    numbers = dict(lever.numbers)
    if "amount" in numbers:
        numbers["amount"] = f"{t.money(numbers['amount'])} {currency}"
    if "share" in numbers:
        numbers["share"] = t.share(numbers["share"], 0)
    return t.text(LEVERS[lever.code], **numbers)


def lever_result(lever: Lever, now: Outlook, t: Translation) -> str:
    """Return what a lever reaches: grade, PD and limit after it, where they differ."""
    parts = []
    if lever.grade is not None and lever.grade != now.grade:
        parts.append(f"{lever.grade}, {t.share(lever.pd, 2)}")
    if lever.limit is not None and lever.limit != now.limit:
        parts.append(t.text(N_("limit {limit}"), limit=t.money(lever.limit, 0)))
    return " · ".join(parts)


def changed(champions: Champions, found: Case, since: date | None = None) -> dict[str, Any] | None:
    """Return what changed since the last decision, or since a day; None without an earlier day to compare with."""
    scorer, t = champions.scorer, translate(found.language)
    decided = [d for d in found.decisions if d["status"] == "decided"]
    then: DefaultModel | None = None
    if since is None and decided:
        since, then = date.fromisoformat(decided[0]["as_of"]), _model_of(champions, decided[0])
    if since is None:
        since = (pd.Timestamp(found.as_of) - pd.DateOffset(months=3)).date()
    if since >= found.as_of:
        return None
    split = changes(scorer, found.master.customer_id, since, found.as_of, then=then)
    return changes_shown(split, t, found.currency)


def _model_of(champions: Champions, decision: Mapping[str, Any]) -> DefaultModel | None:
    """The model of an earlier decision; None where it is the one served, or is no longer in the registry."""
    version = str(decision["model"]["version"])
    if champions.default is None or version == champions.default.version:
        return None
    try:
        served = registry.load(registry.Settings.from_environment(), champions.default.name, version)
    except registry.NoModel:
        return None
    return DefaultModel.load(served.folder)


def changes_shown(split: Changes, t: Translation, currency: str) -> dict[str, Any]:
    """Return a split as a page shows it: a waterfall of its kinds, and each event with its day and effect."""
    kinds: dict[str, float] = {}
    for part in split.parts:
        kind = part.code if part.code in ("time", "others", "policy", "model", "rest") else "events"
        kinds[kind] = kinds.get(kind, 0.0) + part.change
    order = [
        k for k in ("events", "time", "others", "policy", "model", "rest") if abs(kinds.get(k, 0.0)) > 0 or k != "rest"
    ]
    steps = [
        Step(label=t.text(CHANGES[k]), change=kinds.get(k, 0.0), shown=t.points(kinds.get(k, 0.0), 2)) for k in order
    ]
    title = t.text(N_("From {then} to {now}"), then=t.share(split.pd_then, 2), now=t.share(split.pd_now, 2))
    chart = waterfall(
        "changes-chart", title, t.text(N_("Percentage points of the probability of default, by what changed.")),
        base=Bar(label=t.date(split.since), value=split.pd_then, shown=t.share(split.pd_then, 2)), steps=steps,
        total=Bar(label=t.date(split.as_of), value=split.pd_now, shown=t.share(split.pd_now, 2)),
        head=(t.text(N_("Step")), t.text(N_("Points"))),
    )  # fmt: skip
    events = [
        {"on": t.date(part.on), "text": event_text(part.code, part.numbers, t, currency), "points": t.points(part.change, 2)}
        for part in sorted(split.parts, key=lambda p: -abs(p.change)) if part.on is not None
    ]  # fmt: skip
    return {"since": t.date(split.since), "chart": chart, "events": events}


def event_text(code: str, numbers: Mapping[str, Any], t: Translation, currency: str) -> str:
    """Return an event's sentence; several of one kind are counted."""
    count = int(numbers.get("count", 1))
    if "invoice" not in numbers:
        return t.text(CHANGES[f"{code}_several"], n=t.number(count, 0))
    amount = f"{t.money(numbers['amount'])} {currency}"
    return t.text(CHANGES[code], invoice=numbers["invoice"], amount=amount, days=t.number(numbers["days"], 0))
