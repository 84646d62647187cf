"""Jobs: a whole ledger is scored in the background; its progress stands in the store, its result is a Parquet file."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from decisions.scoring_ledger import FutureDay, UnknownCustomer
from decisions.whole_ledger import scored_parts
from ledger.errors import InputError
from serving.champions import Champions, ServedModels
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.identity import Caller
from serving.messages import JobRequest
from serving.store import StoreUnavailable
from serving.store.tables import JOBS
from serving.time_limit import begin_writing

logger = logging.getLogger("tradecredit.serving")

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
SILENT_FOR = timedelta(seconds=120)  # a running job that has said nothing for so long was left by its process
MOST_WAITING = 20


class Jobs:
    """The jobs in the store, done one after the other by a thread of each process."""

    def __init__(self, served_models: ServedModels, log: DecisionLog, folder: Path) -> None:
        self.served_models, self.log, self.store, self.folder = served_models, log, log.store, folder
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, asked: JobRequest, caller: Caller) -> dict[str, Any]:
        """Put a job into the store and return it. Raises Problem: 404 and 422 for what cannot be scored, 429 for too many."""
        champions = self.served_models.champions()
        ids = self._customers(champions, asked)
        begin_writing()
        with self.store.writing() as connection:
            waiting = connection.execute(select(JOBS.c.job_id).where(JOBS.c.status.in_((WAITING, RUNNING)))).all()
            if len(waiting) >= MOST_WAITING:
                raise Problem(
                    status=429, error="too_many_requests", detail=f"{MOST_WAITING} jobs are waiting or running.",
                    headers={"Retry-After": "60"},
                )  # fmt: skip
            job_id = uuid.uuid4().hex
            connection.execute(JOBS.insert().values(
                job_id=job_id, kind="score", subject=caller.subject, status=WAITING, done=0, total=len(ids),
                request=json.dumps(asked.kept()), created_at=_now(),
            ))  # fmt: skip
        self.start()
        self._wake.set()
        return self.one(job_id, caller)

    def one(self, job_id: str, caller: Caller) -> dict[str, Any]:
        """Return a job with its progress. Raises Problem 404 where the caller has none of this id."""
        row = self._row(job_id, caller)
        shown = {
            name: getattr(row, name)
            for name in ("job_id", "kind", "status", "done", "total", "created_at", "finished_at")
        }
        return {
            **shown,
            "detail": row.detail if row.status == FAILED else None,
            "result": f"/jobs/{job_id}/result" if row.status == DONE else None,
        }

    def result(self, job_id: str, caller: Caller) -> Path:
        """Return the file of a job that is done. Raises Problem 404, or 409 where it is not done."""
        row = self._row(job_id, caller)
        if row.status != DONE:
            raise Problem(
                status=409, error="not_done", detail=f"the job is {row.status}: {row.done:,} of {row.total:,}."
            )
        path = self.folder / str(row.result)
        if not path.exists():
            raise Problem(
                status=404, error="not_found", detail="the job's file is not on this machine any more; ask anew."
            )
        return path

    def _row(self, job_id: str, caller: Caller) -> Any:
        with self.store.reading() as connection:
            row = connection.execute(select(JOBS).where(JOBS.c.job_id == job_id)).one_or_none()
        if row is None or (row.subject != caller.subject and "admin" not in caller.scopes):
            raise Problem(status=404, error="unknown_job", detail="there is no such job of this caller.")
        return row

    def _customers(self, champions: Champions, asked: JobRequest) -> list[str]:
        living = champions.living
        if asked.as_of is not None and asked.as_of > living.known_to:
            raise Problem(
                status=422, error="as_of_after_data", detail=f"as_of: the ledger knows nothing after {living.known_to}.",
                fields=[{"field": "as_of", "expected": f"{living.known_to} or earlier"}],
            )  # fmt: skip
        ids = list(dict.fromkeys(asked.customer_ids)) or [str(i) for i in living.base.prepared.owners.ids]
        try:
            champions.parts(ids)
        except UnknownCustomer as unknown:
            raise Problem(status=404, error="unknown_customer", detail=str(unknown)) from None
        return ids

    # the thread

    def start(self) -> None:
        """Begin to do jobs, where that was not begun yet."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the part that it is at; the job goes on in the next process."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                row = self._claim()
                if row is not None:
                    self._do(row)
                    continue
            except (StoreUnavailable, Problem) as why:
                logger.warning("jobs wait: %s", type(why).__name__)
            self._wake.wait(timeout=5.0)
            self._wake.clear()

    def _claim(self) -> Any:
        """Return a job that waits, or that its process left, marked as running; None where there is none."""
        silent = (datetime.now(UTC) - SILENT_FOR).isoformat(timespec="seconds")
        with self.store.writing() as connection:
            row = connection.execute(
                select(JOBS)
                .where((JOBS.c.status == WAITING) | ((JOBS.c.status == RUNNING) & (JOBS.c.detail < silent)))
                .order_by(JOBS.c.created_at).limit(1)
            ).one_or_none()  # fmt: skip
            if row is not None:
                connection.execute(
                    JOBS.update().where(JOBS.c.job_id == row.job_id).values(status=RUNNING, detail=_now())
                )
        return row

    def _do(self, row: Any) -> None:
        try:
            champions = self.served_models.champions()
            asked = JobRequest.model_validate_json(row.request)
            as_of = asked.as_of or champions.living.known_to
            frame = self._frame(champions, row.job_id, self._customers(champions, asked), as_of, asked.explain)
        except _Stopped:
            self._set(row.job_id, status=WAITING, done=0)
            return
        except (InputError, Problem, FutureDay, ArithmeticError, RuntimeError) as failed:
            said = failed.detail if isinstance(failed, Problem) else str(failed)
            self._set(row.job_id, status=FAILED, detail=said, finished_at=_now())
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{row.job_id}.parquet"
        whole = path.with_suffix(".part")
        frame.to_parquet(whole, index=False)
        whole.rename(path)
        answer = {
            "job_id": row.job_id, "customers": len(frame), "as_of": as_of.isoformat(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }  # fmt: skip
        self.log.by(row.subject).append([{"kind": "job", "asked": {"explain": asked.explain}, "answer": answer}])
        self._set(row.job_id, status=DONE, done=len(frame), result=path.name, finished_at=_now())

    def _frame(
        self, champions: Champions, job_id: str, ids: list[str], as_of: date, with_reasons: bool
    ) -> pd.DataFrame:
        frames, done = [], 0
        for frame in scored_parts(champions.parts(ids), as_of, with_reasons=with_reasons):
            if self._stopped.is_set():
                raise _Stopped
            frames.append(frame)
            done += len(frame)
            self._set(job_id, done=done, detail=_now())
        default, delay = champions.default, champions.delay
        stamps = {
            "as_of": as_of.isoformat(), "data_known_to": champions.living.known_to.isoformat(),
            "currency": champions.scorer.served.currency,
            **({} if default is None else {"model": default.name, "model_version": default.version, "run_id": default.run_id}),
            **({} if delay is None else {"delay_model_version": delay.version}),
        }  # fmt: skip
        return pd.concat(frames).reindex(ids).assign(**stamps).rename_axis("customer_id").reset_index()

    def _set(self, job_id: str, **values: Any) -> None:
        with self.store.writing() as connection:
            connection.execute(JOBS.update().where(JOBS.c.job_id == job_id).values(**values))


class _Stopped(Exception):
    """The service ends: the job goes on later."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
