"""The reviewers' page: HTML made on the server, without a script, a font or a picture from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ledger.errors import InputError
from serving import answers
from serving.errors import Problem
from serving.messages import ExplainRequest, ReviewRequest, typed
from serving.pages.figures import everything, headlines, plain
from serving.pages.words import WORDS

if TYPE_CHECKING:
    from serving.champions import Champions, ServedModels
    from serving.decision_log import DecisionLog

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"
MOST_BARS = 12  # contributions drawn; the rest is summed in one line


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person typed: a customer, a limit, a day, a language; text as it came."""

    customer_id: str
    requested_limit: str
    as_of: str
    language: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        language = query.get("language", "en")
        return cls(
            customer_id=query.get("customer_id", "").strip(), requested_limit=query.get("requested_limit", "").strip(),
            as_of=query.get("as_of", "").strip(), language=language if language in WORDS else "en",
        )  # fmt: skip


def workbench(served_models: ServedModels, log: DecisionLog, asked: Asked, address: str) -> tuple[int, str]:
    """The page and its HTTP status: what is served, and the answer to what was typed, or why there is none."""
    status, shown, problem, health = 200, None, None, None
    try:
        champions = served_models.champions()
        health = answers.health(champions)
        if asked.customer_id:
            shown = _answer(champions, log, asked)
    except Problem as found:
        status, problem = found.status if asked.customer_id else 200, found.detail
    except InputError as found:
        status, problem = 422, str(found)
    html = _template().render(
        words=WORDS[asked.language], asked=asked, health=health, answer=shown, problem=problem, why_not=served_models.why_not,
        address=address,
    )  # fmt: skip
    return status, html


def _answer(champions: Champions, log: DecisionLog, asked: Asked) -> dict[str, Any]:
    """Explanation (the score stands in it) and, where a limit was typed, the review."""
    common: dict[str, Any] = {"customer_id": asked.customer_id, "language": asked.language}
    if asked.as_of:
        common["as_of"] = asked.as_of
    explained = answers.explain(champions, log, typed(ExplainRequest, common))
    shown: dict[str, Any] = {"explained": explained, "bars": _bars(explained["contributions"])}
    if asked.requested_limit:
        fields = {**common, "requested_limit": _amount(asked.requested_limit), "currency": explained["currency"]}
        shown["review"] = answers.review(champions, log, typed(ReviewRequest, fields))
    return shown


def _amount(text: str) -> float:
    """An amount as a person types it, commas between thousands or not."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise Problem(
            status=422, error="invalid_request", detail="requested_limit: must be an amount, e.g. 25,000."
        ) from None


def _bars(contributions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The largest contributions as bars from a middle line at x = 100 of 200."""
    largest = max((abs(c["log_odds"]) for c in contributions), default=0.0)
    bars = []
    for c in contributions[:MOST_BARS]:
        width = 100 * abs(c["log_odds"]) / largest if largest else 0.0
        bars.append({**c, "x": 100 - (width if c["log_odds"] < 0 else 0), "width": width})
    return bars


def _bucket(name: str) -> str:
    """A bucket's name as a person reads it: 1_30 is 1–30, over_90 is > 90."""
    return name.replace("over_", "> ").replace("_", "–")


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = lambda x: "–" if x is None else f"{x:,.2f}"
    environment.filters["percent"] = lambda x, digits=2: "–" if x is None else f"{100 * x:.{digits}f} %"
    environment.filters["number"] = lambda x, digits=1: "–" if x is None else f"{x:,.{digits}f}"
    environment.filters |= {"headlines": headlines, "everything": everything, "plain": plain, "bucket": _bucket}
    return environment.get_template("workbench.html")
