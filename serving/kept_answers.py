"""What the store keeps of every customer beside its score: explanations and payment curves, made in the background and read
on request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic_core
from sqlalchemy import Connection, insert

from decisions.scorer import Scorer, Scores
from models.reasons.sentences import NO_FACTS
from serving import answers
from serving.answer_parts import Inputs, history_notes, rows_of
from serving.champions import Champions
from serving.decision_log import DecisionLog, Packed
from serving.explanations import again, explained
from serving.store.tables import KEPT_ANSWERS

LANGUAGE = "en"  # the language that explanations are kept in: others are worded from the numbers in it
PAYMENTS = "payments"
TARGETS = ("pd", "delay")
Holds = tuple[int, str, str]  # position, day and models for which something holds
_READ = "SELECT position, as_of, models, context, payload, body FROM kept_answers WHERE customer_id = {} AND kind = {}"


def kind_of(target: str) -> str:
    """Return the kind under which a target's explanation is kept."""
    return f"explain/{target}"


@dataclass(frozen=True, kw_only=True)
class StoredExplanation:
    """A stored explanation: its answer as JSON, and the entry with which the decision log records it."""

    text: str
    entry: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredPayments:
    """The stored payment curves of one customer's open items. content : as `contents_of` made it."""

    position: int
    content: Mapping[str, Any]

    def items(
        self, asked: Mapping[str, Any], wanted: set[str] | None
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield (item as it is answered, content of its record) of every item, or of some invoices."""
        content, columns = self.content, self.content["columns_of_rows"]
        shared = {name: content[name] for name in ("models", "policies", "ledger_fingerprint")}
        numbers = content.get("values", {"rows": []})["rows"]
        for place, item in enumerate(content["answer"]["items"]):
            if wanted is None or item["invoice_id"] in wanted:
                own = {**asked, "customer_ids": [], "invoice_ids": [item["invoice_id"]]}
                start = place * len(columns)
                values = dict(zip(columns, numbers[start : start + len(columns)], strict=True))
                yield item, {
                    "kind": "predict_payments", "asked": own, "inputs": {"delay": values}, "answer": item, **shared
                }  # fmt: skip


def contents_of(champions: Champions, scorer: Scorer, scores: Scores) -> dict[str, dict[str, dict[str, Any]]]:
    """Return customer -> kind -> content, as the decision log holds contents, of some customers' scores."""
    inputs, rows = Inputs.of(scores), rows_of(scores.customers)
    ids = [str(i) for i in scores.customers.index]
    facts = scorer.reason_facts(ids, scores.as_of)
    found: dict[str, dict[str, dict[str, Any]]] = {i: {} for i in ids}
    for target in TARGETS:
        whys = scorer.explanations(scores, target) if target == "pd" or scorer.has_delay else {}
        for customer_id, row in zip(ids, rows, strict=True):
            why = whys.get(customer_id)
            answer = answers.explanation_of(
                champions, scorer, scores, customer_id, why, NO_FACTS if why is None else facts[customer_id],
                target=target, language=LANGUAGE, row=row,
            )  # fmt: skip
            asked = {"customer_id": customer_id, "target": target, "as_of": None, "language": LANGUAGE}
            found[customer_id][kind_of(target)] = answers.record(
                champions, scorer, "explain", asked, inputs.at(customer_id), answer
            )
    if scorer.has_delay:
        for customer_id, content in _payments(champions, scorer, scores, ids).items():
            found[customer_id][PAYMENTS] = content
    return found


def _payments(champions: Champions, scorer: Scorer, scores: Scores, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the content of each customer's payment curves; an empty list of items for one without an open item."""
    items: dict[str, list[dict[str, Any]]] = {i: [] for i in ids}
    numbers: dict[str, list[float | None]] = {i: [] for i in ids}
    columns: list[str] = []
    for item, values in answers.paid_items(champions, scorer, scores):
        items[item["customer_id"]].append(item)
        numbers[item["customer_id"]].extend(values.values())
        columns = columns or list(values)
    whole = answers.record(champions, scorer, PAYMENTS, {}, {}, {})
    shared = {name: whole[name] for name in ("kind", "models", "policies", "ledger_fingerprint")}
    return {
        i: {
            **shared, "columns_of_rows": columns if items[i] else [], "values": {"rows": numbers[i]},
            "answer": {"customer_id": i, "items": items[i]},
        }
        for i in ids
    }  # fmt: skip


class KeptAnswers:
    """The kept answers in the store."""

    def __init__(self, log: DecisionLog) -> None:
        self.log = log
        mark = "?" if log.store.is_sqlite else "%s"
        self._query = _READ.format(mark, mark)

    def write(
        self, connection: Connection, packed: Mapping[str, Mapping[str, Packed]], holds: Mapping[str, Holds]
    ) -> None:
        """Replace what is kept of some customers. holds : of each, what its score holds for."""
        rows = []
        for customer_id, kinds in packed.items():
            position, as_of, models = holds[customer_id]
            for kind, content in kinds.items():
                sealed = self.log.sealed(connection, content)
                rows.append({
                    "customer_id": customer_id, "kind": kind, "position": position, "as_of": as_of, "models": models,
                    "context": sealed["context"], "payload": sealed["payload"], "body": sealed["body"],
                })  # fmt: skip
        connection.execute(KEPT_ANSWERS.delete().where(KEPT_ANSWERS.c.customer_id.in_(list(packed))))
        if rows:
            connection.execute(insert(KEPT_ANSWERS), rows)

    def read(self, customer_id: str, kind: str, holds: Holds) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return (content, entry of the decision log) of what is kept; None where that holds for another score."""
        with self.log.store.reading() as connection:
            row = connection.exec_driver_sql(self._query, (customer_id, kind)).first()
            if row is None or (int(row[0]), str(row[1]), str(row[2])) != holds:
                return None
            content = self.log.opened(connection, row[3], customer_id, bytes(row[5]))
        if content is None:
            return None
        return content, {"context": row[3], "payload": row[4], "subject": customer_id, "body": bytes(row[5])}

    def explanation(
        self, scorer: Scorer, customer_id: str, target: str, language: str, holds: Holds
    ) -> StoredExplanation | None:
        """Return a customer's stored explanation in a language; None where none is kept for its present score."""
        kept = self.read(customer_id, kind_of(target), holds)
        if kept is None:
            return None
        content, entry = kept
        answer = content["answer"]
        if language != LANGUAGE:
            worded = in_language(answer, scorer, customer_id, language)
            if worded is None:
                return None
            answer = worded
            named = {**content, "asked": {**content["asked"], "language": language}, "answer": answer}
            with (
                self.log.store.reading() as connection
            ):  # sealed now: as a dictionary it would take many times the memory
                payload, body = self.log.payloads.sealed(connection, customer_id, Packed.of(named).payload)
            entry = {**entry, "payload": payload, "body": body}
        text = pydantic_core.to_json(answer, inf_nan_mode="constants").decode()
        return StoredExplanation(text=text, entry={**entry, "kind": "explain"})

    def payments(self, customer_id: str, holds: Holds) -> StoredPayments | None:
        """Return a customer's stored payment curves; None where none are kept for its present score."""
        kept = self.read(customer_id, PAYMENTS, holds)
        return None if kept is None else StoredPayments(position=holds[0], content=kept[0])


def in_language(answer: Mapping[str, Any], scorer: Scorer, customer_id: str, language: str) -> dict[str, Any] | None:
    """Return a stored explanation in another language: the same numbers, its words made anew.

    None where it explains why there is no number: those words are made of more than is stored.
    """
    if "base_value" not in answer:
        return None
    as_of = scorer.served.asked_on(None)
    facts = scorer.reason_facts([customer_id], as_of)[customer_id]
    history = answer["score"]["history"]
    row = {"history_weight": None if history is None else history["weight"]}
    return {
        **answer, "language": language, "notes": answers.worded(history_notes(row, scorer), language),
        **explained(again(answer), scorer, target=answer["target"], language=language, facts=facts),
    }  # fmt: skip
