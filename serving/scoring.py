"""What the service answers, as plain functions from a message to a dictionary: no HTTP in here, no clock, no file but the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from features.errors import InputError
from features.ledger import TABLES, Ledger
from models import explain as words
from models.decisions.limits import recommend
from models.decisions.wording import sentence
from models.registry import Served
from models.scorer import FutureDay, Scorer, Scores, UnknownCustomer
from serving.errors import Problem
from serving.rows import account_of, delay_of, inputs_of, number, score_of
from serving.schema import ExplainRequest, LedgerRequest, PaymentsRequest, ReviewRequest, ScoreRequest
from serving.served import Champions
from serving.store import DecisionLog

Answer = dict[str, Any]


def score(champions: Champions, log: DecisionLog, asked: ScoreRequest) -> Answer:
    """`/score`: each customer's PD, grade, expected loss, delay and open items."""
    return _scores(champions, champions.scorer, log, "score", asked.customer_ids, asked)


def score_ledger(champions: Champions, log: DecisionLog, asked: LedgerRequest) -> Answer:
    """`/score_ledger`: the same from the body alone. Of the ledger sent, only the decision records stay."""
    scorer = champions.scorer.on(sent_ledger(asked.ledger))
    ids = asked.customer_ids or tuple(scorer.served.book.ledger.customers["customer_id"])
    return _scores(champions, scorer, log, "score_ledger", ids, asked)


def sent_ledger(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Ledger:
    """A ledger from rows as JSON holds them. Raises InputError (422) with the table, column and rule that was broken."""
    frames = {}
    for name, rows in tables.items():
        unknown = (
            sorted({column for row in rows for column in row} - set(TABLES[name].columns)) if name in TABLES else []
        )
        if unknown:
            raise InputError(
                f"ledger.{name}: {', '.join(unknown)} are not columns; it has {', '.join(TABLES[name].columns)}."
            )
        if rows:
            frames[name] = pd.DataFrame(
                {
                    c: pd.Series([_text(row.get(c)) for row in rows], dtype="str")
                    for c in {c: 0 for row in rows for c in row}
                }
            )
    lacking = [name for name in ("customers", "invoices") if name not in frames]
    if lacking:
        raise InputError(f"ledger: {' and '.join(lacking)} must hold at least one row.")
    return Ledger.from_frames(**frames)


def _text(cell: Any) -> str | None:
    """A JSON value as the text that a form would hold; None stays empty."""
    if cell is None or isinstance(cell, str):
        return cell or None
    return str(cell).lower() if isinstance(cell, bool) else repr(cell)


def _scores(
    champions: Champions, scorer: Scorer, log: DecisionLog, kind: str, ids: Sequence[str], asked: Any
) -> Answer:
    scores = scored(scorer, ids, asked.as_of)
    common = _common(champions, scorer, scores)
    answers, records = [], []
    for place, (customer_id, row) in enumerate(scores.customers.iterrows()):
        answer = {
            **score_of(str(customer_id), row, scorer),
            "delay": delay_of(row),
            "open_items": account_of(row),
            **common,
        }
        answers.append(answer)
        records.append(_record(champions, scorer, kind, inputs_of(scores, place), answer))
    ids_given = log.append(records)
    return {
        "as_of": common["as_of"], "data_known_to": common["data_known_to"], "currency": scorer.served.currency,
        "scores": [{**answer, "decision_id": i} for answer, i in zip(answers, ids_given, strict=True)],
    }  # fmt: skip


def scored(scorer: Scorer, ids: Sequence[str], as_of: Any) -> Scores:
    """The scores, with an unknown customer as 404 and a day that the ledger does not reach as 422."""
    try:
        return scorer.score(ids, as_of)
    except UnknownCustomer as unknown:
        raise Problem(status=404, error="unknown_customer", detail=str(unknown)) from None
    except FutureDay as future:
        raise Problem(
            status=422, error="as_of_after_data", detail=str(future),
            fields=[{"field": "as_of", "expected": f"{scorer.served.data_known_to} or earlier"}],
        ) from None  # fmt: skip


def explain(champions: Champions, log: DecisionLog, asked: ExplainRequest) -> Answer:
    """`/explain`: the base value, every contribution, families and reasons; additivity is checked on each answer."""
    scorer = champions.scorer
    scores = scored(scorer, [asked.customer_id], asked.as_of)
    row = scores.customers.iloc[0]
    answer: Answer = {
        "customer_id": asked.customer_id, "target": asked.target, "language": asked.language,
        "special": row["special"], "currency": scorer.served.currency,
        "score": {**score_of(asked.customer_id, row, scorer), "delay": delay_of(row), "open_items": account_of(row)},
        **_common(champions, scorer, scores),
    }  # fmt: skip
    found = scorer.explain(scores, asked.target)
    if found is None:
        text = sentence(str(row["special"]), {}, asked.language)
        answer |= {
            "contributions": [],
            "families": [],
            "reasons": [{"code": row["special"], "text": text}],
            "strengths": [],
        }
    else:
        answer |= _explained(found, scorer, asked)
    (decision_id,) = log.append([_record(champions, scorer, "explain", inputs_of(scores, 0), answer)])
    return {**answer, "decision_id": decision_id}


def _explained(found: words.Explanation, scorer: Scorer, asked: ExplainRequest) -> Answer:
    columns, language = scorer.columns, asked.language
    contributions = [
        {
            "feature": row.feature, "family": row.family, "label": columns[row.feature].meaning,
            "text": words.sentence(columns[row.feature], row.value, language),
            "value": number(row.value), "shown": words.shown(row.value, columns[row.feature].unit, language),
            "unit": columns[row.feature].unit.value, "log_odds": row.log_odds, "probability_points": row.points,
        }
        for row in found.contributions.itertuples()
    ]  # fmt: skip
    named = {
        kind: [
            {"code": r.code, "text": r.text, "log_odds": r.log_odds}
            for r in words.reasons(found, columns, language, raising=raising)
        ]
        for kind, raising in (("reasons", True), ("strengths", False))
    }
    return {
        "explains": scorer.explained_number(asked.target), "population": scorer.population(asked.target),
        "base_value": found.base_value, "base_probability": found.base_probability,
        "margin": found.margin, "probability": found.probability, "contributions": contributions,
        "families": [{"family": r.family, "log_odds": r.log_odds, "probability_points": r.points} for r in found.families.itertuples()],
        "additivity_residual": found.residual, **named,
    }  # fmt: skip


def review(champions: Champions, log: DecisionLog, asked: ReviewRequest) -> Answer:
    """`/review`: what limit the policy recommends, every step of its arithmetic, reasons, conditions and dates."""
    scorer = champions.scorer
    scores = scored(scorer, [asked.customer_id], asked.as_of)
    row = scores.customers.iloc[0]
    rate = scorer.rate(asked.currency, scores.as_of)
    situation = scorer.situation(row, scores.as_of, asked.requested_limit * rate)
    found = recommend(situation, scorer.limit_policy)
    reasons = [{"code": code, "text": sentence(code, numbers, asked.language)} for code, numbers in found.reasons]
    explained = scorer.explain(scores, "pd")
    if explained is not None:
        reasons += [{"code": r.code, "text": r.text} for r in words.reasons(explained, scorer.columns, asked.language)]
    answer: Answer = {
        "customer_id": asked.customer_id, "recommendation": found.action, "requested_limit": asked.requested_limit,
        "recommended_limit": None if found.limit is None else round(found.limit / rate, 2), "currency": asked.currency,
        "valid_until": found.valid_until.isoformat(), "next_review": found.next_review.isoformat(),
        "arithmetic": [step.as_json() for step in found.steps],
        "arithmetic_currency": scorer.served.currency, "exchange_rate": rate, "reasons": reasons,
        "conditions": [{"code": code, "text": sentence(code, numbers, asked.language)} for code, numbers in found.conditions],
        "policy": {"name": scorer.limit_policy.name, "version": scorer.limit_policy.version}, "language": asked.language,
        "score": {**score_of(asked.customer_id, row, scorer), "open_items": account_of(row)},
        **_common(champions, scorer, scores),
    }  # fmt: skip
    (decision_id,) = log.append([_record(champions, scorer, "review", inputs_of(scores, 0), answer)])
    return {**answer, "decision_id": decision_id}


def predict_payments(champions: Champions, log: DecisionLog, asked: PaymentsRequest) -> Answer:
    """`/predict_payments`: when each open item is paid, given for how long it has been unpaid already."""
    if bool(asked.customer_ids) == bool(asked.invoice_ids):
        raise Problem(
            status=422, error="invalid_request", detail="customer_ids or invoice_ids: give one of the two, with at least one entry.",
            fields=[{"field": "customer_ids", "expected": "at least one entry, or invoice_ids"}],
        )  # fmt: skip
    scorer = champions.scorer
    customers = asked.customer_ids or scorer.customers_of(asked.invoice_ids)
    scores = scored(scorer, customers, asked.as_of)
    items = scores.items
    if asked.invoice_ids:
        items = items[items["invoice_id"].isin(asked.invoice_ids)]
    common = _common(champions, scorer, scores)
    shown = [{**row, **common} for row in scorer.payments_of(items)]
    records = [_record(champions, scorer, "predict_payments", {}, row) for row in shown]
    given = log.append(records)
    return {
        "as_of": common["as_of"], "data_known_to": common["data_known_to"], "currency": scorer.served.currency,
        "items": [{**row, "decision_id": i} for row, i in zip(shown, given, strict=True)],
        "not_open": sorted(set(asked.invoice_ids) - set(items["invoice_id"])),
    }  # fmt: skip


def health(champions: Champions) -> Answer:
    """`/health/model`: the models served, since when, by whom promoted, how good they were; the ledger and policies."""
    served, scorer = champions.scorer.served, champions.scorer
    return {
        "status": "serving", "served_since": champions.served_since,
        "models": [_model_in_full(model) for model in (champions.default, champions.delay)],
        "ledger": {
            "fingerprint": served.fingerprint, "data_known_to": served.data_known_to.isoformat(), "currency": served.currency,
            "customers": len(served.book.ledger.customers), "invoices": len(served.book.ledger.invoices),
        },
        "policies": {
            "default": f"{scorer.default.policy.name} {scorer.default.policy.version}",
            "limit": f"{scorer.limit_policy.name} {scorer.limit_policy.version}",
        },
    }  # fmt: skip


def _model(model: Served) -> Answer:
    return {"name": model.name, "version": model.version, "run_id": model.run_id}


def _model_in_full(model: Served) -> Answer:
    metrics = {name: number(value) for name, value in sorted(model.metrics.items())}
    return {
        **_model(model),
        "digest": model.digest,
        "promoted_at": model.promoted_at,
        "promoted_by": model.promoted_by,
        "metrics": metrics,
    }


def _common(champions: Champions, scorer: Scorer, scores: Scores) -> Answer:
    """What stands beside every number: models, the day asked about, and until when the ledger knows."""
    return {
        "model": _model(champions.default), "delay_model": _model(champions.delay),
        "as_of": scores.as_of.isoformat(), "data_known_to": scorer.served.data_known_to.isoformat(),
    }  # fmt: skip


def _record(champions: Champions, scorer: Scorer, kind: str, inputs: Answer, answer: Answer) -> Answer:
    """What the log holds of one answer: enough to compute it again."""
    return {
        "kind": kind, "ledger_fingerprint": scorer.served.fingerprint, "inputs": inputs, "answer": answer,
        "models": {m.name: {"version": m.version, "run_id": m.run_id, "digest": m.digest} for m in (champions.default, champions.delay)},
        "policies": {"limit": [scorer.limit_policy.name, scorer.limit_policy.version]},
    }  # fmt: skip
