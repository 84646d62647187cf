"""The settings of all rooms, read from the environment in one place: names start with TRADECREDIT_."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.errors import InputError

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Where things are kept, and how the service behaves; each field is TRADECREDIT_ and its name in capitals.

    home : the folder of all that the project writes [build]. ledger : the ledger served [HOME/ledger].
    tracking_uri : MLflow's store; MLFLOW_TRACKING_URI is read too [sqlite in HOME]. prefix : of MLflow experiments.
    store : SQLAlchemy URL of the service's own store [SQLite file HOME/service.sqlite]; postgresql+psycopg://… for
        several replicas.
    look_seconds : seconds between looks at the registry for another champion.
    day : which day is asked about by default: the last one that the ledger knows, or the calendar's.
    refresh : whether scores are kept current in the background.
    webhook_url, webhook_secret : where changes are posted to, signed with HMAC-SHA256; off where no URL is given.
    oidc_issuer, oidc_audience, oidc_jwks : bearer tokens: the issuer and audience they must name, and the file with the
        issuer's public keys (JWKS); off where no file is given.
    orders : a policy file of order checks [the bundled one]. countries : a country policy file [none is applied].
    limit_policy : the limit policy's file [the bundled one]. authority : a policy file of limits of authority [the bundled
        one]. heads : the file that signed heads of the
        decision log are written to [HOME/decision-heads.jsonl]. head_minutes : minutes between two of them.
    busy_after, requests_a_minute, body_seconds, answer_seconds : guards of the service, see docs/service.md.
    watch_minutes : minutes between two comparisons of the watch list where rows came (a new day or champion: at once).
    drain_seconds : how long a service that was asked to stop goes on accepting, with /readyz 503.
    """

    model_config = SettingsConfigDict(env_prefix="TRADECREDIT_", frozen=True, populate_by_name=True, extra="ignore")

    home: Path = Path("build")
    tracking_uri: str = Field(
        default="", validation_alias=AliasChoices("TRADECREDIT_TRACKING_URI", "MLFLOW_TRACKING_URI", "tracking_uri")
    )
    prefix: str = "tradecredit"
    ledger: Path = Path("")
    store: str = ""
    host: str = "127.0.0.1"
    look_seconds: Positive = 5.0
    day: Literal["ledger", "calendar"] = "ledger"
    refresh: bool = True
    webhook_url: str = ""
    webhook_secret: str = Field(default="", repr=False)
    oidc_issuer: str = ""
    oidc_audience: str = "tradecredit"
    oidc_jwks: Path | None = None
    authority: Path | None = None
    limit_policy: Path | None = None
    orders: Path | None = None
    countries: Path | None = None
    heads: Path | None = None
    head_minutes: Positive = 60.0
    busy_after: Count = 64
    requests_a_minute: Count = 6_000
    body_seconds: Positive = 10.0
    answer_seconds: Positive = 30.0
    watch_minutes: Positive = 60.0
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 1.0
    secure_cookies: bool = False
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = ()

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: Any) -> Any:
        """Split lists that the environment gives as one text, at commas; an empty text counts as not given."""
        kept = {name: value for name, value in dict(given).items() if value != ""}
        if isinstance(hosts := kept.get("trusted_hosts"), str):
            kept["trusted_hosts"] = tuple(part.strip() for part in hosts.split(",") if part.strip())
        return kept

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        """Fill what follows from home, and make paths absolute."""
        home = self.home.absolute()
        fill = object.__setattr__  # the model is frozen: its own completion is the one place that sets fields
        fill(self, "home", home)
        fill(self, "ledger", (home / "ledger" if self.ledger == Path("") else self.ledger).absolute())
        fill(self, "tracking_uri", self.tracking_uri or f"sqlite:///{home / 'mlflow.db'}")
        fill(self, "store", self.store or f"sqlite:///{home / 'service.sqlite'}")
        fill(self, "heads", self.heads or home / "decision-heads.jsonl")
        return self

    @classmethod
    def from_environment(cls) -> Settings:
        """Return the settings of the environment. Raises InputError for a value that a setting may not have."""
        try:
            return cls()
        except ValidationError as wrong:
            first = wrong.errors(include_url=False)[0]
            name = "_".join(str(part) for part in first["loc"]).removeprefix("TRADECREDIT_").upper()
            raise InputError(
                f"TRADECREDIT_{name}: {first['msg'].lower()}. See docs/service.md for the settings."
            ) from None

    @property
    def artifacts(self) -> Path:
        """Return the folder of MLflow's artifacts."""
        return self.home / "mlartifacts"

    def experiment(self, name: str) -> str:
        """Return the full name of one of our experiments: default, delay, backtest, monitoring."""
        return f"{self.prefix}/{name}"
