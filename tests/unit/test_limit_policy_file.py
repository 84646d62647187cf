"""The limit policy's file: the bundled one is the house policy, and a wrong one is refused with the field's name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decisions.limit_policy import BUNDLED, bundled_limit_policy, read_limit_policy
from decisions.limits import house_policy
from decisions.needed_limit import needed_limit
from ledger.errors import InputError
from models.rating_scale import MASTER_SCALE
from tests.served import small


def test_the_bundled_file_is_the_house_policy_of_the_master_scale():
    assert bundled_limit_policy() == house_policy(MASTER_SCALE.names)


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        ("smallest_limit = 500.0", "smallest_limit = -1", "smallest_limit: input should be greater"),
        ('version = "3"', 'version = "3"\ncolour = 1', "colour: extra inputs"),
        ("maximum_limit = 550_000.0", "maximum_limit = 2_000_000.0", "the cap of R02"),
        ("highest_pd = 0.10", "highest_pd = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_the_name_of_the_field(tmp_path, line, instead, says):
    path = tmp_path / "mine.toml"
    path.write_text(BUNDLED.read_text().replace(line, instead, 1))
    with pytest.raises(InputError, match=says):
        read_limit_policy(path)


def test_a_copy_with_another_version_is_another_policy(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        BUNDLED.read_text().replace('version = "3"', 'version = "4"').replace("highest_pd = 0.10", "highest_pd = 0.05")
    )
    assert (read_limit_policy(path).version, read_limit_policy(path).highest_pd) == ("4", 0.05)


def test_the_needed_limit_is_sales_a_day_times_the_days_that_money_is_out():
    # 365,000 a year are 1,000 a day; 30 days of terms and 12 late are 42 days; a fifth more; 3,000 ordered
    need = needed_limit(sales_12m=365_000, terms_days=30, expected_delay_days=12, open_orders=3_000, headroom=1.2)
    assert need.limit == pytest.approx(1_000 * 42 * 1.2 + 3_000)
    assert [step.result for step in need.steps] == pytest.approx([1_000, 42, 53_400])
    assert needed_limit(sales_12m=365, terms_days=30, expected_delay_days=-8).limit == pytest.approx(30)


def test_a_scorer_under_another_policy_recommends_by_it_also_on_another_ledger():
    scorer = small().scorer
    stricter = replace(bundled_limit_policy(), version="4", highest_pd=0.0)
    assert scorer.under(stricter).limit_policy.version == "4"
    with pytest.raises(InputError, match="no terms for grade"):
        scorer.under(replace(stricter, terms=stricter.terms[:3]))
