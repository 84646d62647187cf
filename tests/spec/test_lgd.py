"""Loss given default, drawn: a default, what came back of it, and figures that a reader can redo."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cli.lgd import command
from ledger.default_status import PRIMARY
from ledger.lgd import LgdPolicy, LgdTable, closed_defaults, lgd_table, measure
from tests.spec.test_default_status import prepared

FLAT = LgdPolicy(discount_rate=0.0)
DUE = """
    invoice_id | customer_id | issued_on  | due_on     | amount
    a          | acme        | 2024-01-01 | 2024-01-31 | 1000
    b          | acme        | 2024-03-01 | 2024-06-30 | 500
"""  # a is 91 days past due on 2024-05-01, when b is open too: EAD 1,500


def one(payments: str = "", events: str = "", policy: LgdPolicy = FLAT, until: str = "2026-12-31"):
    ledger = prepared(DUE, payments, events)
    if "recovery" in events:
        frame = ledger.tables["events"]
        ledger.tables["events"] = frame.assign(amount=np.where(frame["kind"] == "recovery", 200.0, np.nan))
    return closed_defaults(ledger, PRIMARY, policy, until=until).iloc[0]


def test_nothing_comes_back_and_the_workout_period_ends():
    row = one()
    assert (str(row["entered_on"].date()), row["ead"], row["recovered"], row["loss"]) == ("2024-05-01", 1500, 0, 1500)
    assert row["closed_as"] == "workout_over"
    assert str(row["closed_on"].date()) == "2026-05-01"  # 24 months are 730 days
    assert one(until="2026-04-30")["closed_as"] == "open"


def test_all_of_it_is_paid_and_a_later_day_is_worth_less():
    paid = "p | acme | a | 2025-05-01 | | 1000\nq | acme | b | 2025-05-01 | | 500"
    row = one(paid, until="2025-05-31")  # not cured yet: 3 months without old items have not passed
    assert (row["closed_as"], row["recovered"], row["loss"]) == ("recovered", 1500, 0)
    later = one(paid, policy=LgdPolicy(discount_rate=0.10), until="2025-05-31")
    assert later["recovered_present_value"] == pytest.approx(1500 * 1.10 ** (-365 / 365.25))
    costly = one(paid, policy=LgdPolicy(discount_rate=0.0, cost_share=0.08), until="2025-05-31")
    assert costly["loss"] == pytest.approx(0.08 * 1500)


def test_a_cured_default_comes_back_whole_on_the_day_of_cure():
    # a is paid on 2024-06-01; b, due later, is still open: cured 91 days later, and what is left performs again
    row = one("p | acme | a | 2024-06-01 | | 1000", until="2024-09-15")
    assert (row["closed_as"], row["recovered"], row["loss"]) == ("cured", 1500, 0)
    assert str(row["closed_on"].date()) == "2024-08-31"


def test_a_write_off_loses_what_is_left_and_a_later_recovery_counts_when_booked():
    part = "p | acme | a | 2024-06-01 | | 300"
    gone = "e | acme | a | 2024-12-01 | | write_off\nf | acme | b | 2024-12-01 | | write_off"
    row = one(part, gone)
    assert (row["closed_as"], row["recovered"], row["loss"]) == ("written_off", 300, 1200)
    again = gone + "\ng | acme | | 2025-03-01 | 2025-04-01 | recovery"
    assert one(part, again)["loss"] == 1000  # 200 of it came back
    assert one(part, again, until="2025-03-31")["loss"] == 1200  # not booked yet
    assert one(part, again)["closed_as"] == "written_off"


def test_credit_notes_were_never_owed_and_unapplied_credits_lower_the_exposure():
    ledger = prepared(DUE, "p | acme |  | 2024-04-01 | | 100\nq | acme |  | 2024-07-01 | | 250")
    row = closed_defaults(ledger, PRIMARY, FLAT, until="2026-12-31").iloc[0]
    assert (row["ead"], row["recovered"]) == (1400, 250)  # 100 credited before; 250 came later without a reference


def closed(losses: list[float], ead: float = 100.0, segment: str | None = None) -> pd.DataFrame:
    return pd.DataFrame({
        "customer_id": [f"c{segment}{i}" for i in range(len(losses))], "segment": segment, "ead": ead, "loss": losses,
        "closed_as": "written_off",
    })  # fmt: skip


def test_too_few_defaults_leave_the_policys_value_and_more_of_them_shrink_towards_it():
    few = measure(closed([10.0] * 19), FLAT).book
    assert (few.value, few.source, few.weight, few.defaults) == (0.40, "policy", 0.0, 19)
    assert few.measured == pytest.approx(0.10)  # shown, and not used
    some = measure(closed([10.0] * 20), FLAT).book
    assert (some.source, some.weight) == ("shrunk", 0.5)  # 20 / (20 + 20)
    assert some.value == pytest.approx(0.5 * 0.10 + 0.5 * 0.40)
    many = measure(closed([10.0] * 400), FLAT).book
    assert (many.source, many.value) == ("measured", pytest.approx(0.10))
    none = measure(closed([]), FLAT).book
    assert (none.value, none.source, none.measured) == (0.40, "policy", None)


def test_a_segment_has_its_own_value_from_20_closed_defaults():
    both = pd.concat([closed([10.0] * 30, segment="key"), closed([90.0] * 19, segment="small")])
    found = measure(both, FLAT)
    assert set(found.segments) == {"key"}
    assert found.of("key").measured == pytest.approx(0.10)
    assert found.of("small") == found.of(None) == found.book
    assert found.book.measured == pytest.approx((30 * 10 + 19 * 90) / 4900)
    assert LgdTable.from_json(found.to_json()) == found
    assert asdict(found)["policy"]["value"] == 0.40


def test_it_is_weighed_by_amount_and_open_defaults_are_left_out():
    frame = pd.concat([closed([0.0] * 30, ead=10.0), closed([900.0] * 30, ead=1000.0, segment="x")])
    frame.loc[frame["customer_id"] == "cx0", "closed_as"] = "open"
    found = measure(frame, FLAT)
    assert found.still_open == 1
    assert found.book.measured == pytest.approx(29 * 900 / (29 * 1000 + 30 * 10))


def test_a_ledger_without_defaults_says_policy():
    assert (
        lgd_table(prepared(DUE, "p | acme | a | 2024-01-31 | | 1000"), PRIMARY, until="2024-06-30").book.source
        == "policy"
    )


def test_the_command_prints_the_value_with_its_source(tmp_path):
    prepared(DUE, "p | acme | a | 2024-06-01 | | 300").write(tmp_path / "ledger")
    found = CliRunner().invoke(command, [str(tmp_path / "ledger"), "--json", "--defaults"], catch_exceptions=False)
    stored = json.loads(found.output)
    assert (stored["book"]["value"], stored["book"]["source"]) == (0.40, "policy")
    assert (stored["still_open"], len(stored["defaults"])) == (1, 1)
    assert stored["defaults"][0]["ead"] == 1500
    shown = CliRunner().invoke(command, [str(tmp_path / "ledger")], catch_exceptions=False)
    assert "whole book" in shown.output
    assert "weight = n / (n + 20)" in shown.output
