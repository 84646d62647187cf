"""What default means, drawn: one invoice table, one payment table, and dates that a reader can count."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pandas as pd
import pytest

from ledger.default_status import (
    BUREAU,
    CRR178,
    PRIMARY,
    SHORT_HISTORY,
    DefaultPolicy,
    default_spells,
    in_default,
)
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger
from training.labels import default_labels, delay_labels, last_mature_as_of, months_after

END = "2026-12-31"


def drawn(text: str) -> pd.DataFrame:
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return pd.read_csv(StringIO("\n".join(",".join(line) for line in lines)), dtype="str")


def prepared(invoices: str, payments: str = "", events: str = "") -> Ledger:
    frames = {"invoices": drawn(invoices).assign(kind="invoice", currency="EUR")}
    head = "payment_id | customer_id | invoice_id | paid_on | booked_on | amount\n"
    frames["payments"] = drawn(head + payments).assign(currency="EUR", kind="payment")
    if events:
        frames["events"] = drawn("event_id | customer_id | invoice_id | occurred_on | booked_on | kind\n" + events)
    return Ledger.from_frames(customers=frames["invoices"][["customer_id"]].drop_duplicates(), **frames)


def days_in_default(ledger: Ledger, policy: DefaultPolicy = PRIMARY, until: str = END) -> list[tuple[str, str, str]]:
    spells = default_spells(ledger, policy, until=until)
    shown = [spells[c].dt.strftime("%Y-%m-%d").fillna("") for c in ("entered_on", "cured_on")]
    return list(zip(*shown, spells["kind"], strict=True))


ONE = """
    invoice_id | customer_id | issued_on  | due_on     | amount
    a          | acme        | 2024-01-01 | 2024-01-31 | 1000
"""


def habitual(last_unpaid: bool = False) -> Ledger:
    """1,000 EUR invoiced every 14 days at 30 days, each paid 16 days late; with `last_unpaid` the tenth never is."""
    issued = pd.date_range("2024-01-01", periods=40, freq="14D")
    rows = [f"i{n} | acme | {d.date()} | {(d + pd.Timedelta(days=30)).date()} | 1000" for n, d in enumerate(issued)]
    paid = [
        f"p{n} | acme | i{n} | {(d + pd.Timedelta(days=46)).date()} | | 1000"
        for n, d in enumerate(issued) if not (last_unpaid and n == 9)
    ]  # fmt: skip
    return prepared("invoice_id | customer_id | issued_on | due_on | amount\n" + "\n".join(rows), "\n".join(paid))


def test_a_habitual_late_payer_is_never_in_default_by_the_items_clock():
    assert days_in_default(habitual()) == []
    # by the obligor's clock something is past due from the first due date + 1, 2024-02-01, for ever: default 90 days on
    assert days_in_default(habitual(), CRR178, until="2025-08-10") == [("2024-05-01", "", "past_due")]


def test_the_same_customer_is_in_default_on_the_day_on_which_one_invoice_reaches_91_days():
    # the tenth invoice is issued on 2024-05-06, due on 2024-06-05; 91 days later is 2024-09-04
    ledger = habitual(last_unpaid=True)
    assert days_in_default(ledger) == [("2024-09-04", "", "past_due")]
    days = pd.DataFrame({"customer_id": "acme", "as_of": pd.to_datetime(["2024-09-03", "2024-09-04"])})
    assert in_default(ledger, days, PRIMARY).tolist() == [False, True]


def test_items_over_90_days_are_summed_and_younger_arrears_are_not():
    small = """
        invoice_id | customer_id | issued_on  | due_on     | amount
        a          | acme        | 2024-01-01 | 2024-01-31 | 300
        b          | acme        | 2024-01-01 | 2024-02-10 | 300
        c          | acme        | 2024-01-01 | 2024-04-01 | 5000
    """
    # on 05-01 only a is 91 days past due: 300; on 05-11 a and b are: 600 of a balance of 5,600; c counts from 07-01
    assert days_in_default(prepared(small)) == [("2024-05-11", "", "past_due")]


def test_a_write_off_is_unlikely_to_pay_only_when_material():
    big = ONE.replace("1000", "400") + "    b | acme | 2024-01-01 | 2026-12-31 | {}\n"
    one = "e | acme | a | 2024-02-09 | | write_off"
    assert days_in_default(prepared(big.format(1), events=one)) == []  # 400 is not above 500
    assert len(days_in_default(prepared(big.format(1), events=one), CRR178)) == 1
    both = one + "\nf | acme | b | 2024-02-09 | | write_off"
    found = days_in_default(prepared(big.format(101), events=both))
    assert found == [("2024-02-09", "2024-05-10", "write_off")]  # 400 + 101 of one day
    assert days_in_default(prepared(ONE + "    b | acme | 2024-01-01 | 2026-12-31 | 99000\n", events=one)) == []  # 1 %
    late = ONE + "    b | acme | 2024-01-01 | 2026-12-31 | 98999\n"
    assert days_in_default(prepared(late, events=one)) == [("2024-02-09", "2024-05-10", "write_off")]


def test_cure_needs_three_months_in_which_the_items_that_count_were_not_material():
    # i9 is paid on 2024-10-01; the others stay 16 days late, always material arrears, and do not count: 91 days later
    ledger = habitual(last_unpaid=True)
    paid = ledger.payments.assign(booked_on=None, superseded_on=None)[
        ["payment_id", "customer_id", "invoice_id", "paid_on", "amount", "currency", "kind"]
    ]
    last = paid.iloc[[0]].assign(payment_id="q", invoice_id="i9", paid_on=pd.Timestamp("2024-10-01"))
    invoices = ledger.invoices[["invoice_id", "customer_id", "kind", "issued_on", "due_on", "amount", "currency"]]
    cured = Ledger.from_frames(
        customers=ledger.customers[["customer_id"]], invoices=invoices, payments=pd.concat([paid, last])
    )
    assert days_in_default(cured) == [("2024-09-04", "2024-12-31", "past_due")]


def test_default_on_the_91st_day_past_due_not_before():
    # due 2024-01-31: day 1 is 02-01, day 90 is 04-30, day 91 is 05-01
    assert days_in_default(prepared(ONE)) == [("2024-05-01", "", "past_due")]
    assert days_in_default(prepared(ONE, "p | acme | a | 2024-05-01 | | 1000")) == []
    assert days_in_default(prepared(ONE, "p | acme | a | 2024-05-02 | | 1000")) == [
        ("2024-05-01", "2024-08-01", "past_due")
    ]


@pytest.mark.parametrize(("amount", "is_default"), [("500.00", False), ("500.01", True)])
def test_material_is_above_500(amount, is_default):
    assert bool(days_in_default(prepared(ONE.replace("1000", amount)))) == is_default


def test_material_is_above_one_percent_of_the_open_balance():
    big = ONE + "    b | acme | 2024-01-01 | 2026-12-31 | {}\n"
    assert days_in_default(prepared(big.format(99_000))) == []  # 1,000 of 100,000 is not above 1 %
    assert len(days_in_default(prepared(big.format(98_999)))) == 1


def test_crr178_counts_again_when_arrears_end_for_a_day():
    two = ONE + "    b | acme | 2024-01-01 | 2024-04-15 | 1000\n"
    # a settled on 04-16: b is in arrears from that day on, the count goes on; settled on 04-15: it begins again
    a_day_later, in_time = ("p | acme | a | 2024-04-16 | | 1000", "p | acme | a | 2024-04-15 | | 1000")
    assert days_in_default(prepared(two, a_day_later), CRR178) == [("2024-05-01", "", "past_due")]
    assert days_in_default(prepared(two, in_time), CRR178) == [("2024-07-15", "", "past_due")]
    # by the item's clock b alone is 91 days past due on 07-15 in both
    assert days_in_default(prepared(two, a_day_later)) == [("2024-07-15", "", "past_due")]


def test_disputed_items_are_left_out_while_the_dispute_is_open():
    dispute = "e | acme | a | 2024-03-01 | | dispute_opened\nf | acme | a | 2024-06-30 | | dispute_closed"
    assert days_in_default(prepared(ONE, events=dispute)) == [
        ("2024-08-30", "", "past_due")
    ]  # 29 days before, 62 from 06-30 on
    runs_on = replace(PRIMARY, dispute_stops_clock=False)
    assert days_in_default(prepared(ONE, events=dispute), runs_on) == [("2024-06-30", "", "past_due")]  # 151 days
    assert days_in_default(prepared(ONE, events=dispute), CRR178) == [("2024-09-28", "", "past_due")]  # 90 days on
    keeps = replace(PRIMARY, leaves_out_disputed=False)
    assert days_in_default(prepared(ONE, events=dispute), keeps) == [("2024-05-01", "", "past_due")]


@pytest.mark.parametrize(
    ("kind", "cured"), [("write_off", "2024-05-10"), ("concession", "2025-02-08"), ("insolvency", "")]
)
def test_unlikely_to_pay_and_its_cure(kind, cured):
    paid = prepared(ONE, "p | acme | a | 2024-01-31 | | 1000", f"e | acme | | 2024-02-09 | | {kind}")
    assert days_in_default(paid) == [("2024-02-09", cured, kind)]


def test_arrears_within_probation_begin_it_again():
    # cured 91 days after 05-02 would be 08-01; b is in arrears from 07-02 to 07-11, so 91 days after 07-11
    two = ONE + "    b | acme | 2024-06-01 | 2024-07-01 | 1000\n"
    paid = "p | acme | a | 2024-05-02 | | 1000\nq | acme | b | 2024-07-11 | | 1000"
    assert days_in_default(prepared(two, paid), CRR178) == [("2024-05-01", "2024-10-10", "past_due")]
    # by the item's clock b at 10 days past due does not count: 91 days after 05-02
    assert days_in_default(prepared(two, paid)) == [("2024-05-01", "2024-08-01", "past_due")]


def test_other_policies():
    assert days_in_default(prepared(ONE), SHORT_HISTORY) == [("2024-04-01", "", "past_due")]
    # a tenth of the balance more than 90 days past due: 1,000 of 10,000 is, 1,000 of 10,001 is not
    other = ONE + "    b | acme | 2024-01-01 | 2026-12-31 | {}\n"
    assert days_in_default(prepared(other.format(9_000)), BUREAU) == [("2024-05-01", "", "past_due")]
    assert days_in_default(prepared(other.format(9_001)), BUREAU) == []


def test_status_is_what_the_books_knew_and_labels_what_happened():
    late = prepared(ONE, "p | acme | a | 2024-04-20 | 2024-05-06 | 1000")  # paid in time, booked after the 91st day
    assert days_in_default(late) == []
    days = pd.DataFrame(
        {"customer_id": "acme", "as_of": pd.to_datetime(["2024-04-30", "2024-05-01", "2024-05-05", "2024-05-06"])}
    )
    assert in_default(late, days, PRIMARY).tolist() == [False, True, True, False]  # from 05-06 the books know better
    for day in days["as_of"]:
        now = days[days["as_of"] == day]
        assert in_default(known_on(late, day), now, PRIMARY).equals(in_default(late, now, PRIMARY))


def test_labels_wait_for_the_horizon_and_90_days():
    ledger = prepared(ONE)
    snapshot = pd.DataFrame({"customer_id": ["acme"], "as_of": pd.to_datetime(["2024-02-29"])})
    # 3 months end on 2024-05-31, mature 90 days later, on 2024-08-29; the default of 05-01 does not count before
    early = default_labels(ledger, snapshot, PRIMARY, until="2024-08-28").iloc[0]
    assert early["mature_months"] == 2
    assert early["default_month"] == 3
    assert early["default_3m"] is pd.NA
    assert str(early["default_on"].date()) == "2024-05-01"
    mature = default_labels(ledger, snapshot, PRIMARY, until="2024-08-29").iloc[0]
    assert mature["mature_months"] == 3
    assert mature["default_3m"]
    assert mature["default_12m"] is pd.NA


def test_a_customer_in_default_has_no_outcome():
    snapshot = pd.DataFrame({"customer_id": ["acme"], "as_of": pd.to_datetime(["2024-06-30"])})
    row = default_labels(prepared(ONE), snapshot, PRIMARY, until=END).iloc[0]
    assert row["in_default"]
    assert row["default_12m"] is pd.NA


def test_withholding_the_last_year_changes_no_earlier_outcome():
    two = ONE + "    b | bob | 2024-03-01 | 2024-05-31 | 700\n"
    ledger = prepared(two, "p | bob | b | 2024-09-15 | | 700")
    snapshots = pd.DataFrame({"customer_id": ["acme", "bob"], "as_of": pd.to_datetime(["2024-04-30"] * 2)})
    all_known = default_labels(ledger, snapshots, PRIMARY, until="2026-07-31")
    withheld = default_labels(ledger, snapshots, PRIMARY, until="2025-07-31")
    columns = ["default_3m", "default_6m", "default_12m", "default_on"]
    pd.testing.assert_frame_equal(all_known[columns], withheld[columns])


def test_months_end_at_month_ends():
    days = pd.to_datetime(["2024-02-29", "2024-01-31", "2024-08-30"]).to_numpy().astype("datetime64[D]")
    assert months_after(days, 12).astype(str).tolist() == ["2025-02-28", "2025-01-31", "2025-08-30"]
    assert str(last_mature_as_of(pd.Timestamp("2024-12-31"), 12, PRIMARY).date()) == "2023-10-02"


def test_delay_labels_censor_what_was_not_paid():
    three = ONE + "    b | acme | 2024-01-01 | 2024-01-31 | 10\n    c | acme | 2024-01-01 | 2024-01-31 | 10\n"
    ledger = prepared(three, "p | acme | a | 2024-02-05 | | 1000", "e | acme | c | 2024-06-01 | | write_off")
    found = delay_labels(ledger, pd.DataFrame({"invoice_id": ["a", "b", "c"]}), until="2024-12-31")
    assert found["closed_kind"].tolist() == ["paid", "open", "written_off"]
    assert found["is_censored"].tolist() == [False, True, True]
    assert found["days_late"].iloc[0] == 5
    assert found["days_late"].iloc[1:].isna().all()
    assert found["observed_until"].dt.strftime("%Y-%m-%d").tolist() == ["2024-02-05", "2024-12-31", "2024-06-01"]
    with pytest.raises(InputError, match=r"e\.g\. 'z'"):
        delay_labels(ledger, pd.DataFrame({"invoice_id": ["z"]}))


def test_policies_refuse_nonsense_and_survive_json():
    for policy in (PRIMARY, CRR178, BUREAU, SHORT_HISTORY):
        assert DefaultPolicy.from_json(policy.to_json()) == policy
    stored = {k: v for k, v in BUREAU.to_json().items() if k not in ("share_included", "any_write_off")}
    assert DefaultPolicy.from_json(stored).share_included  # a model logged before the switch keeps its meaning
    with pytest.raises(InputError, match="must rise"):
        replace(PRIMARY, horizons_months=(12, 6))
    with pytest.raises(InputError, match="unlikely_to_pay"):
        replace(PRIMARY, unlikely_to_pay=("bad_mood",))
