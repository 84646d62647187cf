"""One suite on both stores: SQLite and a real PostgreSQL. Log, keys, sessions, sent rows, and what goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import InputError
from models.settings import Settings
from serving.decision_log import AlreadyDecided, DecisionLog, Erased
from serving.errors import Problem
from serving.events import take_in
from serving.identity import ANYONE, Caller, Identity, Keys, refuse_open_keyless
from serving.messages import EventsRequest
from serving.running import Running
from serving.sent_rows import SentRows
from serving.sessions import Sessions
from serving.store import Store
from tests.served import champions, customer_with, small
from tests.stores import WHY_NOT, Postgres, binaries, postgres

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[Store]:
    if request.param == "sqlite":
        found = Store.at(tmp_path / "store.sqlite")
    else:
        if binaries() is None:
            pytest.skip(WHY_NOT)
        found = Store(request.getfixturevalue("server").url())
    yield found
    found.close()


def score(customer: str = "acme", pd: float = 0.1 + 0.2) -> dict:
    return {
        "kind": "score", "models": {"m": {"version": "1"}}, "policies": {}, "ledger_fingerprint": "f",
        "asked": {"customer_ids": [customer]}, "answer": {"customer_id": customer, "pd": pd},
        "inputs": {"default": {"a": 1.5, "b": None, "c": -0.0}, "delay": {"a": 1.5, "z": 0.1 + 0.2}},
    }  # fmt: skip


def test_a_record_comes_back_to_the_last_bit_and_equal_content_is_kept_once(store):
    log = DecisionLog(store)
    first, second = log.append([score()])[0], log.by("ann").append([score()])[0]
    content = log.read(first).content
    assert {k: content[k] for k in score()} == score()
    assert str(content["inputs"]["default"]["c"]) == "-0.0"
    assert log.read(second).content["by"] == "ann"
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM payloads WHERE subject = 'acme'")).scalar() == 1
    assert [r.decision_id for r in log.of_customer("acme")] == [second, first]
    verdict = log.verify()
    assert (verdict.is_whole, verdict.records) == (True, 2)
    assert log.head() == (2, verdict.head)


def test_the_log_only_grows(store):
    log = DecisionLog(store)
    log.append([score()])
    for statement in ("UPDATE decisions SET content = '{}'", "DELETE FROM decisions"):
        with pytest.raises((DBAPIError, InputError)), store.writing() as connection:
            connection.execute(text(statement))
    assert log.verify().records == 1


def test_threads_share_commits_and_one_chain(store):
    log = DecisionLog(store)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda k: log.append([score(f"c{k}")])[0], range(40)))
    assert len(set(ids)) == 40
    assert (log.verify().is_whole, log.verify().records) == (True, 40)


def test_a_review_gets_one_decision_and_a_bad_batch_takes_no_other_with_it(store):
    log = DecisionLog(store)
    (review,) = log.append([score()])
    log.append([{"kind": "decide", "answer": {"customer_id": "acme"}}], about=review)
    with pytest.raises(AlreadyDecided):
        log.append([{"kind": "decide", "answer": {}}], about=review)
    assert log.answers_to(review) is not None
    with pytest.raises(ValueError, match="JSON"):
        log.append([score(pd=float("nan"))])
    log.append([score("other")])
    assert (log.verify().is_whole, log.verify().records) == (True, 3)


def test_erasure_makes_a_subject_unreadable_and_leaves_the_chain_whole(store):
    log = DecisionLog(store)
    mine, other = log.append([score("person"), score("firm")])
    head = log.verify().head
    assert log.payloads.erase("person", by="officer") == 1
    with pytest.raises(Erased):
        log.read(mine)
    with pytest.raises(Erased):
        DecisionLog(store).read(mine)
    assert log.read(other).content["answer"]["customer_id"] == "firm"
    assert log.of_customer("person") == []
    assert (log.verify().is_whole, log.verify().head) == (True, head)
    with store.reading() as connection:
        rows = connection.execute(text("SELECT subject, key FROM subject_keys")).all()
    assert "person" not in str(rows)
    (again,) = log.append([score("person")])  # a later answer has a key of its own
    assert log.read(again).content["answer"]["customer_id"] == "person"
    with pytest.raises(InputError, match="nothing about this customer"):
        log.payloads.erase("nobody", by="officer")


def test_keys_are_shown_once_expire_rotate_and_end(store, monkeypatch):
    keys = Keys(store)
    assert not keys.exist()
    secret, key = keys.create("  Ann@Example.COM ", ["score", "decide"], days=1)
    assert key.subject == "ann@example.com"
    with store.reading() as connection:
        assert secret.split("_", 2)[2] not in str(connection.execute(text("SELECT * FROM api_keys")).all())
    caller = keys.caller(secret)
    assert caller == Caller(subject="ann@example.com", scopes=frozenset({"score", "decide"}), key_id=key.key_id)
    caller.need("score")
    with pytest.raises(Problem) as refused:
        caller.need("events")
    assert refused.value.status == 403
    assert keys.caller(secret + "x") is None
    assert keys.caller("tc_0_0") is None
    second, _ = keys.rotate(key.key_id, overlap_hours=1)
    assert keys.caller(secret) is not None  # both work while they overlap
    assert keys.caller(second) is not None
    later = datetime.now(UTC) + timedelta(hours=2)
    assert {k.state(later) for k in keys.all()} == {"revoked", "active"}
    assert {k.state(datetime.now(UTC) + timedelta(days=2)) for k in keys.all() if k.key_id == key.key_id} == {"revoked"}
    keys.revoke(key.key_id)
    assert keys.caller(secret) is None
    with pytest.raises(InputError, match="create a new key"):
        keys.rotate(key.key_id, overlap_hours=1)
    expired, _ = keys.create("erp", ["score"], days=1e-9)
    assert keys.caller(expired) is None
    with pytest.raises(InputError, match="scopes must be among"):
        keys.create("erp", ["everything"])


def test_without_a_key_only_this_machine_is_served(store):
    identity = Identity(Settings(), store)
    assert identity.caller(None) is ANYONE
    refuse_open_keyless(Settings(host="127.0.0.1"), identity)
    with pytest.raises(InputError, match="keys create"):
        refuse_open_keyless(Settings(host="0.0.0.0"), identity)
    secret, _ = identity.keys.create("ann", ["score"])
    identity = Identity(Settings(), store)
    refuse_open_keyless(Settings(host="0.0.0.0"), identity)
    assert identity.caller(f"Bearer {secret}").subject == "ann"
    for header in (None, "", "Bearer", "Bearer nothing", f"Basic {secret}"):
        with pytest.raises(Problem) as refused:
            identity.caller(header)
        assert refused.value.status == 401


def test_a_session_is_opened_with_a_key_and_ends_with_it(store):
    identity = Identity(Settings(), store)
    sessions = Sessions(store, identity)
    assert sessions.of(None).caller is ANYONE
    secret, key = identity.keys.create("ann", ["review"])
    identity.keys._any = (0.0, False)
    with pytest.raises(Problem):
        sessions.login("tc_wrong_key")
    token = sessions.login(secret)
    session = sessions.of(token)
    assert session.caller.subject == "ann"
    session.check({"csrf": session.csrf})
    for forged in ({}, {"csrf": "x"}, {"csrf": sessions.of(sessions.login(secret)).csrf}):
        with pytest.raises(Problem) as refused:
            session.check(forged)
        assert refused.value.status == 403
    assert sessions.of(None) is None
    assert sessions.of("forged") is None
    identity.keys.revoke(key.key_id)
    assert sessions.of(token) is None


def test_two_processes_on_one_store_take_rows_in_one_order_and_both_know_them(store):
    from serving.champions import ServedModels
    from serving.state import ServiceState

    served = [ServedModels.of(Settings(), champions()) for _ in range(2)]
    for one in served:
        one.rows = SentRows(store)
    Running.service_state = ServiceState(served_models=served[0], log=DecisionLog(store))
    last, customer = small().prepared.data_known_to.isoformat(), customer_with(None)

    def send(number: int) -> int:
        row = {"invoice_id": f"two-{number}", "customer_id": customer, "kind": "invoice", "issued_on": last,
               "due_on": last, "amount": 10.0, "currency": "EUR"}  # fmt: skip
        asked = EventsRequest(invoices=(row,))
        return take_in(served[number % 2], store, asked, ANYONE, f"key-{number}").answer["position"]

    assert [send(k) for k in range(4)] == [1, 2, 3, 4]
    assert send(0) == 1  # the same key again: the same answer
    for one in served:
        one.catch_up()
    first, second = (one.living() for one in served)
    assert first.position == second.position == 4
    assert first.fingerprint == second.fingerprint
    scores = [one.champions().scorer_of(customer).score([customer]).customers["balance"].iloc[0] for one in served]
    assert scores[0] == scores[1]


def test_opening_twice_at_once_migrates_once(store):
    url = store.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: Store(url), range(4)))
    assert all(other.why_not_writable() is None for other in stores)
    for other in stores:
        other.close()


def test_a_writer_that_is_in_the_way_is_waited_for(store):
    log = DecisionLog(store)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.writing():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    entered.wait(10)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(log.append, [score()])
        leave.set()
        assert len(waiting.result(timeout=10)) == 1
    other.join()
