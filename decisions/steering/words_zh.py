"""Chinese words of the steering reports: titles, column labels, facts and codes; `decisions.chinese` puts them into a report."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # reports and tables
    "Collections worklist": "催收工作清单", "Watch list": "观察名单", "Cash safety": "流动性安全", "Contingency drills": "应急演练",
    "Price of payment terms": "账期的价格", "Country and currency exposure": "国家与币种敞口", "Policies compared": "信用政策对比",
    "Review of the credit strategy": "信用策略回顾",
    "Customers to act on, in this order": "应联系的客户（按顺序）", "Items to act on": "应处理的款项",
    "What actions do, by this ledger's own record": "催收措施的效果（依据本账簿记录）",
    "Acted against not acted items within strata; days within the policy's horizon; intervals by bootstrap over customers.":
        "同层内已采取与未采取措施的款项对比；天数以政策观察期为限；区间由按客户重抽样得出。",
    "Leave alone: pays by itself within days": "无需催收：数日内会自行付款", "Promises to pay so far": "付款承诺情况",
    "Disputed items: to whoever settles disputes, not to collections": "有争议的款项：交由争议处理人，不催收",
    "Held out by lot: no action, so that effects stay measurable": "随机保留：不采取措施，以便持续衡量效果",
    "To hand over to an agency or a lawyer": "移交催收机构或律师", "Notices due to the insurer within 14 days, or late": "14 天内应通知保险人或已逾期的通知",
    "Customers whose risk changed": "风险发生变化的客户", "Listed for the height of the PD alone": "仅因违约概率较高而列入",
    "Changes of the list within the last 30 days": "近 30 天名单变动",
    "What each scenario does": "各情景的影响", "What it takes to exhaust the line": "耗尽授信额度所需的冲击", "The plan: who does what by when": "行动计划：责任人与期限",
    "Change against the last drill": "与上次演练的差异", "Customers newly over a limit or on the watch list": "新超限或新入观察名单的客户",
    "Expected balance by week": "每周预期余额", "No drill of these scenarios is in the log yet; --log FILE keeps one.": "日志中尚无这些情景的演练；使用 --log FILE 保存。",
    "Balance by week": "每周余额", "The ten items that decide it": "起决定作用的十笔款项", "What a discount or factoring of one item would do": "单笔折扣或保理的作用",
    # columns
    "#": "序号", "customer": "客户", "name": "名称", "next step": "下一步", "who acts": "负责人", "items": "笔数", "amount": "金额", "oldest, days": "最长逾期天数",
    "days gained": "提前天数", "value of acting": "行动价值", "order by": "排序依据", "within capacity": "在产能内", "invoice": "发票", "due on": "到期日",
    "days past due": "逾期天数", "open amount": "未结金额", "statutory interest": "法定利息", "fixed sum": "定额补偿", "action": "措施", "segment": "客户分类",
    "from": "来源", "acted": "已采取", "not acted": "未采取", "95 % from": "95% 下限", "to": "上限", "unpaid without": "不采取时未付比例", "less by": "减少",
    "answer": "结论", "pays by itself": "自行付款概率", "status": "状态", "promises": "承诺数", "amount promised": "承诺金额", "insurer's maximum": "保险人最长期限",
    "days left": "剩余天数", "overdue amount": "逾期金额", "insured limit": "保险限额", "PD before": "此前违约概率", "PD": "违约概率", "exposure": "敞口", "new": "新增",
    "what changed": "变化", "signals": "信号", "group": "集团", "points": "分值", "change": "变动", "in words": "说明", "scenario": "情景", "what happens": "内容",
    "severity": "强度", "expected loss": "预期损失", "allowance": "损失准备", "lowest balance": "最低余额", "line lacks": "额度缺口", "loss of value": "汇兑损失",
    "limit breaches": "超限客户", "high PD": "高违约概率客户", "newly high": "新增高风险", "severity needed": "所需强度", "lowest balance then": "届时最低余额",
    "expected loss then": "届时预期损失", "result": "结果", "owner": "责任人", "within days": "天数", "by": "截止日", "last drill of": "上次演练日", "its severity": "其强度",
    "newly": "类型", "week to": "截至", "expected inflow": "预期流入", "outflow": "流出", "expected balance": "预期余额", "80 % from": "80% 下限", "by due date": "按到期日",
    "P(below line)": "低于额度的概率", "P(shortfall by then)": "届时已短缺的概率", "P(paid in these weeks)": "期内付款概率", "P(shortfall) if not": "未付时短缺概率",
    "if in the first week": "首周付款时", "difference": "差值", "P(shortfall) now": "当前短缺概率", "after a discount": "折扣后", "its cost": "成本", "after factoring": "保理后",
    "base": "基准", "total": "合计", "credit line used up": "额度用尽", "expected": "预期", "80 % to": "80% 上限",
    "{w} version {w}": "{w} 第 {w} 版", "PD: {w} version {w}": "违约概率：{w} 第 {w} 版",
    # facts
    "policy": "政策", "law": "法律依据", "overdue items": "逾期款项", "to act on": "应处理", "left alone": "无需催收", "held out by lot": "随机保留", "disputed": "有争议",
    "waiting for a promise": "等待承诺兑现", "loss avoided": "避免的损失", "model": "模型", "customers scored": "已评分客户", "listed": "列入", "new since a month": "一月内新增",
    "left since a month": "一月内移出", "alerts a month": "每月提醒数", "exposure listed": "名单敞口", "scenarios": "情景文件", "opening cash": "期初现金",
    "credit line": "授信额度", "customers": "客户数", "customers without a pd": "无违约概率的客户", "outflows planned": "计划流出", "p shortfall": "短缺概率",
    "expected minimum": "预期最低余额", "one in ten minimum": "十分之一情形的最低余额", "working capital": "营运资金", "working capital days": "营运资金天数",
}  # fmt: skip
CODES: Mapping[str, str] = {
    "reminder": "提醒", "call": "电话", "dunning_1": "一次催款函", "dunning_2": "二次催款函", "stop_deliveries": "停止赊销发货", "agency": "移交催收机构", "legal": "法律程序",
    "email": "邮件", "letter": "信函", "visit": "拜访", "effect": "效果", "none_shown": "未见效果", "not_measured": "未衡量", "amount": "金额", "effect shown": "有效果",
    "no effect shown": "未见效果", "all": "全部", "kept": "已兑现", "broken": "未兑现", "due_today": "今日到期", "waiting": "未到期", "no_day_given": "未注明日期",
    "ledger's own actions": "账簿记录", "hold-out by lot": "随机保留", "entered": "进入", "left": "离开", "changed": "变化", "limit breach": "超限", "high PD": "高违约概率",
    "accounts receivable": "应收账款岗", "collector": "催收员", "collections": "催收", "credit manager": "信用经理", "treasurer": "资金主管", "analyst": "分析师", "sales": "销售",
    "macro": "宏观下行", "sector": "行业下滑", "largest_group": "最大集团破产", "cover": "保险撤销", "delay": "普遍延迟付款", "currency": "汇率下跌", "feed": "付款数据中断", "base": "基准",
    "key": "重点", "medium": "中型", "small": "小型", "the line is just exhausted": "额度恰好用尽", "the line is exhausted as things are": "按现状额度已用尽",
}  # fmt: skip
CODE_COLUMNS = ("step", "basis", "kind", "segment", "source", "answer", "status", "owner", "scenario", "change", "why")
