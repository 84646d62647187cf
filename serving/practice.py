"""The practice page: twenty cases of an earlier day to decide, then what came and what each decision has cost."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from decisions.practice import MARGIN, PracticeCase, practice_cases, totals
from serving.champions import Champions
from serving.errors import Problem
from serving.pages.charts import Bar, bars
from serving.pages.layout import Session, render
from serving.pages.texts import N_
from serving.translations import translate

CASES = 20
_KEPT: dict[tuple[int, int], list[PracticeCase]] = {}
_LOCK = threading.Lock()


def cases_of(champions: Champions, seed: int) -> list[PracticeCase]:
    """Return the practice cases of a seed; computed once for each scorer and seed."""
    key = (id(champions.scorer), seed)
    with _LOCK:
        if key not in _KEPT:
            if len(_KEPT) >= 8:
                _KEPT.clear()
            _KEPT[key] = practice_cases(champions.scorer, count=CASES, seed=seed)
        return _KEPT[key]


def practice_page(champions: Champions, query: Mapping[str, str], *, language: str, session: Session) -> str:
    """Return the form of twenty cases, or, where every limit is given, the outcome. Nothing is written."""
    t = translate(language)
    text = query.get("seed", "1")
    if not text.isdigit() or len(text) > 6:
        raise Problem(status=422, error="invalid_request", detail="seed: must be a whole number.")
    seed = int(text)
    cases = cases_of(champions, seed)
    limits = [_limit(query.get(f"limit{k}", "")) for k in range(len(cases))]
    result: dict[str, Any] | None = None
    if all(limit is not None for limit in limits):
        given = [float(limit or 0.0) for limit in limits]
        sums = totals(cases, given)
        names = {"you": N_("You"), "policy": N_("The policy"), "model": N_("The model alone")}
        chart = bars(
            "practice-cost", t.text(N_("What the decisions have cost, in {currency}"), currency=champions.scorer.served.currency),
            t.text(N_("Losses of defaults and margins of sales not served, together.")),
            rows=[Bar(label=t.text(names[k]), value=v, shown=t.money(v, 0)) for k, v in sums.items()],
            head=(t.text(N_("Who")), t.text(N_("Cost"))),
        )  # fmt: skip
        result = {"chart": chart, "rows": [
            {"case": c, "limit": limit, "cost": c.cost(limit), "policy": c.cost(c.policy_limit)}
            for c, limit in zip(cases, given, strict=True)
        ]}  # fmt: skip
    return render(
        "practice.html", language=language, here="practice", path="/practice", query=query, session=session, cases=cases,
        seed=seed, result=result, margin=MARGIN, currency=champions.scorer.served.currency, given=query,
    )  # fmt: skip


def _limit(text: str) -> float | None:
    plain = text.strip().replace(",", "")
    try:
        return max(0.0, float(plain)) if plain else None
    except ValueError:
        raise Problem(status=422, error="invalid_request", detail="limit: must be an amount, e.g. 25,000.") from None
