"""A typed client of the service: messages in, messages out, with retries that never do anything twice.

from serving.client import Client
with Client("http://127.0.0.1:3000", key="tc_…") as client:
    client.score(customer_ids=["C0000001"]).scores[0].pd
"""

from __future__ import annotations

import random
import time
import uuid
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from ledger.errors import InputError
from serving import answer_messages as out

A = TypeVar("A", bound=BaseModel)

AGAIN = (429, 502, 503, 504)  # the service was busy, starting or away: the same request may be sent again


class Refused(InputError):
    """The service refused a request. `status`, `error` (a stable word), `fields` (what was wrong) say why."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('error', '')}: {body.get('detail', '')}")
        self.status, self.error, self.fields = status, str(body.get("error", "")), body.get("fields") or []
        self.request_id = str(body.get("request_id", ""))


class Client:
    """Asks one service.

    address : e.g. http://127.0.0.1:3000. key : an API key or token; none for a keyless service. tries : how often a request
    is sent while the service is busy, starting or not there. seconds : how long one try may take. longest_wait : the most
    seconds between two tries; they double from a tenth of a second, or are what the service says in Retry-After.
    Every request that writes carries an Idempotency-Key, the same in each try. Raises Refused for an answer that is an
    error, ConnectionError where no try got an answer.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str = "",
        tries: int = 6,
        seconds: float = 60.0,
        longest_wait: float = 20.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.tries, self.longest_wait = tries, longest_wait
        self._http = httpx.Client(base_url=address, headers=headers, timeout=seconds, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def score(self, **message: Any) -> out.ScoreAnswer:
        """Return `/score`; fields as serving.messages.ScoreRequest."""
        return self.post("/score", out.ScoreAnswer, message)

    def score_ledger(self, **message: Any) -> out.ScoreAnswer:
        """Return `/score_ledger`; fields as LedgerRequest."""
        return self.post("/score_ledger", out.ScoreAnswer, message)

    def predict_payments(self, **message: Any) -> out.PaymentsAnswer:
        """Return `/predict_payments`; fields as PaymentsRequest."""
        return self.post("/predict_payments", out.PaymentsAnswer, message)

    def explain(self, **message: Any) -> out.ExplainAnswer:
        """Return `/explain`; fields as ExplainRequest."""
        return self.post("/explain", out.ExplainAnswer, message)

    def review(self, **message: Any) -> out.ReviewAnswer:
        """Return `/review`; fields as ReviewRequest."""
        return self.post("/review", out.ReviewAnswer, message)

    def what_if(self, **message: Any) -> out.WhatIfAnswer:
        """Return `/what_if`; fields as WhatIfRequest."""
        return self.post("/what_if", out.WhatIfAnswer, message)

    def decide(self, **message: Any) -> out.DecideAnswer:
        """Return `/decide`; fields as DecideRequest."""
        return self.post("/decide", out.DecideAnswer, message, is_writing=True)

    def send_events(self, *, idempotency_key: str = "", **message: Any) -> out.EventsAnswer:
        """Return `/events`; fields as EventsRequest. The key names the request where it is sent again by another process."""
        return self.post("/events", out.EventsAnswer, message, is_writing=True, idempotency_key=idempotency_key)

    def score_all(self, **message: Any) -> out.JobAnswer:
        """Return `/jobs/score`: a job; fields as JobRequest."""
        return self.post("/jobs/score", out.JobAnswer, message)

    def job(self, job_id: str) -> out.JobAnswer:
        """Return a job with its progress."""
        return out.JobAnswer.model_validate_json(self._sent("GET", f"/jobs/{job_id}").content)

    def job_result(self, job_id: str) -> bytes:
        """Return the Parquet file of a job that is done."""
        return self._sent("GET", f"/jobs/{job_id}/result").content

    def changes(self, after: int = 0) -> out.ChangesAnswer:
        """Return the feed of changes after a number."""
        return out.ChangesAnswer.model_validate_json(self._sent("GET", f"/changes?after={after}").content)

    def post(
        self,
        path: str,
        answer: type[A],
        message: dict[str, Any],
        *,
        is_writing: bool = False,
        idempotency_key: str = "",
    ) -> A:
        """Return a route's answer to a message."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex} if is_writing else {}
        return answer.model_validate_json(self._sent("POST", path, message, headers).content)

    def _sent(
        self, method: str, path: str, message: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        why: Exception | None = None
        for number in range(self.tries):
            wait = min(0.1 * 2**number, 5.0, self.longest_wait) * (0.5 + random.random() / 2)
            try:
                found = self._http.request(method, path, json=message, headers=headers)
            except httpx.TransportError as lost:
                why = lost
            else:
                if found.status_code < 400:
                    return found
                try:
                    body = found.json()
                except ValueError:
                    body = {"error": "", "detail": found.text[:200]}
                if found.status_code not in AGAIN or number == self.tries - 1:
                    raise Refused(found.status_code, body)
                given = found.headers.get("retry-after", "")
                wait = max(wait, min(float(given), self.longest_wait)) if given.isdigit() else wait
            if number < self.tries - 1:
                time.sleep(wait)
        raise ConnectionError(f"no answer in {self.tries} tries ({type(why).__name__})") from why
