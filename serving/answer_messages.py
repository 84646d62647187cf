"""The answers' messages: the form of every answer, from which the document of the service is made; tests hold answers to it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["en", "zh"]


class AnswerMessage(BaseModel):
    """An answer's body. Fields may be added to it: read those that are named here and leave the others."""

    model_config = ConfigDict(extra="allow")


class Model(AnswerMessage):
    """A model version that answered."""

    name: str
    version: str
    run_id: str
    without_evidence: bool = Field(
        default=False, description="Registered though nothing could be evaluated out of time."
    )


class Beside(AnswerMessage):
    """What stands beside every number."""

    model: Model | None = Field(description="The default model; null without a champion.")
    delay_model: Model | None = Field(description="The delay model; null without a champion.")
    learned_from_this_ledger: bool | None = Field(
        description="Whether the models learned from the ledger that they answer on; null for versions that do not say."
    )
    as_of: date = Field(description="The end of the day asked about.")
    data_known_to: date = Field(description="The last day that the ledger knows.")


class Made(AnswerMessage):
    """How an answer was made: read from the store, where it was kept current, or computed for this request."""

    decision_id: str = Field(description="The id of this answer's record in the decision log.")
    source: Literal["stored", "computed"] = Field(
        description="stored: read from the store, where it held for the ledger as it is; computed: made for this request."
    )
    ledger_position: int = Field(
        description="Number of the last row sent to the ledger when the answer was made; 0 before the first. A stored "
        "answer may name an earlier one than the ledger's: no row since then moves it."
    )


class Lateness(AnswerMessage):
    """How late an invoice is paid: chances of at least so many days, quantiles and mean in days against the due date."""

    p_late_1: float
    p_late_5: float
    p_late_30: float
    p_late_60: float
    p_late_90: float
    days_late_p10: float
    days_late_p50: float
    days_late_p90: float
    days_late_low: float = Field(description="First day of the shortest interval with a chance of at least 80 %.")
    days_late_high: float = Field(description="Its last day.")
    interval_probability: float = Field(description="The chance of that interval, at least 0.8.")
    days_late_mean: float


class Account(AnswerMessage):
    """What stands of the account, in the ledger's currency."""

    balance: float
    overdue: float = Field(description="All that is past due, disputed items too.")
    arrears: float = Field(description="The undisputed part of what is past due.")
    disputed: float
    unapplied: float
    days_past_due: int
    ageing: dict[str, float]
    expected_cash: dict[str, float | None]
    grouped_items: int = Field(
        default=0, description="Open items, beyond 300 of one customer, whose cash is expected as that of a like item."
    )


class Scored(AnswerMessage):
    """PD, grade and expected loss of a customer; null where `special` says why."""

    customer_id: str
    special: str | None = Field(description="no_history, in_default, stale_data, merged, no_default_model or null.")
    pd: float | None = Field(description="Probability of default within horizon_months.")
    horizon_months: int | None
    pd_low: float | None
    pd_high: float | None
    grade: str | None
    score: float | None
    exposure: float | None
    expected_loss: float | None


class Score(Scored, Beside, Made):
    """A customer's score as `/score` gives it."""

    delay: Lateness | None = Field(description="Of the customer's next invoice; null without any invoice to go by.")
    open_items: Account


class ScoreAnswer(AnswerMessage):
    """`/score` and `/score_ledger`."""

    as_of: date
    data_known_to: date
    currency: str
    scores: list[Score]


class Payment(Lateness, Beside, Made):
    """When one open item is paid."""

    customer_id: str
    invoice_id: str
    instalment: int = Field(default=0, description="Number of the instalment; 0 for an invoice with one due date.")
    due_on: date
    open_amount: float
    days_past_due: int
    is_disputed: bool
    expected_on: date
    p_paid: dict[str, float] = Field(description="Chance to be paid in each bucket of days from as_of.")
    predicted_as: str | None = Field(
        default=None,
        description="The open item whose prediction stands for this one, where a customer has more than 300.",
    )


class PaymentsAnswer(AnswerMessage):
    """`/predict_payments`."""

    as_of: date
    data_known_to: date
    currency: str
    items: list[Payment]
    not_open: list[str]


class Contribution(AnswerMessage):
    """What one column moves, in log-odds; all of them and the base value add up to the margin."""

    feature: str
    family: str
    label: str
    value: float | None
    log_odds: float
    probability_points: float


class Reason(AnswerMessage):
    """One reason as a code and a sentence."""

    code: str
    text: str


class ExplainAnswer(Beside, Made):
    """`/explain`; base value, margin and residual are absent where there is no number to explain."""

    customer_id: str
    target: Literal["pd", "delay"]
    language: Language
    contributions: list[Contribution]
    reasons: list[Reason]
    strengths: list[Reason]
    base_value: float | None = None
    margin: float | None = None
    additivity_residual: float | None = None


class ReviewPart(AnswerMessage):
    """A recommendation with its arithmetic."""

    customer_id: str
    recommendation: Literal["approve", "reduce", "hold", "decline", "refer"]
    requested_limit: float
    recommended_limit: float | None
    currency: str
    valid_until: date
    next_review: date
    arithmetic: list[dict[str, Any]]
    reasons: list[Reason]
    conditions: list[Reason]
    shared_limits: list[dict[str, Any]] = Field(
        default=[],
        description="Caps shared with the group or country: what the others use, what is left (arithmetic_currency).",
    )
    country_stop: dict[str, Any] | None = Field(default=None, description="The country policy's objection to credit.")


class ReviewAnswer(ReviewPart, Beside, Made):
    """`/review`."""


class CheckOrderAnswer(Beside, Made):
    """`/check_order`: `arithmetic` and `costs` are in arithmetic_currency."""

    customer_id: str
    answer: Literal["release", "part", "prepay", "hold"]
    decided_by: str | None = Field(description="The rule that decided; null for a release.")
    released_amount: float = Field(description="What may go out on credit, in the order's currency.")
    rules: list[dict[str, Any]] = Field(description="Every rule: whether it blocks, the numbers compared, exclusions.")
    reasons: list[Reason]
    released_by: list[dict[str, Any]] = Field(description="What would lift each rule that blocks.")
    arithmetic: list[dict[str, Any]]
    costs: dict[str, dict[str, float | None]] = Field(description="What releasing and not releasing costs.")


class WhatIfAnswer(Beside, Made):
    """`/what_if`: the review before and after."""

    customer_id: str
    before: ReviewPart
    after: ReviewPart
    moved: list[dict[str, Any]]


class DecideAnswer(AnswerMessage):
    """`/decide`."""

    review_id: str
    customer_id: str
    status: Literal["proposed", "decided", "rejected"]
    action: str
    limit: float | None
    by: str
    confirmed_by: str | None
    valid_until: date
    needs_second_person: bool
    who_is_checked: bool
    decision_id: str


class Refused(AnswerMessage):
    """A row that was not taken."""

    table: str
    row: int
    field: str
    expected: str


class EventsAnswer(AnswerMessage):
    """`/events`."""

    position: int = Field(description="Of the last row in the ledger, this request's included.")
    data_known_to: date
    accepted: dict[str, int] = Field(description="New rows by table.")
    corrected: dict[str, int]
    unchanged: dict[str, int]
    refused: list[Refused]
    refused_rows: int


class JobAnswer(AnswerMessage):
    """A job: GET /jobs/{job_id} gives it again with its progress, GET /jobs/{job_id}/result its file when it is done."""

    job_id: str
    kind: str
    status: Literal["waiting", "running", "done", "failed"]
    done: int
    total: int
    detail: str | None


class Change(AnswerMessage):
    """One change of the feed."""

    change: int
    kind: str
    customer_id: str
    position: int
    changed_at: str


class ChangesAnswer(AnswerMessage):
    """`GET /changes`."""

    changes: list[Change]
    next: int = Field(description="Ask with after=next the next time.")


class HealthAnswer(AnswerMessage):
    """`GET /health/model`."""

    status: str
    served_since: str
    models: list[dict[str, Any]]
    ledger: dict[str, Any]
    policies: dict[str, Any]
    callers: str


class ErrorAnswer(BaseModel):
    """Every error."""

    error: str = Field(description="A stable word for programs.")
    detail: str = Field(description="One sentence for a person.")
    request_id: str
    fields: list[dict[str, str]] | None = Field(default=None, description="The faulty fields and what was expected.")
