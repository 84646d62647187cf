"""The routes that programs ask: message in, message out, scope, example; declared once, for HTTP, document and clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from serving import answer_messages as out
from serving import answers, check_order, decide, what_if
from serving import messages as given
from serving.identity import Caller
from serving.metrics import Metrics
from serving.state import ServiceState

Result = dict[str, Any] | str
Work = Callable[[ServiceState, Caller, Any], Result]
METRICS = Metrics()


@dataclass(frozen=True, kw_only=True)
class Route:
    """One POST route: its work takes the state, the caller and the message, and gives a JSON object or its text."""

    path: str
    message: type[given.Message]
    answer: type[BaseModel]
    scope: str
    summary: str
    example: Mapping[str, Any]
    work: Work

    @property
    def name(self) -> str:
        """Return the route as a name that BentoML's clients call."""
        return self.path.strip("/").replace("/", "_")


def _score(o: ServiceState, caller: Caller, asked: given.ScoreRequest) -> Result:
    """Return `/score`: as text from the read model where it holds every customer, else computed now."""
    champions, log = o.served_models.champions(), o.log.by(caller.subject)
    held = answers.score_text(champions, log, asked, o.book)
    if held is not None:
        METRICS.answered((o.book.grade_of(i) for i in asked.customer_ids), 0)
        return held
    found = answers.score(champions, log, asked, o.book)
    METRICS.answered((answer["grade"] for answer in found["scores"]), len(found["scores"]))
    return found


def _score_ledger(o: ServiceState, caller: Caller, asked: given.LedgerRequest) -> Result:
    return answers.score_ledger(o.served_models.champions(), o.log.by(caller.subject), asked)


def _payments(o: ServiceState, caller: Caller, asked: given.PaymentsRequest) -> Result:
    return answers.predict_payments(o.served_models.champions(), o.log.by(caller.subject), asked, o.book)


def _explain(o: ServiceState, caller: Caller, asked: given.ExplainRequest) -> Result:
    """Return `/explain`: as text from the read model where it holds the customer's explanation, else computed now."""
    champions, log = o.served_models.champions(), o.log.by(caller.subject)
    found = o.book.explanation(champions, asked.customer_id, asked.target, asked.language, asked.as_of)
    if found is None:
        return answers.explain(champions, log, asked, o.book)
    stored, position = found
    (decision_id,) = log.append([stored.entry])
    return answers.stored_text(stored.text, decision_id, position)


def _review(o: ServiceState, caller: Caller, asked: given.ReviewRequest) -> Result:
    return answers.review(o.served_models.champions(), o.log.by(caller.subject), asked, o.book)


def _what_if(o: ServiceState, caller: Caller, asked: given.WhatIfRequest) -> Result:
    return what_if.what_if(o.served_models.champions(), o.log.by(caller.subject), asked, o.book)


def _check_order(o: ServiceState, caller: Caller, asked: given.CheckOrderRequest) -> Result:
    champions, log = o.served_models.champions(), o.log.by(caller.subject)
    return check_order.checked_order(champions, log, asked, o.book, o.served_models.settings.orders)


def _decide(o: ServiceState, caller: Caller, asked: given.DecideRequest) -> Result:
    retry = caller.idempotency_key != ""
    return decide.decide(o.served_models.champions(), o.log, asked, caller, o.authority, may_be_retry=retry)


def _job(o: ServiceState, caller: Caller, asked: given.JobRequest) -> Result:
    return o.jobs.ask(asked, caller)


CUSTOMER, DAY = "C0000001", "2024-06-30"
_REVIEW = {"customer_id": CUSTOMER, "requested_limit": 20000, "currency": "EUR"}
_INVOICE = {
    "invoice_id": "EXAMPLE-1", "customer_id": CUSTOMER, "kind": "invoice", "issued_on": DAY, "due_on": "2024-07-30",
    "amount": 1190.00, "currency": "EUR",
}  # fmt: skip

ROUTES: tuple[Route, ...] = (
    Route(
        path="/score", message=given.ScoreRequest, answer=out.ScoreAnswer, scope="score", work=_score,
        summary="PD, grade, expected loss, lateness and open items of customers.", example={"customer_ids": [CUSTOMER]},
    ),
    Route(
        path="/score_ledger", message=given.LedgerRequest, answer=out.ScoreAnswer, scope="score", work=_score_ledger,
        summary="The same of a small ledger in the body, of which nothing is kept but the decision record.",
        example={"customers": [{"customer_id": CUSTOMER, "country": "DE"}], "invoices": [_INVOICE]},
    ),
    Route(
        path="/predict_payments", message=given.PaymentsRequest, answer=out.PaymentsAnswer, scope="score", work=_payments,
        summary="When each open item is paid, given that it is unpaid on the day asked.",
        example={"customer_ids": [CUSTOMER]},
    ),
    Route(
        path="/explain", message=given.ExplainRequest, answer=out.ExplainAnswer, scope="explain", work=_explain,
        summary="Why a number is what it is: base value, every contribution, reasons.",
        example={"customer_id": CUSTOMER, "language": "zh"},
    ),
    Route(
        path="/review", message=given.ReviewRequest, answer=out.ReviewAnswer, scope="review", work=_review,
        summary="What limit the policy recommends, with its arithmetic.", example=_REVIEW,
    ),
    Route(
        path="/what_if", message=given.WhatIfRequest, answer=out.WhatIfAnswer, scope="review", work=_what_if,
        summary="A review as things are and as they would be.", example={**_REVIEW, "features": {"late_share_12m": 0.1}},
    ),
    Route(
        path="/check_order", message=given.CheckOrderRequest, answer=out.CheckOrderAnswer, scope="review",
        work=_check_order, summary="An order against the policy's rules: release, part, prepay or hold.",
        example={"customer_id": CUSTOMER, "order": {"amount": 2500, "currency": "EUR", "terms_days": 30}},
    ),
    Route(
        path="/decide", message=given.DecideRequest, answer=out.DecideAnswer, scope="decide", work=_decide,
        summary="A person's decision about a review, or a second person's about a proposed one.",
        example={"decision_id": "DECISION_ID of a review", "action": "decline", "by": "ann", "reason": "two insolvencies in the group"},
    ),
    Route(
        path="/jobs/score", message=given.JobRequest, answer=out.JobAnswer, scope="score", work=_job,
        summary="Score many customers, or all, in the background; the result is a Parquet file.",
        example={"explain": True},
    ),
)  # fmt: skip

# Declared for document and clients; its work needs the request's headers and stands in serving.service.
EVENTS = Route(
    path="/events", message=given.EventsRequest, answer=out.EventsAnswer, scope="events", work=lambda o, c, m: {},
    summary="New and corrected rows for the ledger; the next score knows them.", example={"invoices": [_INVOICE]},
)  # fmt: skip
