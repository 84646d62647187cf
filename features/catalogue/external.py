"""External: agencies' ratings, facts reported about the customer, published series."""

from features.catalogue.rows import AMOUNT, attribute, issued_within, ratings
from features.language import (
    Feature,
    Missing,
    Node,
    Risk,
    Unit,
    count,
    days_since,
    given,
    last,
    maximum,
    mean,
    ratio,
    row,
    total,
)

REVENUE = last(row("value"), of=attribute("monthly_revenue"))  # in thousandths


def _reported(name: str, unit: Unit, value: Node, meaning: str, en: str, zh: str, risk: Risk = Risk.NONE) -> Feature:
    return Feature(
        name=name,
        unit=unit,
        value=value,
        meaning=meaning,
        risk=risk,
        reason={"en": en, "zh": zh},
        missing=Missing.NOT_REPORTED,
    )


FEATURES = (
    _reported("rating_risk", Unit.SHARE, ratio(last(row("risk"), of=ratings), 1000),
              "Last external rating as a place between the best (0) and the worst (1) of its scale; the worst where several are of one day.",
              "the last rating lies at {value} between the best and the worst", "最近的外部评级位于最好与最差之间的 {value}", Risk.RISES),
    _reported("rating_risk_max", Unit.SHARE, ratio(maximum(row("risk"), of=ratings), 1000),
              "Worst external rating ever published, between the best (0) and the worst (1) of its scale.",
              "the worst rating lay at {value} between the best and the worst", "历史最差评级位于 {value}", Risk.RISES),
    _reported("rating_risk_change", Unit.SHARE, ratio(last(row("risk"), of=ratings), 1000) - ratio(mean(row("risk"), of=ratings), 1000),
              "Last external rating less the mean of all: above 0 it has become worse.",
              "the last rating is {value} worse than the mean of all", "评级较均值变化 {value}"),
    _reported("rating_age_days", Unit.DAYS, days_since(ratings), "Days since the last external rating.",
              "the last rating is {value} old", "最近评级距今 {value}"),
    _reported("ratings_ever", Unit.COUNT, count(ratings), "External ratings known by as_of.",
              "{value} ratings are known", "已知 {value} 次评级"),
    _reported("monthly_revenue", Unit.MONEY, ratio(REVENUE, 10), "Last monthly revenue reported, in the reporting currency.",
              "monthly revenue is {value}", "月营业额为 {value}"),
    _reported("monthly_revenue_age_days", Unit.DAYS, days_since(attribute("monthly_revenue")), "Days since the month of the last revenue reported.",
              "the last revenue figure is {value} old", "最近营业额数据距今 {value}"),
    _reported("head_count", Unit.COUNT, ratio(last(row("value"), of=attribute("head_count")), 1000), "Last number of employees reported.",
              "the customer has {value} employees", "员工人数为 {value}"),
    _reported("monthly_revenue_to_mean_12m", Unit.RATIO,
              ratio(REVENUE, mean(row("value"), of=attribute("monthly_revenue", 365))),
              "Last monthly revenue against the mean of those of the last 365 days.",
              "the last monthly revenue is {value} times its yearly mean", "最近月营业额是全年平均的 {value} 倍"),
    _reported("head_count_age_days", Unit.DAYS, days_since(attribute("head_count")), "Days since the last number of employees reported.",
              "the last number of employees is {value} old", "最近员工人数数据距今 {value}"),
    _reported("sales_to_revenue_12m", Unit.RATIO, ratio(total(AMOUNT, of=issued_within(365)) * 10, REVENUE * 12),
              "Amount invoiced in the last 365 days against twelve times the last monthly revenue: how much the customer depends on us.",
              "our invoicing is {value} times the customer's revenue", "我方开票额是客户营业额的 {value} 倍"),
    *(
        _reported(name, Unit.INDEX, given(name), f"{words} as last published by as_of (the country's own where there is one).",
                  f"{words.lower()} stands at {{value}}", f"{zh}为 {{value}}")
        for name, words, zh in (("orders_index", "Orders index", "订单指数"), ("insolvencies_index", "Insolvencies index", "破产指数"),
                                ("industry_climate", "Business climate of the customer's industry", "行业景气指数"))
    ),
    *(
        _reported(f"{name}_change_12m", Unit.RATIO, given(f"{name}_change_12m"), f"Change of the {words} against a year before, both as published.",
                  f"the {words} changed by {{value}} in a year", f"{zh}一年变化 {{value}}")
        for name, words, zh in (("orders_index", "orders index", "订单指数"), ("insolvencies_index", "insolvencies index", "破产指数"),
                                ("industry_climate", "business climate of the customer's industry", "行业景气指数"))
    ),
)  # fmt: skip
