"""Which catalogue columns the default model uses (docs/decisions/013 says how they were found).

None of them counts a customer's whole history (`invoices_settled_ever`): where a ledger begins for most customers on one
day, such a column tells the month, and trees would learn the luck of the last months from it and carry it into later ones.
"""

from __future__ import annotations

SELECTED: tuple[str, ...] = (
    # how late what fell due was paid, lately and by habit
    "late_share_3m", "late_share_12m", "late_30_share_6m", "days_past_due_mean_3m", "days_past_due_mean_6m",
    "days_past_due_mean_12m", "days_late_mean_3m", "days_late_mean_12m", "days_late_mean_24m", "days_late_median_3m",
    "days_past_due_weighted_3m", "days_past_due_weighted_6m", "days_past_due_change_3m_12m",
    # what is open now
    "overdue_share", "overdue_to_sales_12m", "days_past_due_oldest", "dbt_open", "insured_limit_used_share",
    # money that comes
    "days_since_payment", "days_since_payment_to_habit", "payment_gap_max_12m", "part_paid_share_12m",
    "short_paid_share_12m",
    # what happened
    "disputes_12m", "reminders_3m", "order_blocks_12m", "days_since_adverse_event",
    # what others say
    "rating_risk", "rating_risk_max",
)  # fmt: skip
