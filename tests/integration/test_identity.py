"""Who may ask over HTTP: API keys and really signed tokens, scopes, expiry, rotation, revocation, and keyless refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.testclient import TestClient

from cli.serve import command
from ledger.errors import InputError
from models.registry import Settings
from serving import identity
from serving.champions import ServedModels
from serving.decision_log import DecisionLog
from serving.identity import Identity, Keys, Tokens, refuse_open_keyless
from serving.running import Running
from serving.sent_rows import SentRows
from serving.service import ServiceState, TradeCredit
from serving.store import Store
from tests.served import champions, customer_with
from tests.unit.test_decide import granted_customer

ISSUER, AUDIENCE = "https://issuer.example", "tradecredit"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service with an issuer of tokens and no key yet."""

    client: TestClient
    keys: Keys
    signing: RSAKey
    home: Path

    def key(self, subject: str, *scopes: str, days: float | None = None) -> str:
        return self.keys.create(subject, scopes, days=days)[0]

    def post(self, path: str, bearer: str | None, body: dict[str, Any]) -> Any:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return self.client.post(path, json=body, headers=headers)

    def token(self, *, header: dict[str, Any] | None = None, key: RSAKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        own = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "Ann@Example.com",
            "exp": now + 600,
            "scope": "score openid",
            **claims,
        }
        kept = {name: value for name, value in own.items() if value is not None}
        return jwt.encode(
            {"alg": "RS256", "kid": "one", **(header or {})}, kept, key or self.signing, algorithms=["RS256"]
        )


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("home")
    signing = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    (home / "jwks.json").write_text(json.dumps(KeySet([signing]).as_dict(private=False)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "HOME": home, "LEDGER": home / "none", "REFRESH": "false", "OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE,
            "OIDC_JWKS": home / "jwks.json", "STORE": f"sqlite:///{home / 'x.sqlite'}",
        }.items():  # fmt: skip
            patch.setenv(f"TRADECREDIT_{name}", str(value))
        patch.setattr(identity, "KNOWN_FOR_SECONDS", 0.0)
        with TestClient(TradeCredit.to_asgi(), raise_server_exceptions=False) as client:
            Running.service_state.stop()
            served_models = ServedModels.of(Settings.from_environment(), champions())
            store = Store.at(home / "x.sqlite")
            served_models.rows = SentRows(store)
            Running.service_state = ServiceState(served_models=served_models, log=DecisionLog(store))
            yield Service(client=client, keys=Running.service_state.identity.keys, signing=signing, home=home)
            Running.service_state.jobs.stop()


def score() -> dict[str, Any]:
    return {"customer_ids": [customer_with(None)]}


def test_without_a_key_or_with_a_wrong_one_it_is_401_in_the_one_form(service):
    for bearer in (None, "tc_0123456789ab_wrong", "wrong", ""):
        answer = service.post("/score", bearer, score())
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert service.client.get("/changes").status_code == 401
    assert service.client.get("/health/model").status_code == 200  # says no customer's data


@pytest.mark.parametrize(
    ("path", "scope"),
    [("/score", "score"), ("/explain", "explain"), ("/review", "review"), ("/what_if", "review"), ("/check_order", "review"),
     ("/decide", "decide"), ("/events", "events"), ("/jobs/score", "score")],
)  # fmt: skip
def test_each_route_needs_its_own_scope(service, path, scope):
    others = [s for s in ("score", "explain", "review", "decide", "events") if s != scope]
    answer = service.post(path, service.key(f"not-{scope}", *others), {})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert f"'{scope}'" in answer.json()["detail"]
    # with the scope the message itself is looked at
    assert service.post(path, service.key(f"is-{scope}", scope), {"unknown": 1}).status_code == 422


def test_a_key_ends_by_expiry_by_revocation_and_a_rotated_one_after_its_overlap(service):
    key, kept = service.keys.create("system", ("score",))
    assert service.post("/score", key, score()).status_code == 200
    second, _ = service.keys.rotate(kept.key_id, overlap_hours=1.0)
    assert [service.post("/score", k, score()).status_code for k in (key, second)] == [200, 200]
    third, _ = service.keys.rotate(service.keys.all()[-1].key_id, overlap_hours=0.0)
    assert [service.post("/score", k, score()).status_code for k in (second, third)] == [401, 200]
    _, kept = service.keys.create("dated", ("score",), days=30)
    assert (
        service.keys.rotate(kept.key_id, overlap_hours=1.0)[1].expires_at == kept.expires_at
    )  # no longer than the first
    brief = service.key("brief", "score", days=1e-6)
    time.sleep(0.2)
    assert service.post("/score", brief, score()).status_code == 401
    revoked, kept = service.keys.create("gone", ("score",))
    assert service.post("/score", revoked, score()).status_code == 200
    service.keys.revoke(kept.key_id)
    assert service.post("/score", revoked, score()).status_code == 401


def test_the_store_holds_no_key_only_its_hash(service):
    key = service.key("hashed", "score")
    secret = key.split("_", 2)[2]
    for path in service.home.glob("x.sqlite*"):
        assert secret.encode() not in path.read_bytes()


def test_a_signed_token_acts_as_its_subject_with_the_scopes_that_it_names(service):
    assert service.post("/score", service.token(), score()).status_code == 200
    answer = service.post("/review", service.token(), {})
    assert (answer.status_code, answer.json()["detail"].endswith("has: score.")) == (403, True)
    assert service.post("/score", service.token(scope=["score"]), score()).status_code == 200
    assert service.post("/score", service.token(scope=None), score()).status_code == 403
    assert service.post("/score", service.token(scope="superuser"), score()).status_code == 403
    assert service.post("/score", service.token(scope="admin"), score()).status_code == 200


def test_a_token_that_does_not_hold_is_401(service):
    now = int(time.time())
    stranger = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    other = RSAKey.generate_key(2048, {"kid": "two"}, private=True)
    good = service.token()
    head, body, _ = good.split(".")
    none = jwt.encode({"alg": "none"}, {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": now + 600, "scope": "admin"},
                      None, algorithms=["none"])  # fmt: skip
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "one"}
    from joserfc.jwk import OctKey

    hs256 = jwt.encode({"alg": "HS256", "kid": "one"}, {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": now + 600},
                       OctKey.import_key(shared), algorithms=["HS256"])  # fmt: skip
    wrong = {
        "expired": service.token(exp=now - 3600), "not yet": service.token(nbf=now + 3600),
        "another audience": service.token(aud="another"), "another issuer": service.token(iss="https://other.example"),
        "no audience": service.token(aud=None), "no expiry": service.token(exp=None), "no subject": service.token(sub=None),
        "unknown key id": service.token(header={"kid": "two"}, key=other),
        "another's signature": service.token(key=stranger), "no algorithm": none, "a shared secret": hs256,
        "cut": f"{head}.{body}.", "not a token": "a.b.c", "body changed": f"{head}.{body[:-2]}AA.{good.split('.')[2]}",
    }  # fmt: skip
    statuses = {name: service.post("/score", token, score()).status_code for name, token in wrong.items()}
    assert statuses == dict.fromkeys(wrong, 401)


def test_an_issuer_s_new_keys_are_read_while_the_service_runs(service):
    fresh = RSAKey.generate_key(2048, {"kid": "fresh"}, private=True)
    token = service.token(header={"kid": "fresh"}, key=fresh)
    assert service.post("/score", token, score()).status_code == 401
    path = service.home / "jwks.json"
    before = path.read_text()
    path.write_text(json.dumps(KeySet([service.signing, fresh]).as_dict(private=False)))
    assert service.post("/score", token, score()).status_code == 200
    path.write_text("{}")  # a broken file leaves the keys known before in place
    assert service.post("/score", token, score()).status_code == 200
    path.write_text(before)
    assert service.post("/score", token, score()).status_code == 401


def test_a_proposal_is_confirmed_by_another_subject_however_it_is_written(service):
    ask = {"customer_id": granted_customer(), "requested_limit": 100_000, "currency": "EUR"}
    ann, bob = service.key("ann@example.com", "review", "decide"), service.key("bob", "decide")
    review = service.post("/review", ann, ask).json()
    more = {
        "decision_id": review["decision_id"],
        "action": "approve",
        "limit": 100_000,
        "reason": "visited on site, order book seen",
    }
    named = service.post("/decide", ann, {**more, "by": "bob"})
    assert (named.status_code, named.json()["fields"][0]["field"]) == (422, "by")
    proposed = service.post("/decide", ann, {**more, "by": "ANN@Example.com"}).json()
    assert (proposed["status"], proposed["by"], proposed["who_is_checked"]) == ("proposed", "ann@example.com", True)
    confirm = {"decision_id": proposed["decision_id"], "action": "confirm", "reason": "agreed, cover is in place"}
    # the same person by token, in other letters
    again = service.post("/decide", service.token(sub="ANN@example.com", scope="decide"), confirm)
    assert (again.status_code, again.json()["error"]) == (409, "four_eyes")
    other = service.post("/decide", bob, confirm)
    # the bundled authority: anybody may approve 100,000 of grade R10 or better
    assert (other.status_code, other.json()["status"], other.json()["confirmed_by"]) == (200, "decided", "bob")


def test_without_any_key_only_loopback_is_listened_on(tmp_path, monkeypatch):
    for name in ("OIDC_JWKS", "OIDC_ISSUER"):
        monkeypatch.delenv(f"TRADECREDIT_{name}", raising=False)
    keyless = Settings(home=tmp_path, host="0.0.0.0")
    store = Store.at(tmp_path / "s.sqlite")
    with pytest.raises(InputError, match="without any key the service answers this machine only"):
        refuse_open_keyless(keyless, Identity(keyless, store))
    (tmp_path / "ledger").mkdir()
    monkeypatch.setenv("TRADECREDIT_HOME", str(tmp_path))
    monkeypatch.setenv("TRADECREDIT_STORE", f"sqlite:///{tmp_path / 's.sqlite'}")
    refused = CliRunner().invoke(command, [str(tmp_path / "ledger"), "--host", "0.0.0.0"])
    assert refused.exit_code != 0
    assert "without any key" in str(refused.exception)
    Keys(store).create("admin", ("admin",))
    refuse_open_keyless(keyless, Identity(keyless, store))


def test_a_jwks_file_that_cannot_be_read_ends_the_start_with_its_name(tmp_path):
    path = tmp_path / "jwks.json"
    for text in ("", "[]", '{"keys": [{"kty": "RSA"}]}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"jwks\.json: is no JWKS file"):
            Tokens(issuer=ISSUER, audience=AUDIENCE, jwks=path)
    with pytest.raises(InputError, match="OIDC_ISSUER"):
        Tokens(issuer="", audience=AUDIENCE, jwks=path)
