"""The models page, the policy page, and the page of a problem."""

from __future__ import annotations

from typing import Any

from decisions.authority import AuthorityPolicy
from decisions.limits import LimitPolicy
from serving.pages.figures import headlines
from serving.pages.layout import Session, render
from serving.pages.texts import N_
from serving.translations import translate

POLICY_ROWS = (
    ("loss_given_default", N_("Loss given default"), "share"), ("maximum_expected_loss", N_("Largest expected loss of a customer in a year"), "money"),
    ("smallest_limit", N_("Smallest limit"), "money"), ("hold_after_days", N_("Arrears stop credit after, days"), "number"),
    ("hold_material_amount", N_("… where above this amount"), "money"), ("hold_material_share", N_("… and above this share of the open balance"), "share"),
    ("authority", N_("A limit above it is referred"), "money"), ("highest_pd", N_("A PD above it is referred"), "share"),
    ("authority_without_history", N_("Without history, a limit above it is referred"), "money"),
    ("hold_days", N_("A hold stands for, days"), "number"), ("decline_days", N_("A decline stands for, days"), "number"),
    ("refer_days", N_("A referral stands for, days"), "number"),
)  # fmt: skip


def models_page(health: dict[str, Any], *, language: str, session: Session) -> str:
    """Return the page of the models served: since when, by whom, how good they were out of time, on which ledger."""
    t = translate(language)
    models = [{**m, "rows": headlines(m["metrics"], t)} for m in health["models"]]
    return render(
        "models.html", language=language, here="models", path="/models", session=session, models=models, health=health
    )


def policy_page(
    policy: LimitPolicy, authority: AuthorityPolicy, *, currency: str, language: str, session: Session
) -> str:
    """Return the page of the limit policy and the limits of authority."""
    t = translate(language)
    shows = {"share": lambda v: t.share(v, 1), "money": lambda v: t.money(v, 0), "number": lambda v: t.number(v, 0)}
    rows = [(t.text(text), shows[kind](getattr(policy, name))) for name, text, kind in POLICY_ROWS]
    return render(
        "policy.html", language=language, here="policy", path="/policy", session=session, policy=policy, rows=rows,
        authority=authority, currency=currency,
    )  # fmt: skip


def problem_page(text: str, *, language: str, session: Session, path: str) -> str:
    """Return the page that says why a request was not answered."""
    return render("problem.html", language=language, here="", path=path, session=session, text=text)
