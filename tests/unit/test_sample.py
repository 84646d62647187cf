"""The sample ledger: the same for the same three numbers, accepted at the door, with every dirty thing in it."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal

from cli.sample import command
from ledger.contract import EVENT_KINDS, ORDER_STATUSES, PAYMENT_KINDS
from ledger.default_status import PRIMARY, default_spells
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import settle
from sample.calendar import calendar, easter_sundays
from sample.customers import GIANTS, draw_customers
from sample.generator import NO_EFFECT, Settings, sample, write_sample
from sample.parameters import REMINDERS
from sample.truth import squeeze_lasts

DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def prepared():
    return sample(customers=500, months=36, seed=3)


def test_easter_as_published():
    assert easter_sundays(range(2021, 2026)) == ["2021-04-04", "2022-04-17", "2023-04-09", "2024-03-31", "2025-04-20"]


def test_month_end_runs_move_to_the_business_day_before():
    days = calendar(24)
    asked = np.array(["2024-03-01", "2024-06-01"], "datetime64[D]").astype(int)
    runs = days.run_on_or_after(asked, 7).astype("datetime64[D]").astype(str)
    # 29 March 2024 is Good Friday and 30 June a Sunday
    assert runs.tolist() == ["2024-03-28", "2024-06-28"]


def test_the_same_numbers_give_the_same_ledger():
    assert sample(60, 12, 5).ledger.fingerprint == sample(60, 12, 5).ledger.fingerprint
    assert sample(60, 12, 5).ledger.fingerprint != sample(60, 12, 6).ledger.fingerprint


def test_a_customer_does_not_depend_on_who_comes_after():
    small, large = sample(100, 12, 5), sample(700, 12, 5)
    kept = [f"C{number:07d}" for number in range(GIANTS, 100)]  # what the largest buy depends on the sample's size
    for table in ("invoices", "payments", "orders", "events", "credit_terms", "ratings", "attributes"):
        alone, beside = small.ledger.of(kept)[table], large.ledger.of(kept)[table]
        assert_frame_equal(alone, beside)


def test_in_memory_and_on_disk_are_one_content(tmp_path):
    rows = write_sample(tmp_path, customers=60, months=12, seed=2)
    written, kept = read_ledger(tmp_path), sample(60, 12, 2)
    assert written.fingerprint == kept.ledger.fingerprint
    assert rows["invoices"] == len(kept.ledger.invoices)
    truth = pd.read_parquet(tmp_path / "truth.parquet")
    assert {"customer_id", "as_of", "true_pd_3m", "true_pd_6m", "true_pd_12m", "state", "status"} == set(truth)
    assert len(truth) == rows["truth"] == len(kept.truth)


def test_tables_are_sorted_by_customer(prepared):
    for table in ("customers", "invoices", "payments", "events", "ratings", "attributes", "credit_terms"):
        assert prepared.ledger[table]["customer_id"].is_monotonic_increasing, table


def test_nobody_pays_on_a_weekend_or_on_a_closed_day(prepared):
    paid = prepared.ledger.payments["paid_on"]
    assert set(paid.dt.day_of_week) == {0, 1, 2, 3, 4}
    assert not paid.isin(pd.to_datetime(["2022-04-15", "2022-04-18", "2023-05-01", "2024-12-25", "2024-12-26"])).any()


def _settled_once(ledger: Ledger) -> pd.DataFrame:
    payments = ledger.payments[ledger.payments["invoice_id"].notna() & ledger.payments["superseded_on"].isna()]
    invoices = ledger.invoices[ledger.invoices["superseded_on"].isna()]
    return payments.merge(invoices, on="invoice_id", suffixes=("", "_invoice"))


def test_every_dirty_thing_is_in_it(prepared):
    ledger = prepared.ledger
    invoices, payments = ledger.invoices, ledger.payments
    notes = invoices[invoices["kind"] == "credit_note"]
    wait = (payments["booked_on"] - payments["paid_on"]).dt.days
    found = {
        "late bookings, days": (wait > 2).mean() > 0.01,
        "late bookings, weeks": (wait > 14).any(),
        "invoices booked late": ((invoices["booked_on"] - invoices["issued_on"]).dt.days > 5).any(),
        "back-dated credit notes": ((notes["booked_on"] - notes["issued_on"]).dt.days > 14).any(),
        "part payments": (payments.groupby("invoice_id").size() > 1).any(),
        "reversals": (payments["kind"] == "reversal").any(),
        "refunds": (payments["kind"] == "refund").any(),
        "nettings": (payments["kind"] == "netting").any(),
        "unapplied cash": payments["invoice_id"].isna().any(),
        "cash applied later": (payments["superseded_on"].notna() & payments["invoice_id"].isna()).any(),
        "corrected invoices": invoices["superseded_on"].notna().any(),
        "several currencies": invoices["currency"].nunique() == 4,
        "sole traders": ledger.customers["is_natural_person"].astype(bool).any(),
        "groups": ledger.customers["parent_id"].notna().any(),
        "new customers": (ledger.customers["onboarded_on"] > "2022-06-01").any(),
        "leaving customers": (prepared.truth_customers["left_on"].notna()).any(),
        "open items on the last day": prepared.truth_invoices["paid_on"].isna().any(),
        "cover that changes": ledger["credit_terms"].groupby("customer_id")["insured_limit"].nunique().max() > 1,
        "ratings of two scales": ledger["ratings"]["scale"].nunique() == 2,
        "ratings published later": (ledger["ratings"]["published_on"] > ledger["ratings"]["rated_on"]).all(),
    }
    assert [name for name, is_there in found.items() if not is_there] == []


def test_every_kind_of_event_is_in_it(prepared):
    # a residual item is what one bookkeeping system makes of a short payment: only its importer writes it
    assert set(prepared.ledger.events["kind"]) == set(EVENT_KINDS) - {"residual"}


def test_nothing_is_known_after_the_last_day(prepared):
    assert str(prepared.ledger.last_known_on) == "2024-12-31"


def test_credit_notes_never_exceed_their_invoice(prepared):
    invoices = prepared.ledger.invoices[prepared.ledger.invoices["superseded_on"].isna()]
    amount = invoices.set_index("invoice_id")["amount"]
    notes = invoices[invoices["kind"] == "credit_note"]
    assert (notes["amount"] <= amount.reindex(notes["applies_to"]).to_numpy() + 0.005).all()


def test_settled_invoices_are_settled_to_the_cent(prepared):
    merged = _settled_once(prepared.ledger)
    sign = np.where(merged["kind"] == "reversal", -1, 1)
    paid = (merged["amount"] * sign).groupby(merged["invoice_id"]).sum()
    invoices = prepared.ledger.invoices[prepared.ledger.invoices["superseded_on"].isna()]
    credited = invoices.groupby("applies_to")["amount"].sum()
    owed = invoices[invoices["kind"] == "invoice"].set_index("invoice_id")["amount"]
    done = prepared.truth_invoices.set_index("invoice_id")["paid_on"]
    done = done[pd.to_datetime(done) <= pd.Timestamp("2024-11-15")].index  # booked by the end, however late
    left = owed.reindex(done) - paid.reindex(done).fillna(0) - credited.reindex(done).fillna(0)
    assert left.abs().max() < 0.005


def test_truth_is_a_probability_and_rises_with_the_horizon(prepared):
    truth = prepared.truth
    known = truth[truth["status"] != "in_default"]
    assert known[["true_pd_3m", "true_pd_6m", "true_pd_12m"]].notna().all().all()
    assert truth.loc[truth["status"] == "in_default", "true_pd_12m"].isna().all()
    assert ((known["true_pd_3m"] <= known["true_pd_6m"] + 1e-9) | (known["status"] == "stopped")).all()
    assert (known["true_pd_6m"] <= known["true_pd_12m"] + 1e-9).all()
    assert known["true_pd_12m"].between(0, 1).all()
    assert (known.loc[known["status"] == "left", "true_pd_12m"] == 0).all()


def test_true_lateness_falls_with_the_threshold(prepared):
    late = prepared.truth_invoices[[f"true_p_late_{k}" for k in (1, 5, 30, 60, 90)]].to_numpy()
    assert (np.diff(late, axis=1) <= 1e-9).all()
    assert ((late >= 0) & (late <= 1)).all()


def test_a_temporary_stop_ends_before_ninety_days_of_arrears():
    assert squeeze_lasts(np.array([0.0, 40.0, 63.0, 86.0]), 40, 86).tolist() == [1.0, 1.0, 0.5, 0.0]
    customers = draw_customers(np.random.default_rng(3), 10, Settings(), calendar(48))
    _, longest = customers.squeeze_days()
    # what a habitual late payer owes is up to its lateness old when it stops
    assert (longest[customers.is_habitual] + customers.lateness[customers.is_habitual] < 90).all()
    assert set(longest[~customers.is_habitual]) == {86}


def test_habitual_late_payers_pay_late_for_ever_and_do_not_default(prepared):
    habitual = prepared.truth_customers.set_index("customer_id")["lateness"].dropna()
    assert 0.05 < len(habitual) / 500 < 0.15
    assert habitual.between(5, 60).all()
    items = prepared.truth_invoices[prepared.truth_invoices["customer_id"].isin(habitual.index)]
    due = prepared.ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["due_on"]
    late = (pd.to_datetime(items["paid_on"]) - due.reindex(items["invoice_id"]).to_numpy()).dt.days
    middle = late.groupby(items["customer_id"]).median()
    # reminders make it somewhat less late, payment days somewhat later
    assert ((middle - habitual.reindex(middle.index)).abs() < 6 + 0.35 * habitual.reindex(middle.index)).mean() > 0.9
    first = default_spells(prepared.ledger, PRIMARY).groupby("customer_id")["entered_on"].first()
    expected = pd.to_datetime(prepared.truth_customers.set_index("customer_id")["default_on"])
    expected = expected[expected <= "2024-12-31"]
    assert set(first.index) == set(expected.index)
    assert len(set(habitual.index) - set(first.index)) > 0.7 * len(habitual)


def test_reminders_save_the_days_that_their_kind_saves(prepared):
    """On average over those that answer, a reminder saves its effect times the days that were still to go."""
    did = prepared.truth_actions
    assert set(did["kind"]) == set(REMINDERS)
    assert (did.loc[did["kind"] == "letter", "days_saved"] == 0).all()
    went = (pd.to_datetime(did["paid_on"]) - pd.to_datetime(did["occurred_on"])).dt.days
    alone = did["invoice_id"].groupby(did["invoice_id"]).transform("size") == 1
    for kind, segment in (("email", "small"), ("call", "medium")):
        own = alone & (did["kind"] == kind) & (did["segment"] == segment) & (did["days_saved"] > 0)
        share = did.loc[own, "days_saved"].sum() / (did.loc[own, "days_saved"] + went[own]).sum()
        assert share == pytest.approx(did.loc[own, "effect"].iloc[0], abs=0.12), (kind, segment)


def test_other_effects_change_when_items_are_paid_and_nothing_else():
    with_effect, without = sample(300, 24, 3), sample(300, 24, 3, reminders=NO_EFFECT)
    common = ["customer_id", "as_of", "state"]
    assert_frame_equal(with_effect.truth[common], without.truth[common])
    running = (with_effect.truth["status"] == "running") & (without.truth["status"] == "running")
    assert_frame_equal(with_effect.truth[running], without.truth[running])
    sold = ["invoice_id", "issued_on", "due_on"]
    first, second = (s.ledger.invoices.query("kind == 'invoice'")[sold] for s in (with_effect, without))
    assert_frame_equal(first.drop_duplicates(ignore_index=True), second.drop_duplicates(ignore_index=True))
    paid, later = (pd.to_datetime(s.truth_invoices["paid_on"]) for s in (with_effect, without))
    both = paid.notna() & later.notna()
    assert (paid[both] <= later[both]).all()
    assert (paid < later).sum() > 20
    assert (without.truth_actions["days_saved"] == 0).all()


def test_instalments_sum_to_their_invoice_and_are_paid_in_order(prepared):
    plan = prepared.ledger["instalments"]
    whole = prepared.ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")
    assert (
        plan.groupby("invoice_id")["amount"].sum() - whole["amount"].reindex(plan["invoice_id"].unique())
    ).abs().max() < 0.005
    assert (plan.groupby("invoice_id")["due_on"].max() == whole["due_on"].reindex(plan["invoice_id"].unique())).all()
    assert (plan.groupby("invoice_id").size() == 3).all()


def test_a_discount_is_taken_within_its_days_and_settles_what_it_names(prepared):
    payments = prepared.ledger.payments
    discounts = payments[payments["kind"] == "discount"].merge(
        prepared.ledger.invoices.drop_duplicates("invoice_id"), on="invoice_id", suffixes=("", "_invoice")
    )
    assert ((discounts["paid_on"] - discounts["issued_on"]).dt.days <= 10).all()
    assert discounts["payment_terms"].str.startswith("2/10 net").all()
    state = settle(prepared.ledger).at("2024-12-31").set_index("invoice_id")
    known = discounts[discounts["booked_on"] <= "2024-12-31"]["invoice_id"]
    assert (state.loc[known, "closed_kind"] == "paid").all()


def test_every_kind_of_payment_and_a_cure_are_in_it(prepared):
    payments = prepared.ledger.payments
    assert set(payments["kind"]) == set(PAYMENT_KINDS) - {"factoring", "undated"}
    bills = payments[payments["kind"] == "bill"]
    assert ((bills["matures_on"] - bills["paid_on"]).dt.days >= 91).all()
    assert set(prepared.ledger["orders"]["status"]) == set(ORDER_STATUSES)
    cured = pd.to_datetime(prepared.truth_customers["cured_on"]).dropna()
    assert (cured < "2024-12-31").any()
    spells = default_spells(prepared.ledger, PRIMARY)
    assert spells["cured_on"].notna().any()


@pytest.mark.parametrize(("name", "value"), [("customers", 5), ("months", 2), ("seed", -1)])
def test_a_wrong_number_says_what_it_must_be(name, value):
    with pytest.raises(InputError, match=f"The {name} of a sample must be from .* Got {value} instead"):
        sample(**{name: value})


def test_command_writes_prints_and_refuses_to_overwrite(tmp_path):
    done = CliRunner().invoke(command, [str(tmp_path / "a"), "--customers", "40", "--months", "8", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["rows"]["customers"] == 40
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    refused = CliRunner().invoke(command, [str(tmp_path / "other")])
    assert isinstance(refused.exception, InputError)
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"
