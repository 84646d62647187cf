"""Peers and group: the industry, the country and the parent group on the same day, and the customer against them."""

from features.language import Feature, Missing, Node, Risk, Unit, column_of, given, ratio

PEERS = (("industry", "industry", "行业"), ("country", "country", "国家"))


def _peer(name: str, value: Node, meaning: str, en: str, zh: str) -> Feature:
    return Feature(
        name=name,
        unit=Unit.SHARE,
        value=value,
        meaning=meaning,
        risk=Risk.NONE,
        reason={"en": en, "zh": zh},
        missing=Missing.NOT_REPORTED,
    )


def _group(name: str, unit: Unit, value: Node, risk: Risk, meaning: str, en: str, zh: str) -> Feature:
    return Feature(
        name=name,
        unit=unit,
        value=value,
        meaning=meaning,
        risk=risk,
        reason={"en": en, "zh": zh},
        missing=Missing.NOT_APPLICABLE,
    )


FEATURES = (
    *(
        _peer(f"{kind}_late_share_12m", given(f"{kind}_late_share_12m"),
              f"Share of all invoices of the customer's {en} due in the last 365 days that were or are late.",
              f"{{value}} of the invoices in the customer's {en} are late", f"客户所在{zh}有 {{value}} 的发票逾期")
        for kind, en, zh in PEERS
    ),
    *(
        _peer(f"{kind}_late_30_share_12m", given(f"{kind}_late_30_share_12m"),
              f"Share of all invoices of the customer's {en} due in the last 365 days that were or are more than 30 days late.",
              f"{{value}} of the invoices in the customer's {en} are more than 30 days late", f"客户所在{zh}有 {{value}} 的发票逾期超过30天")
        for kind, en, zh in PEERS
    ),
    *(
        _peer(f"late_share_to_{kind}_12m", column_of("late_share_12m") - given(f"{kind}_late_share_12m"),
              f"The customer's share of late invoices over 365 days less that of its {en}.",
              f"the share of late invoices differs from the {en}'s by {{value}}", f"逾期占比与{zh}相差 {{value}}")
        for kind, en, zh in PEERS
    ),
    _group("group_customers", Unit.COUNT, given("group_customers"), Risk.NONE,
           "Customers in the same parent group, this one included.", "{value} customers of the same group", "同一集团有 {value} 个客户"),
    _group("group_open_amount", Unit.MONEY, given("group_open_amount") * 100, Risk.NONE,
           "Open balance of the parent group on as_of.", "the group owes {value}", "集团未结余额为 {value}"),
    _group("group_overdue_amount", Unit.MONEY, given("group_overdue_amount") * 100, Risk.RISES,
           "Overdue balance of the parent group on as_of.", "{value} of the group is overdue", "集团逾期金额为 {value}"),
    _group("group_overdue_share_over_30", Unit.SHARE, ratio(given("group_overdue_amount_over_30"), given("group_open_amount")), Risk.NONE,
           "Share of the parent group's open balance more than 30 days past due.",
           "{value} of the group's balance is more than 30 days overdue", "集团未结余额中有 {value} 逾期超过30天"),
)  # fmt: skip
