"""What the service answers, as plain functions from a message to a dictionary: no HTTP, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pydantic_core

from decisions.limits import APPROVE, recommend
from decisions.scorer import COLUMNS, NO_HISTORY, Scorer, Scores
from decisions.scoring_ledger import DayBeforeLedger, FutureDay, UnknownCustomer
from decisions.status_facts import status_code
from decisions.wording import sentence
from models import explanation as words
from models import registry
from models.absent import NoChampion
from models.reasons.sentences import NO_FACTS, ReasonFacts
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
from serving.shared_limits import NOTHING, Shared, country_policy, shared_of
from serving.time_limit import check

if TYPE_CHECKING:
    from serving.score_book import Current, ScoreBook

Answer = dict[str, Any]
STEP = 200  # customers that are scored in one go, between two looks at the time limit


def score(champions: Champions, log: DecisionLog, asked: ScoreRequest, book: ScoreBook | None = None) -> Answer:
    """Return `/score`: each customer's PD, grade, expected loss, delay and open items, in the order asked.

    Answers that the book holds are read from it; the others are computed now. Each says which of the two.
    """
    ids = list(dict.fromkeys(asked.customer_ids))
    found: dict[str, Answer] = {}
    sources: dict[str, Answer] = {}
    records: dict[str, Answer] = {}
    if book is not None:
        for customer_id in ids:
            current = book.current(champions, customer_id, asked.as_of)
            if current is not None:
                found[customer_id] = dict(pydantic_core.from_json(current.text))
                sources[customer_id] = {"source": "stored", "ledger_position": current.position}
                records[customer_id] = current.as_record()
    kept = asked.kept()
    with known_customers(champions.scorer):
        parts = champions.parts([i for i in ids if i not in found])
        for scorer, some in in_steps(parts):
            for customer_id, (answer, inputs) in scored(champions, scorer, scorer.score(some, asked.as_of)).items():
                own = {**kept, "customer_ids": [customer_id]}  # of the request only what this answer is about
                records[customer_id] = record(champions, scorer, "score", own, inputs, answer)
                found[customer_id] = answer
    given = log.append([records[i] for i in ids])
    known_to, as_of, now = champions.living.known_to, next(iter(found.values()))["as_of"], computed_now(champions)
    return {
        "as_of": as_of, "data_known_to": known_to.isoformat(), "currency": champions.scorer.served.currency,
        "scores": [
            {**found[i], "decision_id": decision_id, **sources.get(i, now)}
            for i, decision_id in zip(ids, given, strict=True)
        ],
    }  # fmt: skip


def in_steps(parts: Iterable[tuple[Scorer, list[str]]]) -> Iterator[tuple[Scorer, list[str]]]:
    """Yield the customers of some parts in steps of at most STEP; raise Abandoned before a step whose caller has gone."""
    for scorer, ids in parts:
        for start in range(0, len(ids), STEP):
            check()
            yield scorer, ids[start : start + STEP]
    check()


def score_text(champions: Champions, log: DecisionLog, asked: ScoreRequest, book: ScoreBook) -> str | None:
    """Return `/score` as JSON text where the book holds every customer's current answer; None where it does not."""
    held = book.all_current(champions, asked.customer_ids, asked.as_of)
    return None if held is None else stored_scores(champions, held, log.append([c.as_record() for c in held]))


def stored_scores(champions: Champions, held: Sequence[Current], decision_ids: Sequence[str]) -> str:
    """Return `/score` as JSON text from stored answers and the decision ids of their records."""
    known_to = champions.living.known_to.isoformat()
    texts = (stored_text(c.text, i, c.position) for c, i in zip(held, decision_ids, strict=True))
    currency = champions.scorer.served.currency
    return f'{{"as_of": "{known_to}", "data_known_to": "{known_to}", "currency": "{currency}", "scores": [{", ".join(texts)}]}}'


def stored_text(text: str, decision_id: str, position: int) -> str:
    """Return a stored answer's JSON text with its record's id, and as of which position of the ledger it was made."""
    return f'{text[:-1]}, "decision_id": "{decision_id}", "source": "stored", "ledger_position": {position}}}'


def score_ledger(champions: Champions, log: DecisionLog, asked: LedgerRequest) -> Answer:
    """Return `/score_ledger`: the same from the body alone. Only the decision records stay."""
    scorer = champions.scorer.on(sent_ledger(asked.tables()))
    ids = asked.customer_ids or tuple(scorer.served.ledger.customers["customer_id"])
    with known_customers(scorer):
        scores = scorer.score(ids, asked.as_of)
    made, kept = scored(champions, scorer, scores), asked.kept()
    for customer_id, (answer, _) in made.items():
        answer["peer_values"] = scorer.peer_sources(customer_id, scores.as_of)
    records = [
        record(champions, scorer, "score_ledger", {**kept, "customer_ids": [customer_id]}, inputs, answer)
        for customer_id, (answer, inputs) in made.items()
    ]
    given = log.append(records)
    return {
        "as_of": scores.as_of.isoformat(), "data_known_to": scorer.served.data_known_to.isoformat(),
        "currency": scorer.served.currency,
        "scores": [
            {**answer, "decision_id": i, "source": "computed", "ledger_position": 0}
            for (answer, _), i in zip(made.values(), given, strict=True)
        ],
    }  # fmt: skip


def scored(champions: Champions, scorer: Scorer, scores: Scores) -> dict[str, tuple[Answer, Answer]]:
    """Return (answer, the models' inputs) of each customer of some scores."""
    beside, inputs = common(champions, scorer, scores), Inputs.of(scores)
    return {
        customer_id: (
            {
                **score_of(customer_id, row, scorer), "delay": delay_of(row), "open_items": account_of(row), **beside,
            },
            inputs.at(customer_id),
        )
        for customer_id, row in zip(map(str, scores.customers.index), rows_of(scores.customers), strict=True)
    }  # fmt: skip


def score_record(champions: Champions, scorer: Scorer, inputs: Answer, answer: Answer) -> Answer:
    """Return what the log holds of a score of the ledger's last known day."""
    asked = {"as_of": None, "customer_ids": [answer["customer_id"]]}
    return record(champions, scorer, "score", asked, inputs, answer)


def one(champions: Champions, customer_id: str, as_of: date | None, book: ScoreBook | None) -> tuple[Scorer, Scores]:
    """Return one customer's scores and the scorer that made them. Raises Problem 404 or 422 as `known_customers` does."""
    with known_customers(champions.scorer):
        if book is not None:
            return book.scores(champions, customer_id, as_of)
        scorer = champions.scorer_of(customer_id)
        return scorer, scorer.score([customer_id], as_of)


@contextmanager
def known_customers(scorer: Scorer) -> Iterator[None]:
    """Turn an unknown customer into a 404, a day outside the ledger into a 422, a model without champion into a 503."""
    try:
        yield
    except UnknownCustomer as unknown:
        raise Problem(status=404, error="unknown_customer", detail=str(unknown)) from None
    except FutureDay as future:
        raise Problem(
            status=422, error="as_of_after_data", detail=str(future),
            fields=[{"field": "as_of", "expected": f"{scorer.served.data_known_to} or earlier"}],
        ) from None  # fmt: skip
    except DayBeforeLedger as early:
        raise Problem(
            status=422, error="as_of_before_data", detail=str(early),
            fields=[{"field": "as_of", "expected": f"{scorer.served.first_day} or later"}],
        ) from None  # fmt: skip
    except NoChampion as absent:
        raise Problem(status=503, error="no_model", detail=str(absent), headers={"Retry-After": "60"}) from None


def explain(champions: Champions, log: DecisionLog, asked: ExplainRequest, book: ScoreBook | None = None) -> Answer:
    """`/explain`: the base value, every contribution, families and reasons; additivity is checked on each answer."""
    scorer, scores = one(champions, asked.customer_id, asked.as_of, book)
    check()
    found = scorer.explain(scores, asked.target)
    facts = NO_FACTS if found is None else scorer.reason_facts([asked.customer_id], scores.as_of)[asked.customer_id]
    answer = explanation_of(
        champions, scorer, scores, asked.customer_id, found, facts, target=asked.target, language=asked.language
    )
    (decision_id,) = log.append(
        [record(champions, scorer, "explain", asked.kept(), Inputs.of(scores).at(asked.customer_id), answer)]
    )
    return {**answer, "decision_id": decision_id, **computed_now(champions)}


def explanation_of(
    champions: Champions, scorer: Scorer, scores: Scores, customer_id: str, found: words.Explanation | None,
    facts: ReasonFacts, *, target: str, language: str, row: Mapping[str, Any] | None = None,
) -> Answer:  # fmt: skip
    """Return an explanation of one customer of some scores as it is answered and logged.

    found : its explanation; None where there is no probability. row : the customer's row of the scores, where it was
    read already.
    """
    row = row or rows_of(scores.customers.loc[[customer_id]])[0]
    answer: Answer = {
        "customer_id": customer_id, "target": target, "language": language,
        "special": text(row["special"]), "currency": scorer.served.currency,
        "notes": worded(history_notes(row, scorer), language),
        "score": {**score_of(customer_id, row, scorer), "delay": delay_of(row), "open_items": account_of(row)},
        **common(champions, scorer, scores),
    }  # fmt: skip
    if found is not None:
        return answer | explained(found, scorer, target=target, language=language, facts=facts)
    # no probability: the status says why; a lateness without any invoice to go by: that
    if target == "delay" and not scorer.has_delay:
        reasons = worded([("no_delay_model", {})], language)
    elif row["special"] == NO_HISTORY and target == "delay":
        reasons = worded([("no_invoice", {})], language)
    else:
        reasons = worded([status_code(scorer, scores, customer_id) or (str(row["special"]), {})], language)
    return answer | {"contributions": [], "families": [], "reasons": reasons, "strengths": []}


def computed_now(champions: Champions) -> Answer:
    """Return what an answer says of its making where it was computed for the request."""
    return {"source": "computed", "ledger_position": champions.living.position}


def review(
    champions: Champions, log: DecisionLog, asked: ReviewRequest, book: ScoreBook | None = None, *,
    shared: Shared | None = None,
) -> Answer:  # fmt: skip
    """Return `/review`: what limit the policy recommends, every step of its arithmetic, reasons, conditions and dates.

    shared : the caps that the customer shares, as an answer logged them; None: those of now.
    """
    scorer, scores = one(champions, asked.customer_id, asked.as_of, book)
    shared = shared or shared_of(champions, log, asked.customer_id, scores.as_of)
    answer = {**reviewed(scorer, scores, asked, shared=shared), **common(champions, scorer, scores)}
    (decision_id,) = log.append(
        [record(champions, scorer, "review", asked.kept(), Inputs.of(scores).at(asked.customer_id), answer)]
    )
    return {**answer, "decision_id": decision_id, **computed_now(champions)}


def reviewed(
    scorer: Scorer,
    scores: Scores,
    asked: ReviewRequest,
    why: words.Explanation | None = None,
    *,
    shared: Shared = NOTHING,
) -> Answer:
    """Return what the policy recommends on some scores of one customer; why: its explanation, where one was made; shared:
    the caps that it shares with others."""
    row = rows_of(scores.customers)[0]
    rate = scorer.rate(asked.currency, scores.as_of)
    situation = scorer.situation(
        scores, asked.customer_id, asked.requested_limit * rate, shared=shared.limits, country_stop=shared.country_stop
    )
    found = recommend(situation, scorer.limit_policy)
    reasons = worded(found.reasons, asked.language)
    why = why or scorer.explain(scores, "pd")
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
        "conditions": worded(found.conditions, asked.language), "language": asked.language,
        "notes": worded([*found.notes, *history_notes(row, scorer)], asked.language), **shared.as_json(),
        "policy": {"name": scorer.limit_policy.name, "version": scorer.limit_policy.version},
        "score": {**score_of(asked.customer_id, row, scorer), "open_items": account_of(row)},
    }  # fmt: skip


def worded(codes: Sequence[tuple[str, Mapping[str, Any]]], language: str) -> list[Answer]:
    """Return codes of the policy as code and sentence."""
    return [{"code": code, "text": sentence(code, numbers, language)} for code, numbers in codes]


def predict_payments(
    champions: Champions, log: DecisionLog, asked: PaymentsRequest, book: ScoreBook | None = None
) -> Answer:
    """`/predict_payments`: when each open item is paid, given that it is unpaid; one record an item.

    Curves that the book holds are read from it; the others are computed now. Each item says which of the two.
    """
    if bool(asked.customer_ids) == bool(asked.invoice_ids):
        raise Problem(
            status=422, error="invalid_request",
            detail="customer_ids or invoice_ids: give one of the two, with at least one entry.",
            fields=[{"field": "customer_ids", "expected": "at least one entry, or invoice_ids"}],
        )  # fmt: skip
    wanted, kept = set(asked.invoice_ids), asked.kept()
    items: list[tuple[Answer, Answer]] = []  # (item, what it says of its making)
    records: list[Answer] = []
    with known_customers(champions.scorer):
        ids = list(dict.fromkeys(asked.customer_ids or champions.living.customers_of(asked.invoice_ids)))
        champions.parts(ids)
        stored = {} if book is None else {i: s for i in ids if (s := book.payments(champions, i, asked.as_of))}
        for own in stored.values():
            for item, entry in own.items(kept, wanted or None):
                items.append((item, {"source": "stored", "ledger_position": own.position}))
                records.append(entry)
        for scorer, some in in_steps(champions.parts([i for i in ids if i not in stored])):
            scores = scorer.score(some, asked.as_of)
            check()
            for item, inputs in paid_items(champions, scorer, scores, wanted or None):
                own_request = {**kept, "customer_ids": [], "invoice_ids": [item["invoice_id"]]}
                records.append(record(champions, scorer, "predict_payments", own_request, {"delay": inputs}, item))
                items.append((item, computed_now(champions)))
    given = log.append(records)
    known_to = champions.living.known_to
    return {
        "as_of": (asked.as_of or known_to).isoformat(), "data_known_to": known_to.isoformat(),
        "currency": champions.scorer.served.currency,
        "items": [{**item, "decision_id": i, **source} for (item, source), i in zip(items, given, strict=True)],
        "not_open": sorted(wanted - {item["invoice_id"] for item, _ in items}),
    }  # fmt: skip


def paid_items(
    champions: Champions, scorer: Scorer, scores: Scores, wanted: set[str] | None = None
) -> Iterator[tuple[Answer, dict[str, float | None]]]:
    """Yield (item as it is answered, the delay model's inputs) of each open item of some scores, or of some invoices."""
    payments = scorer.payments(scores, wanted)
    if payments.empty:
        return
    places = scores.items.index[scores.stand_ins].to_numpy()[payments.index] if wanted is None else payments.index
    beside = common(champions, scorer, scores)
    inputs = matrix_rows(scores.X_items if wanted is None else scorer.item_inputs(scores, payments))
    for place, row in zip(places, rows_of(payments), strict=True):
        yield {**payment_of(row), **beside}, inputs[str(place)]


def health(champions: Champions) -> Answer:
    """`/health/model`: the models served, since when, by whom promoted, how good they were; the ledger and policies."""
    living, scorer = champions.living, champions.scorer
    added = living.grown.added
    invoices = len(living.base.ledger.invoices) + (0 if added is None else len(added.invoices))
    return {
        "status": "serving", "served_since": champions.served_since,
        "models": [_model_in_full(model) for model in champions.models],
        "ledger": {
            "fingerprint": living.fingerprint, "data_known_to": living.known_to.isoformat(),
            "currency": scorer.served.currency, "rows_taken": living.position,
            "customers": len(living.base.ledger.customers), "invoices": invoices,
            "learned_from": {"default": scorer.learned_here[0], "delay": scorer.learned_here[1]},
        },
        "policies": {
            "default": f"{scorer.default.policy.name} {scorer.default.policy.version}",
            "limit": f"{scorer.limit_policy.name} {scorer.limit_policy.version}",
            "country": None if (countries := country_policy(champions.country_policy)) is None
            else f"{countries.name} {countries.version}",
        },
    }  # fmt: skip


def _model(model: Served | None) -> Answer | None:
    """Return what identifies a model version in an answer; None without a champion."""
    return None if model is None else _identity(model)


def _identity(model: Served) -> Answer:
    found: Answer = {"name": model.name, "version": model.version, "run_id": model.run_id}
    return found | ({"without_evidence": True} if registry.WITHOUT_EVIDENCE_TAG in model.tags else {})


def _model_in_full(model: Served) -> Answer:
    metrics = {name: number(value) for name, value in sorted(model.metrics.items())}
    return {
        **_identity(model),
        "digest": model.digest,
        "promoted_at": model.promoted_at,
        "promoted_by": model.promoted_by,
        "metrics": metrics,
    }


def common(champions: Champions, scorer: Scorer, scores: Scores) -> Answer:
    """What stands beside every number: models, the day asked about, and until when the ledger knows."""
    return {
        "model": _model(champions.default), "delay_model": _model(champions.delay),
        "learned_from_this_ledger": learned_here(scorer),
        "as_of": scores.as_of.isoformat(), "data_known_to": scorer.served.data_known_to.isoformat(),
    }  # fmt: skip


def learned_here(scorer: Scorer) -> bool | None:
    """Return whether the models in service learned from the ledger that they answer on; None where it was not logged."""
    logged = [known for known in scorer.learned_here if known is not None]
    return all(logged) if logged else None


def record(champions: Champions, scorer: Scorer, kind: str, asked: Answer, inputs: Answer, answer: Answer) -> Answer:
    """What the log holds of one answer: enough to compute it again."""
    models = {m.name: {**_identity(m), "digest": m.digest} for m in champions.models}
    return {
        "kind": kind, "asked": asked, "ledger_fingerprint": scorer.served.fingerprint,
        "inputs": inputs, "answer": answer,
        "models": models,
        "policies": {"limit": [scorer.limit_policy.name, scorer.limit_policy.version]},
    }  # fmt: skip
