"""The sample ledger: the same for the same three numbers, accepted at the door, with every dirty thing in it."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pandas.testing import assert_frame_equal

from cli.sample import command
from ledger.contract import EVENT_KINDS
from ledger.errors import InputError
from ledger.ledger import Ledger, read_ledger
from sample.calendar import calendar, easter_sundays
from sample.customers import GIANTS
from sample.generator import sample, write_sample
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
    for table in ("invoices", "payments", "events", "credit_terms", "ratings", "attributes"):
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
    sign = merged["kind"].map({"payment": 1, "netting": 1, "reversal": -1})
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
    assert squeeze_lasts(np.array([0.0, 86.0])).tolist() == [1.0, 0.0]


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
