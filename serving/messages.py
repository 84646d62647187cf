"""The messages: what may be asked, checked once here; unknown fields, NaN and wrong types never get further."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

import pydantic_core
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from serving.amounts import Amount, PositiveAmount
from serving.errors import Problem

MOST_CUSTOMERS = 1_000  # in one request; a whole book is `tradecredit score`
MOST_OF_A_JOB = 200_000  # customers named in a job; all are scored where none is named
MOST_ROWS = 20_000  # of one table in a ledger sent in the body
MOST_SUPPOSED = 200  # hypothetical rows of one table, or columns with another value
LARGEST_BODY = 8 * 1024 * 1024  # bytes
MOST_FIELDS_NAMED = 10  # faulty fields that an error names


class Message(BaseModel):
    """A request's body: nothing but the declared fields, of exactly their JSON types, every number finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)

    def kept(self) -> dict[str, Any]:
        """What the decision log keeps of the request."""
        return self.model_dump(mode="json")


def _one_line(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be printable text without spaces around it")
    return text


Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Language = Literal["en", "zh"]


def _cell(value: Any) -> str | bool | int | float | None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if value is not None and not isinstance(value, str | bool | int | float):
        raise ValueError("must be text, a number, true, false or null")
    return value


Cell = Annotated[Any, PlainValidator(_cell)]
Row = Mapping[str, Cell]
AsOf = Annotated[date | None, Field(description="The end of the day asked about; the last known day if absent.")]


class ScoreRequest(Message):
    """`/score`: these customers on one day."""

    customer_ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_CUSTOMERS)]
    as_of: AsOf = None


class PaymentsRequest(Message):
    """`/predict_payments`: the open items of these customers, or these open items."""

    customer_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_CUSTOMERS)] = ()
    invoice_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_CUSTOMERS)] = ()
    as_of: AsOf = None


class ExplainRequest(Message):
    """`/explain`: why this customer's number is what it is."""

    customer_id: Id
    target: Literal["pd", "delay"] = "pd"
    as_of: AsOf = None
    language: Language = "en"


class ReviewRequest(Message):
    """`/review`: what limit the policy recommends. An amount may be a JSON integer or number."""

    customer_id: Id
    requested_limit: PositiveAmount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    as_of: AsOf = None
    language: Language = "en"


class Order(Message):
    """An order to be checked: days of payment terms, the share of its amount that is margin (0.15 is 15 %)."""

    amount: PositiveAmount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    order_id: Id | None = None
    terms_days: Annotated[int | None, Field(ge=0, le=1_000)] = None
    deliver_on: date | None = None
    margin_share: Annotated[float | None, Field(ge=0, le=1)] = None


class CheckOrderRequest(Message):
    """`/check_order`: release, part, prepay or hold. An order_id that the ledger holds is not counted twice;
    limit_valid_until and review_due_on: where the caller knows them, the ledger does not."""

    customer_id: Id
    order: Order
    limit_valid_until: date | None = None
    review_due_on: date | None = None
    as_of: AsOf = None
    language: Language = "en"


class DecideRequest(Message):
    """`/decide`: a person's decision about a review, or another person's about a proposed one (confirm, reject).

    by : who decides; where callers are known by a key or token it is the caller, and no other may stand here. limit : in
    the review's currency.
    """

    decision_id: Id
    action: Literal["approve", "reduce", "hold", "decline", "confirm", "reject"]
    by: Id | None = None
    limit: Amount | None = None
    reason: Annotated[str, Field(max_length=2_000)] = ""
    condition: Annotated[str, Field(max_length=500)] = ""


Rows = Annotated[tuple[Row, ...], Field(max_length=MOST_ROWS)]
Supposed = Annotated[tuple[Row, ...], Field(max_length=MOST_SUPPOSED)]
Value = Annotated[float | None, Field(allow_inf_nan=False)]


class WhatIfRequest(ReviewRequest):
    """`/what_if`: a review as things are, and as they would be: with other values of the default model's columns
    (null: not known), or with rows added to the customer's ledger."""

    features: Mapping[str, Value] = Field(default_factory=dict, max_length=MOST_SUPPOSED)
    invoices: Supposed = ()
    payments: Supposed = ()
    events: Supposed = ()
    credit_terms: Supposed = ()
    ratings: Supposed = ()
    attributes: Supposed = ()

    def tables(self) -> dict[str, tuple[Row, ...]]:
        """The rows to add, by table; tables without any are left out."""
        named = ("invoices", "payments", "events", "credit_terms", "ratings", "attributes")
        return {name: rows for name in named if (rows := getattr(self, name))}


class LedgerRequest(Message):
    """`/score_ledger`: a small ledger, its tables as rows, and the customers to score (all, where none is named)."""

    customers: Annotated[Rows, Field(min_length=1, max_length=MOST_CUSTOMERS)]
    invoices: Annotated[Rows, Field(min_length=1)]
    instalments: Rows = ()
    payments: Rows = ()
    orders: Rows = ()
    events: Rows = ()
    credit_terms: Rows = ()
    ratings: Rows = ()
    attributes: Rows = ()
    macro: Rows = ()
    exchange_rates: Rows = ()
    as_of: AsOf = None
    customer_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_CUSTOMERS)] = ()

    def kept(self) -> dict[str, Any]:
        """Without the ledger sent: of it nothing is kept but the decision record."""
        return self.model_dump(mode="json", include={"as_of", "customer_ids"})

    def tables(self) -> dict[str, tuple[Row, ...]]:
        """The ledger's tables by name."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in ("as_of", "customer_ids")}


class EventsRequest(Message):
    """`/events`: rows that the ledger takes in, by table, as the ledger's contract names their columns.

    partial : take the rows that hold and refuse the others; otherwise one faulty row refuses them all.
    """

    customers: Rows = ()
    invoices: Rows = ()
    instalments: Rows = ()
    payments: Rows = ()
    orders: Rows = ()
    events: Rows = ()
    credit_terms: Rows = ()
    ratings: Rows = ()
    attributes: Rows = ()
    macro: Rows = ()
    exchange_rates: Rows = ()
    partial: bool = False

    def tables(self) -> dict[str, tuple[Row, ...]]:
        """Return the rows by table; tables without any are left out."""
        return {name: rows for name in type(self).model_fields if name != "partial" and (rows := getattr(self, name))}


class JobRequest(Message):
    """`/jobs/score`: customers to score in the background; all of them where none is named."""

    customer_ids: Annotated[tuple[Id, ...], Field(max_length=MOST_OF_A_JOB)] = ()
    as_of: AsOf = None
    explain: bool = False


M = TypeVar("M", bound=Message)


def parsed(kind: type[M], body: bytes) -> M:
    """The body as a message of a kind.

    Raises Problem: 400 for what is not JSON (a NaN literal is not), 413 for a list that is too long, 422 for a body
    that breaks the message's schema, with each faulty field's path and what was expected there.
    """
    try:
        json.loads(body, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except RecursionError:
        raise Problem(status=400, error="broken_json", detail="the body is nested too deeply.") from None
    except ValueError as broken:
        raise Problem(
            status=400, error="broken_json",
            detail=f"the body must be JSON in UTF-8 (NaN and Infinity are not JSON): {broken}.",
        ) from None  # fmt: skip
    try:
        return kind.model_validate_json(body)
    except ValidationError as faults:
        raise _problem(faults) from None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:50]!r} stands twice in one object")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def typed(kind: type[M], fields: Mapping[str, Any]) -> M:
    """What a person typed into a form as a message of a kind. Raises Problem as `parsed` does."""
    return parsed(kind, pydantic_core.to_json(fields))


def _problem(faults: ValidationError) -> Problem:
    """The faults of a body as one problem. The values sent are not repeated: they may be personal data."""
    found = faults.errors(include_url=False, include_context=True, include_input=False)
    fields = [{"field": _path(fault["loc"]), "expected": _expected(fault)} for fault in found[:MOST_FIELDS_NAMED]]
    more = f" (and {len(found) - len(fields)} more)" if len(found) > len(fields) else ""
    detail = "; ".join(f"{f['field']}: {f['expected']}" for f in fields) + more + "."
    too_long = all(fault["type"] == "too_long" for fault in found)
    status, error = (413, "too_much") if too_long else (422, "invalid_request")
    return Problem(status=status, error=error, detail=detail, fields=fields)


def _path(loc: tuple[int | str, ...]) -> str:
    """A field's path as one writes it: customer_ids[3], ledger.invoices[0].amount."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"


def _expected(fault: Any) -> str:
    """What was expected, in our words where pydantic's say less."""
    context = fault.get("ctx", {})
    match fault["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case "too_short":
            return f"must hold at least {context['min_length']} entry"
        case "too_long":
            return f"must hold at most {context['max_length']:,} entries"
        case "date_from_datetime_parsing" | "date_parsing" | "date_type":
            return "must be a date as YYYY-MM-DD"
        case "string_pattern_mismatch":
            return "must be an ISO 4217 code, e.g. EUR"
        case "literal_error":
            return f"must be one of {context['expected']}"
        case "value_error":
            return str(context["error"])
        case _:
            return fault["msg"][0].lower() + fault["msg"][1:]
