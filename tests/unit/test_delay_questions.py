"""Questions and outcomes: what the books showed on the day of the question, and what is said of a late booking."""

import numpy as np
import pandas as pd

from tests.drawn import ledger
from training.delay.samples import asked_later, booking_delay, days_open, outcomes

BOOK = ledger(
    invoices="""
        invoice_id | issued_on  | due_on     | amount
        a          | 2024-05-01 | 2024-06-01 | 100
        b          | 2024-05-01 | 2024-06-01 | 100
        c          | 2024-05-01 | 2024-06-01 | 100
        d          | 2024-06-20 | 2024-07-20 | 100
    """,
    payments="""
        invoice_id | paid_on    | booked_on  | amount
        a          | 2024-06-03 | 2024-06-03 | 100
        b          | 2024-05-30 | 2024-06-08 | 100
    """,
    events="""
        invoice_id | occurred_on | kind
        c          | 2024-06-11  | write_off
    """,
)


def test_outcomes_by_hand() -> None:
    found = outcomes(BOOK, pd.Timestamp("2024-06-30"))
    assert found.seen_until == pd.Timestamp("2024-06-30") - pd.Timedelta(
        days=booking_delay(BOOK, pd.Timestamp("2024-06-30"))
    )
    rows = dict(zip(found.items["invoice_id"], zip(found.ended, found.is_paid, strict=True), strict=True))
    assert rows["a"] == (2, True)
    assert rows["b"] == (-2, True)
    assert rows["c"] == (10, False)  # written off: unpaid until then, closed without a payment
    assert rows["d"] == ((found.seen_until - pd.Timestamp("2024-07-20")).days, False)
    assert found.items["as_of"].tolist() == (found.items["issued_on"] - pd.Timedelta(days=1)).tolist()


def test_a_payment_that_the_books_do_not_hold_yet_counts_on_the_day_after_the_question() -> None:
    asked = outcomes(BOOK, pd.Timestamp("2024-06-30"))
    b = asked.only((asked.items["invoice_id"] == "b").to_numpy())
    drawn = [asked_later(b, np.random.default_rng(seed)) for seed in range(300)]
    days = [(part.items["as_of"].iloc[0] - pd.Timestamp("2024-06-01")).days for part in drawn]
    assert min(days) >= -31
    assert max(days) == 6  # booked on 8 June: open in the books until the 7th
    for day, part in zip(days, drawn, strict=True):
        assert part.ended[0] == max(-2, day + 1)


def test_nobody_asks_about_an_item_on_the_day_on_which_observation_ends() -> None:
    asked = outcomes(BOOK, pd.Timestamp("2024-06-30"))
    for seed in range(30):
        part = asked_later(asked, np.random.default_rng(seed))
        day = (part.items["as_of"] - part.items["due_on"]).dt.days.to_numpy()
        assert (day < part.ended).all()


def test_every_open_day_is_asked_about_as_often_as_any_other() -> None:
    asked = outcomes(BOOK, pd.Timestamp("2024-06-30"))
    a = asked.only((asked.items["invoice_id"] == "a").to_numpy())
    c = asked.only((asked.items["invoice_id"] == "c").to_numpy())
    assert [int(days_open(part)[0]) for part in (a, c)] == [33, 41]  # until the day before it was paid, or written off
    both = asked.only(asked.items["invoice_id"].isin(["a", "c"]).to_numpy())
    drawn = [asked_later(both, np.random.default_rng(seed), 0.5).items for seed in range(2000)]
    counted = pd.concat(drawn)["invoice_id"].value_counts()
    assert abs(counted.sum() / 2000 - 2 * 0.5) < 0.05
    assert abs(counted["c"] / counted["a"] - 41 / 33) < 0.12
