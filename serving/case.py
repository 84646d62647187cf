"""The data of a customer's page: everything a reviewer sees of one case, computed by reading only; nothing is logged."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.customer_view import (
    Group,
    HistoryPoint,
    InvoiceBar,
    Lateness,
    MasterData,
    group_of,
    invoices_of,
    lateness,
    master_data,
    pd_history,
)
from decisions.limit_policy import read_limit_policy_file
from decisions.needed_limit import Need, needed_limit
from decisions.scorer import Scorer, Scores
from decisions.status_facts import status_code
from features.engine.histories import build
from ledger.credit_terms import Terms, terms_on
from models.registry import Served
from serving.answer_parts import account_of, delay_of, history_notes, payment_of, rows_of, score_of
from serving.answers import Answer, known_customers, reviewed, worded
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.explanations import explained
from serving.messages import ReviewRequest, typed
from serving.shared_limits import NOTHING, Shared, shared_of

MOST_DECISIONS = 20


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for a customer's page: a day, a limit in the reporting currency, a language; None is not given."""

    customer_id: str
    as_of: date | None = None
    requested: float | None = None
    language: str = "en"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One customer on one day.

    score, account, delay, review, explained : as the service's answers hold them; None where there is none.
    status : the sentence of a customer without an ordinary PD. peers : the industry's medians of the model's columns.
    decisions : the records of people's decisions, newest first. model : the default model served. shared : the caps that the
    customer shares with its group and country.
    """

    master: MasterData
    group: Group | None
    terms: Terms
    as_of: date
    data_known_to: date
    currency: str
    requested: float | None
    language: str
    score: Answer
    account: Answer
    delay: Answer | None
    status: str | None
    notes: list[Answer]
    review: Answer | None
    explained: Answer | None
    peers: Mapping[str, float]
    history: list[HistoryPoint]
    invoices: list[InvoiceBar]
    open_items: list[Answer]
    lateness: Lateness
    need: Need | None
    decisions: list[dict[str, Any]]
    model: Mapping[str, Any]
    shared: Shared = NOTHING


def case(champions: Champions, log: DecisionLog, asked: Asked) -> Case:
    """Return the data of a customer's page. Raises Problem 404 or 422 as `/review` does."""
    scorer = champions.scorer_of(asked.customer_id)
    with known_customers(scorer):
        scores = scorer.score([asked.customer_id], asked.as_of)
    row = rows_of(scores.customers)[0]
    terms = terms_on(scorer.served.ledger, asked.customer_id, scores.as_of)
    need = _need(scorer, scores, asked.customer_id, row)
    requested = asked.requested or terms.credit_limit or (None if need is None else round(need.limit, -2)) or None
    why = scorer.explain(scores, "pd")
    facts = scorer.reason_facts([asked.customer_id], scores.as_of)[asked.customer_id]
    message = _review_message(asked, scores, requested, scorer.served.currency)
    status = status_code(scorer, scores, asked.customer_id)
    shared = shared_of(champions, log, asked.customer_id, scores.as_of)
    master = master_data(scorer, asked.customer_id)
    return Case(
        master=master, group=group_of(scorer, asked.customer_id, scores.as_of), terms=terms, as_of=scores.as_of,
        data_known_to=scorer.served.data_known_to, currency=scorer.served.currency, requested=requested,
        language=asked.language, score=score_of(asked.customer_id, row, scorer), account=account_of(row),
        delay=delay_of(row), status=None if status is None else worded([status], asked.language)[0]["text"],
        notes=worded(history_notes(row, scorer), asked.language),
        review=None if message is None else reviewed(scorer, scores, message, why, shared=shared),
        explained=None if why is None else explained(
            why, scorer, target="pd", language=asked.language, facts=facts
        ),
        peers=industry_medians(scorer, master.industry, scores.as_of),
        history=pd_history(scorer, asked.customer_id, scores.as_of),
        invoices=invoices_of(scorer, asked.customer_id, scores.as_of),
        open_items=[payment_of(item) for item in rows_of(scorer.payments(scores))],
        lateness=lateness(scorer, asked.customer_id, scores.as_of), need=need,
        decisions=decisions_of(log, asked.customer_id), model=model_of(champions), shared=shared,
    )  # fmt: skip


def _review_message(asked: Asked, scores: Scores, requested: float | None, currency: str) -> ReviewRequest | None:
    if requested is None or requested <= 0:
        return None
    return typed(ReviewRequest, {
        "customer_id": asked.customer_id, "requested_limit": requested, "currency": currency,
        "as_of": scores.as_of.isoformat(), "language": asked.language,
    })  # fmt: skip


def _need(scorer: Scorer, scores: Scores, customer_id: str, row: Mapping[str, Any]) -> Need | None:
    """The limit needed for the last year's sales; None for a customer without sales."""
    snapshots = pd.DataFrame({
        "customer_id": pd.Series([customer_id], dtype="str"), "as_of": pd.Series([np.datetime64(scores.as_of, "s")]),
    })  # fmt: skip
    values = build(scorer.served.prepared, snapshots, columns=["sales_12m", "terms_days_mean_12m"]).iloc[0]
    sales, terms = float(values["sales_12m"]), float(values["terms_days_mean_12m"])
    if not sales > 0 or np.isnan(terms):
        return None
    expected = row["days_late_mean"]
    return needed_limit(
        sales_12m=sales, terms_days=terms, expected_delay_days=0.0 if np.isnan(expected) else float(expected),
        headroom=read_limit_policy_file().need_headroom,
    )  # fmt: skip


_MEDIANS: dict[tuple[int, str, date], Mapping[str, float]] = {}
_LOCK = threading.Lock()
MOST_KEPT = 64  # medians by scorer, industry and day


def industry_medians(scorer: Scorer, industry: str | None, as_of: date) -> Mapping[str, float]:
    """Return the industry's median of each of the default model's columns on a day; {} for an unknown industry.

    Computed once for each scorer, industry and day.
    """
    if industry is None:
        return {}
    key = (id(scorer.served.prepared), industry, as_of)
    with _LOCK:
        if key in _MEDIANS:
            return _MEDIANS[key]
    prepared = scorer.served.prepared
    ids = [str(i) for i in prepared.owners.ids[prepared.industries == industry]]
    snapshots = pd.DataFrame({
        "customer_id": pd.Series(ids, dtype="str"),
        "as_of": pd.Series(np.full(len(ids), np.datetime64(as_of, "s")), dtype="datetime64[s]"),
    })  # fmt: skip
    matrix = build(prepared, snapshots, columns=scorer.default.needed)
    values = matrix.to_numpy(dtype=np.float64)
    known = ~np.isnan(values).all(axis=0)
    found = {name: float(np.nanmedian(values[:, k])) for k, name in enumerate(matrix.columns) if known[k]}
    with _LOCK:
        if len(_MEDIANS) >= MOST_KEPT:
            _MEDIANS.clear()
        _MEDIANS[key] = found
    return found


def decisions_of(log: DecisionLog, customer_id: str, most: int = MOST_DECISIONS) -> list[dict[str, Any]]:
    """Return people's decisions about a customer, newest first: decision_id, decided_at and the answer's fields.

    `is_open`: a proposal that nobody has confirmed or rejected yet.
    """
    records = log.of_customer(customer_id, kinds=("decide",), most=most)
    answered = {record.content.get("about") for record in records}
    return [
        {
            **record.content["answer"], "decision_id": record.decision_id, "decided_at": record.content["decided_at"],
            "is_open": record.content["answer"]["status"] == "proposed" and record.decision_id not in answered,
        }
        for record in records
    ]  # fmt: skip


def default_of(champions: Champions) -> Served:
    """Return the default model's champion. Raises Problem 503 where there is none."""
    if champions.default is None:
        raise Problem(status=503, error="no_model", detail="no default model is the champion.")
    return champions.default


def model_of(champions: Champions) -> dict[str, Any]:
    """Return what a page says of the default model: name, version, since when, AUC with interval, rows it is of.

    Of the delay model where no default model is the champion: it has none of these figures.
    """
    served = champions.default or champions.models[0]
    metrics = served.metrics
    return {
        "name": served.name, "version": served.version,
        "promoted_at": served.promoted_at, "promoted_by": served.promoted_by,
        "auc": metrics.get("auc"), "auc_low": metrics.get("auc_low"), "auc_high": metrics.get("auc_high"),
        "snapshots": metrics.get("test_snapshots") or metrics.get("snapshots"),
    }  # fmt: skip
