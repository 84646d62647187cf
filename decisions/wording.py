"""The sentences of a recommendation's reasons and conditions, by code and language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ledger.errors import InputError
from models.reasons.sentences import shown_date

LANGUAGES = ("en", "zh")

SENTENCES: Mapping[str, Mapping[str, str]] = {
    # reasons
    "in_default_hold": {
        "en": "The customer is in default by the policy's definition: no further delivery on credit.",
        "zh": "该客户按政策定义已处于违约状态：停止赊销发货。",
    },
    "in_default_decline": {
        "en": "The customer is in default by the policy's definition and has no open exposure: no limit.",
        "zh": "该客户按政策定义已处于违约状态且无未结敞口：不授予额度。",
    },
    "no_history": {
        "en": "No invoice of this customer is known, and the model served has no part for customers without history: "
        "a person decides.",
        "zh": "尚无该客户的发票记录，且当前模型没有针对无历史客户的部分：须由人工决定。",
    },
    "door_only": {
        "en": "No invoice of this customer is known: the probability rests on what is known before any (ratings, size, "
        "terms, its sector and its country).",
        "zh": "尚无该客户的发票记录：违约概率仅依据交易前已知信息（评级、规模、账期额度、所在行业与国家）。",
    },
    "short_history": {
        "en": "The history is short: it counts {weight:.0f} % in the probability, the rest is what was known before any "
        "invoice (ratings, size, terms, sector, country).",
        "zh": "历史较短：其在违约概率中占 {weight:.0f}%，其余为交易前已知信息（评级、规模、账期额度、行业、国家）。",
    },
    "door_quality": {
        "en": "Measured on later months of {snapshots:,.0f} customer months without a paid invoice: AUC {auc:.2f} "
        "({auc_low:.2f} to {auc_high:.2f}), mean PD {pd:.2f} %, {rate:.2f} % defaulted.",
        "zh": "在其后月份、尚未付清任何发票的 {snapshots:,.0f} 个客户月上测得：AUC {auc:.2f}（{auc_low:.2f} 至 {auc_high:.2f}），"
        "平均违约概率 {pd:.2f}%，实际违约 {rate:.2f}%。",
    },
    "door_quality_of_all": {
        "en": "Measured on later months as if no customer had a history: {snapshots:,.0f} customer months, AUC {auc:.2f} "
        "({auc_low:.2f} to {auc_high:.2f}), mean PD {pd:.2f} %, {rate:.2f} % defaulted. Of those who really had paid no "
        "invoice yet {own:,.0f} defaulted: too few to measure by themselves.",
        "zh": "在其后月份、假定所有客户均无历史的情况下测得：{snapshots:,.0f} 个客户月，AUC {auc:.2f}（{auc_low:.2f} 至 {auc_high:.2f}），"
        "平均违约概率 {pd:.2f}%，实际违约 {rate:.2f}%。真正尚未付清任何发票者中仅 {own:,.0f} 个违约，不足以单独衡量。",
    },
    "door_not_measured": {
        "en": "Too few customers defaulted to measure how good such an answer is.",
        "zh": "违约客户过少，无法测得此类结果的质量。",
    },
    "above_authority_without_history": {
        "en": "A limit of {limit:,.2f} is above the automatic authority for a customer without history, "
        "{authority:,.2f}: a person decides.",
        "zh": "额度 {limit:,.2f} 超出对无历史客户的自动审批权限 {authority:,.2f}：须由人工决定。",
    },
    "stale_data": {
        "en": "Nothing was invoiced in the last year and nothing is open: the history is too old to score, "
        "a person decides.",
        "zh": "最近一年没有开票且无未结款项：历史数据过旧，无法评分，须由人工决定。",
    },
    "no_default_model": {
        "en": "No default model is in service: there is no probability of default, a person decides.",
        "zh": "当前没有投入使用的违约模型：不给出违约概率，须由人工决定。",
    },
    "no_delay_model": {
        "en": "No delay model is in service: nothing is said of when invoices are paid.",
        "zh": "当前没有投入使用的付款延迟模型：不预测付款时间。",
    },
    "other_ledger": {
        "en": "The model learned from another ledger than the one that it answers on: its level and its order were not "
        "measured here.",
        "zh": "模型并非基于本账簿训练：其违约水平与排序能力未在此账簿上检验。",
    },
    "no_invoice": {
        "en": "No invoice of this customer is known: there is nothing to say how late the next one is paid.",
        "zh": "尚无该客户的发票记录：无法预测下一张发票的付款延迟。",
    },
    "no_score": {
        "en": "There is no score for this customer: a person decides.",
        "zh": "该客户没有评分：须由人工决定。",
    },
    "arrears_hold": {
        "en": "{amount:,.2f} is undisputed and past due for {policy_days:,.0f} days or more, up to {days:,.0f} days "
        "(invoices {items}): material by the policy (above {material_amount:,.2f} and above {material_share:.1f} % of the "
        "balance), so it stops credit.",
        "zh": "无争议款项 {amount:,.2f} 逾期满 {policy_days:,.0f} 天，最长 {days:,.0f} 天（发票 {items}）：按政策属重大"
        "（高于 {material_amount:,.2f} 且高于余额的 {material_share:.1f}%），停止赊销。",
    },
    "arrears_below_materiality": {
        "en": "{amount:,.2f} is undisputed and past due for {policy_days:,.0f} days or more, up to {days:,.0f} days "
        "(invoices {items}): not material by the policy, so it does not stop credit.",
        "zh": "无争议款项 {amount:,.2f} 逾期满 {policy_days:,.0f} 天，最长 {days:,.0f} 天（发票 {items}）：按政策不属重大，"
        "不停止赊销。",
    },
    "below_smallest_limit": {
        "en": "The risk allows a limit of {limit:,.2f} only, below the policy's smallest, {smallest_limit:,.2f}.",
        "zh": "按风险仅可授予 {limit:,.2f} 的额度，低于政策最低额度 {smallest_limit:,.2f}。",
    },
    "above_authority": {
        "en": "A limit of {limit:,.2f} is above the automatic authority of {authority:,.2f}: a person decides.",
        "zh": "额度 {limit:,.2f} 超出自动审批权限 {authority:,.2f}：须由人工决定。",
    },
    "above_highest_pd": {
        "en": "The probability of default of {pd:.2f} % is above {highest_pd:.2f} %: credit is a person's decision.",
        "zh": "违约概率 {pd:.2f}% 高于 {highest_pd:.2f}%：是否授信须由人工决定。",
    },
    "above_policy_limit": {
        "en": "The policy supports {limit:,.2f} of the {requested:,.2f} requested.",
        "zh": "申请额度 {requested:,.2f} 中，政策支持 {limit:,.2f}。",
    },
    "within_policy": {
        "en": "The requested {limit:,.2f} is within the policy for this grade and its expected loss.",
        "zh": "申请额度 {limit:,.2f} 符合该等级及预期损失的政策要求。",
    },
    "natural_person": {
        "en": "The customer is a natural person: an answer against them is a person's to give.",
        "zh": "该客户为自然人：对其不利的决定须由人工作出。",
    },
    "merged": {
        "en": "The customer was merged into another: its items and history count there.",
        "zh": "该客户已并入另一客户：其款项与历史计入后者。",
    },
    "in_default": {
        "en": "The customer is in default by the policy's definition: it has the default grade and no probability.",
        "zh": "该客户按政策定义已处于违约状态：适用违约等级，不给出违约概率。",
    },
    "in_default_since": {
        "en": "In default since {day}: not scored, a customer in default has no probability of default.",
        "zh": "自{day}起处于违约状态：违约客户不给出违约概率，因此未评分。",
    },
    "in_default_items": {
        "en": "In default since {day}: {items} ({amount:,.2f} {currency} together) were more than {days:,.0f} days past due. "
        "Not scored: a customer in default has no probability of default.",
        "zh": "自{day}起处于违约状态：{items}（合计 {amount:,.2f} {currency}）逾期超过 {days:,.0f} 天。违约客户不给出违约概率，因此未评分。",
    },
    "in_default_insolvency": {
        "en": "In default since {day} by an insolvency event. Not scored: a customer in default has no probability of default.",
        "zh": "自{day}起因破产事件处于违约状态。违约客户不给出违约概率，因此未评分。",
    },
    "in_default_write_off": {
        "en": "In default since {day} by a write-off. Not scored: a customer in default has no probability of default.",
        "zh": "自{day}起因坏账核销处于违约状态。违约客户不给出违约概率，因此未评分。",
    },
    "in_default_concession": {
        "en": "In default since {day} by a distressed concession. Not scored: a customer in default has no probability of default.",
        "zh": "自{day}起因困境让步处于违约状态。违约客户不给出违约概率，因此未评分。",
    },
    "merged_into": {
        "en": "Merged into {customer} on {day}: not scored here, its items and history count there.",
        "zh": "已于{day}并入 {customer}：其款项与历史计入后者，此处不评分。",
    },
    "stale_since": {
        "en": "Not scored: the last invoice was issued on {day}, nothing was invoiced in the last year and nothing is open.",
        "zh": "未评分：最近一张发票开具于{day}，过去一年没有开票且无未结款项。",
    },
    # caps shared with other customers, and countries
    "group_limit": {
        "en": "The limit of the group's parent {name}, {cap:,.2f}, is shared by the group: its other members use or were "
        "granted {used:,.2f}, {room:,.2f} is left.",
        "zh": "集团母公司 {name} 的额度 {cap:,.2f} 由集团共用：其他成员已占用或获批 {used:,.2f}，剩余 {room:,.2f}。",
    },
    "group_grade_cap": {
        "en": "The limits of the group of {name} may together be {cap:,.2f} by its best grade: the other members have "
        "{used:,.2f}, {room:,.2f} is left.",
        "zh": "{name} 集团按其最佳等级合计额度上限为 {cap:,.2f}：其他成员已有 {used:,.2f}，剩余 {room:,.2f}。",
    },
    "country_cap": {
        "en": "The limits of all customers in {name} may together be {cap:,.2f}: the others have {used:,.2f}, {room:,.2f} is left.",
        "zh": "{name} 所有客户合计额度上限为 {cap:,.2f}：其他客户已有 {used:,.2f}，剩余 {room:,.2f}。",
    },
    "country_rating_cap": {
        "en": "The exposure to {name} may be {cap:,.2f} by its rating: the other customers use or were granted {used:,.2f}, "
        "{room:,.2f} is left.",
        "zh": "按国家评级，对 {name} 的敞口上限为 {cap:,.2f}：其他客户已占用或获批 {used:,.2f}，剩余 {room:,.2f}。",
    },
    "country_transfer_hold": {
        "en": "Transfer hold for {country} since {day}: {why}.",
        "zh": "自{day}起 {country} 存在汇兑限制：{why}。",
    },
    "country_not_given": {
        "en": "The customer's country is not given: the country policy cannot be applied.",
        "zh": "未提供客户所在国家：无法适用国家风险政策。",
    },
    "country_not_rated": {
        "en": "No rating of {country} was published by {day}.",
        "zh": "截至{day}未发布 {country} 的国家评级。",
    },
    "country_over_cap": {
        "en": "The exposure to {country} would be {total:,.2f}, above the cap of {cap:,.2f} of rating {rating:.0f}.",
        "zh": "对 {country} 的敞口将达 {total:,.2f}，超过评级 {rating:.0f} 的上限 {cap:,.2f}。",
    },
    "country_terms": {
        "en": "Terms of {terms:.0f} days are longer than the {longest:.0f} that the rating {rating:.0f} of {country} allows.",
        "zh": "账期 {terms:.0f} 天超过 {country} 评级 {rating:.0f} 所允许的 {longest:.0f} 天。",
    },
    "country_within": {
        "en": "Rating {rating:.0f} of {country}: {total:,.2f} of {cap:,.2f}.",
        "zh": "{country} 评级 {rating:.0f}：已用 {total:,.2f}，上限 {cap:,.2f}。",
    },
    # conditions
    "outside_information": {
        "en": "Obtain outside information (statements, bureau report, bank reference) before granting credit.",
        "zh": "授信前须取得外部信息（财务报表、征信报告、银行资信证明）。",
    },
    "prepayment": {"en": "Deliver against prepayment only.", "zh": "仅限预付款发货。"},
    "prepayment_above": {
        "en": "Deliver above {limit:,.2f} against prepayment only.",
        "zh": "超过 {limit:,.2f} 的部分仅限预付款发货。",
    },
    "settle_arrears": {
        "en": "The undisputed arrears of {amount:,.2f} are paid first.",
        "zh": "须先付清无争议逾期款项 {amount:,.2f}。",
    },
    "reduce_balance": {
        "en": "The exposure of {exposure:,.2f} comes down to {limit:,.2f} before further deliveries.",
        "zh": "继续发货前，敞口须由 {exposure:,.2f} 降至 {limit:,.2f}。",
    },
    "keep_cover": {
        "en": "Credit insurance of {insured_limit:,.2f} stays in force and its duties (overdue notice) are kept.",
        "zh": "{insured_limit:,.2f} 的信用保险须持续有效，并履行逾期通知等义务。",
    },
}


def sentence(code: str, numbers: Mapping[str, float | str | date], language: str) -> str:
    """The sentence of a code in a language, with its numbers. Raises InputError for a language that we do not have."""
    if language not in LANGUAGES:
        raise InputError(f"language must be one of {', '.join(LANGUAGES)}. Got {language!r} instead.")
    words = {k: shown_date(v, language) if isinstance(v, date) else v for k, v in numbers.items()}
    return SENTENCES[code][language].format(**words)
