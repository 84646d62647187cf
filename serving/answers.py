"""What the service answers, as plain functions from a message to a dictionary: no HTTP, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from decisions.limits import APPROVE, recommend
from decisions.scorer import COLUMNS, NO_HISTORY, Scorer, Scores
from decisions.scoring_ledger import FutureDay, UnknownCustomer
from decisions.wording import sentence
from models import explanation as words
from models.registry import Served
from serving.answer_parts import (
    Inputs,
    account_of,
    delay_of,
    history_notes,
    matrix_rows,
    number,
    payment_of,
    rows_of,
    score_of,
    text,
)
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.explanations import explained, named
from serving.messages import ExplainRequest, LedgerRequest, PaymentsRequest, ReviewRequest, ScoreRequest
from serving.sent_ledger import sent_ledger

Answer = dict[str, Any]


def score(champions: Champions, log: DecisionLog, asked: ScoreRequest) -> Answer:
    """`/score`: each customer's PD, grade, expected loss, delay and open items."""
    return _scores(champions, champions.scorer, log, "score", asked.customer_ids, asked)


def score_ledger(champions: Champions, log: DecisionLog, asked: LedgerRequest) -> Answer:
    """`/score_ledger`: the same from the body alone. Only the decision records stay."""
    scorer = champions.scorer.on(sent_ledger(asked.tables()))
    ids = asked.customer_ids or tuple(scorer.served.ledger.customers["customer_id"])
    return _scores(champions, scorer, log, "score_ledger", ids, asked)


def _scores(
    champions: Champions,
    scorer: Scorer,
    log: DecisionLog,
    kind: str,
    ids: Sequence[str],
    asked: ScoreRequest | LedgerRequest,
) -> Answer:
    with known_customers(scorer):
        scores = scorer.score(ids, asked.as_of)
    beside = common(champions, scorer, scores)
    answers, records = [], []
    inputs, kept = Inputs.of(scores), asked.kept()
    for customer_id, row in zip(map(str, scores.customers.index), rows_of(scores.customers), strict=True):
        answer = {
            **score_of(customer_id, row, scorer),
            "delay": delay_of(row),
            "open_items": account_of(row),
            **beside,
        }
        answers.append(answer)
        own = {**kept, "customer_ids": [customer_id]}  # of the request only what this answer is about
        records.append(record(champions, scorer, kind, own, inputs.at(customer_id), answer))
    ids_given = log.append(records)
    return {
        "as_of": beside["as_of"], "data_known_to": beside["data_known_to"], "currency": scorer.served.currency,
        "scores": [{**answer, "decision_id": i} for answer, i in zip(answers, ids_given, strict=True)],
    }  # fmt: skip


@contextmanager
def known_customers(scorer: Scorer) -> Iterator[None]:
    """Inside, an unknown customer becomes a 404 and a day that the ledger does not reach a 422."""
    try:
        yield
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
    with known_customers(scorer):
        scores = scorer.score([asked.customer_id], asked.as_of)
    row = rows_of(scores.customers)[0]
    answer: Answer = {
        "customer_id": asked.customer_id, "target": asked.target, "language": asked.language,
        "special": text(row["special"]), "currency": scorer.served.currency,
        "notes": _worded(history_notes(row, scorer), asked.language),
        "score": {**score_of(asked.customer_id, row, scorer), "delay": delay_of(row), "open_items": account_of(row)},
        **common(champions, scorer, scores),
    }  # fmt: skip
    found = scorer.explain(scores, asked.target)
    if found is None:
        # no probability: the status says why; a lateness without any invoice to go by: that
        why = "no_invoice" if row["special"] == NO_HISTORY and asked.target == "delay" else str(row["special"])
        reasons = _worded([(why, {})], asked.language)
        answer |= {"contributions": [], "families": [], "reasons": reasons, "strengths": []}
    else:
        facts = scorer.reason_facts([asked.customer_id], scores.as_of)[asked.customer_id]
        answer |= explained(found, scorer, target=asked.target, language=asked.language, facts=facts)
    (decision_id,) = log.append(
        [record(champions, scorer, "explain", asked.kept(), Inputs.of(scores).at(asked.customer_id), answer)]
    )
    return {**answer, "decision_id": decision_id}


def review(champions: Champions, log: DecisionLog, asked: ReviewRequest) -> Answer:
    """`/review`: what limit the policy recommends, every step of its arithmetic, reasons, conditions and dates."""
    scorer = champions.scorer
    with known_customers(scorer):
        scores = scorer.score([asked.customer_id], asked.as_of)
    answer = {**reviewed(scorer, scores, asked), **common(champions, scorer, scores)}
    (decision_id,) = log.append(
        [record(champions, scorer, "review", asked.kept(), Inputs.of(scores).at(asked.customer_id), answer)]
    )
    return {**answer, "decision_id": decision_id}


def reviewed(scorer: Scorer, scores: Scores, asked: ReviewRequest) -> Answer:
    """What the policy recommends on some scores of one customer."""
    row = rows_of(scores.customers)[0]
    rate = scorer.rate(asked.currency, scores.as_of)
    situation = scorer.situation(scores, asked.customer_id, asked.requested_limit * rate)
    found = recommend(situation, scorer.limit_policy)
    reasons = _worded(found.reasons, asked.language)
    why = scorer.explain(scores, "pd")
    if why is not None:
        # an approval rests on what speaks for the customer, any other answer on what speaks against it
        facts = scorer.reason_facts([asked.customer_id], scores.as_of)[asked.customer_id]
        reasons += named(words.reasons(why, COLUMNS, asked.language, raising=found.action != APPROVE, facts=facts))
    return {
        "customer_id": asked.customer_id, "recommendation": found.action, "requested_limit": asked.requested_limit,
        "recommended_limit": None if found.limit is None else round(found.limit / rate, 2), "currency": asked.currency,
        "valid_until": found.valid_until.isoformat(), "next_review": found.next_review.isoformat(),
        "arithmetic": [step.as_json() for step in found.steps],
        "arithmetic_currency": scorer.served.currency, "exchange_rate": rate, "reasons": reasons,
        "conditions": _worded(found.conditions, asked.language), "language": asked.language,
        "notes": _worded([*found.notes, *history_notes(row, scorer)], asked.language),
        "policy": {"name": scorer.limit_policy.name, "version": scorer.limit_policy.version},
        "score": {**score_of(asked.customer_id, row, scorer), "open_items": account_of(row)},
    }  # fmt: skip


def _worded(codes: Sequence[tuple[str, Mapping[str, Any]]], language: str) -> list[Answer]:
    """Codes of the policy as code and sentence."""
    return [{"code": code, "text": sentence(code, numbers, language)} for code, numbers in codes]


def predict_payments(champions: Champions, log: DecisionLog, asked: PaymentsRequest) -> Answer:
    """`/predict_payments`: when each open item is paid, given that it is unpaid; one record an item."""
    if bool(asked.customer_ids) == bool(asked.invoice_ids):
        raise Problem(
            status=422, error="invalid_request",
            detail="customer_ids or invoice_ids: give one of the two, with at least one entry.",
            fields=[{"field": "customer_ids", "expected": "at least one entry, or invoice_ids"}],
        )  # fmt: skip
    scorer = champions.scorer
    with known_customers(scorer):
        scores = scorer.score(asked.customer_ids or scorer.served.customers_of(asked.invoice_ids), asked.as_of)
    found = scorer.payments(scores)
    if asked.invoice_ids:
        found = found[found["invoice_id"].isin(asked.invoice_ids)]
    beside = common(champions, scorer, scores)
    items = [{**payment_of(row), **beside} for row in rows_of(found)]
    inputs, kept = matrix_rows(scores.X_items), asked.kept()
    records = []
    for place, item in zip(found.index, items, strict=True):
        own = {**kept, "customer_ids": [], "invoice_ids": [item["invoice_id"]]}
        records.append(record(champions, scorer, "predict_payments", own, {"delay": inputs[str(place)]}, item))
    given = log.append(records)
    return {
        "as_of": beside["as_of"], "data_known_to": beside["data_known_to"], "currency": scorer.served.currency,
        "items": [{**item, "decision_id": i} for item, i in zip(items, given, strict=True)],
        "not_open": sorted(set(asked.invoice_ids) - set(found["invoice_id"])),
    }  # fmt: skip


def health(champions: Champions) -> Answer:
    """`/health/model`: the models served, since when, by whom promoted, how good they were; the ledger and policies."""
    served, scorer = champions.scorer.served, champions.scorer
    return {
        "status": "serving", "served_since": champions.served_since,
        "models": [_model_in_full(model) for model in (champions.default, champions.delay)],
        "ledger": {
            "fingerprint": served.fingerprint, "data_known_to": served.data_known_to.isoformat(),
            "currency": served.currency,
            "customers": len(served.ledger.customers), "invoices": len(served.ledger.invoices),
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


def common(champions: Champions, scorer: Scorer, scores: Scores) -> Answer:
    """What stands beside every number: models, the day asked about, and until when the ledger knows."""
    return {
        "model": _model(champions.default), "delay_model": _model(champions.delay),
        "as_of": scores.as_of.isoformat(), "data_known_to": scorer.served.data_known_to.isoformat(),
    }  # fmt: skip


def record(champions: Champions, scorer: Scorer, kind: str, asked: Answer, inputs: Answer, answer: Answer) -> Answer:
    """What the log holds of one answer: enough to compute it again."""
    models = {m.name: {**_model(m), "digest": m.digest} for m in (champions.default, champions.delay)}
    return {
        "kind": kind, "asked": asked, "ledger_fingerprint": scorer.served.fingerprint,
        "inputs": inputs, "answer": answer,
        "models": models,
        "policies": {"limit": [scorer.limit_policy.name, scorer.limit_policy.version]},
    }  # fmt: skip
