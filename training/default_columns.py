"""Which catalogue columns the default model uses: the smallest set within noise of all 181 of them."""

from __future__ import annotations

SELECTED: tuple[str, ...] = (
    # how late what fell due was paid, lately and by habit
    "late_share_3m", "late_share_12m", "late_30_share_6m", "late_30_share_12m", "late_amount_share_3m",
    "days_past_due_mean_3m", "days_past_due_mean_6m", "days_past_due_mean_12m", "days_late_mean_3m",
    "days_late_mean_12m", "days_late_mean_24m", "days_late_median_3m", "days_past_due_max_3m", "days_past_due_max_12m",
    "days_past_due_weighted_3m", "days_past_due_weighted_6m", "days_late_spread_12m",
    # whether it is getting worse
    "days_past_due_change_3m_12m", "days_past_due_change_12m_24m", "late_share_change_3m_12m", "days_past_due_slope_6m",
    "days_past_due_slope_12m", "late_streak",
    # what is open now
    "overdue_share", "overdue_share_over_30", "overdue_to_sales_12m", "days_past_due_oldest", "dbt_open",
    "open_to_sales_3m", "limit_used_share", "insured_limit_used_share",
    # money that comes, and how much is bought
    "days_since_payment", "days_since_payment_to_habit", "payment_gap_max_12m", "paid_to_sales_3m", "sales_growth_3m",
    "sales_growth_12m", "days_since_last_invoice",
    # what happened
    "part_paid_share_12m", "disputes_12m", "broken_promises_3m", "bounced_payments_12m", "reminders_3m",
    "order_blocks_12m", "days_since_adverse_event",
    # how well the customer is known
    "days_since_first_invoice", "invoices_per_month", "invoices_settled_ever",
)  # fmt: skip
