"""The letter's page: what is sent to the customer, printed from the browser."""

from __future__ import annotations

from decisions.customer_view import MasterData
from decisions.letters import Letter
from serving.pages.layout import Session, render
from serving.pages.texts import N_
from serving.translations import translate

SUBJECTS = {
    "approval": N_("Your credit limit: approved"), "reduction": N_("Your credit limit: approved in part"),
    "hold": N_("Deliveries on credit: suspended"), "decline": N_("Your application for credit: declined"),
}  # fmt: skip


def letter_page(letter: Letter, master: MasterData, *, language: str, session: Session) -> str:
    """Return the letter as a printable page."""
    t = translate(language)
    return render(
        "letter.html", language=language, here="", path=f"/decisions/{letter.decision_id}/letter", session=session,
        letter=letter, master=master, subject=t.text(SUBJECTS[letter.kind]),
    )  # fmt: skip
