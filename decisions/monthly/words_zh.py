"""Chinese words of the month's-end reports: titles, labels, lines and sentences. `{}` stands for a number, a day or a name,
`{w}` for one without blanks."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # reports and tables
    "Ageing by {}": "账龄分析（按{}）", "Loss allowance": "损失准备", "Receivables figures": "应收账款指标",
    "Report to the credit committee": "信用委员会报告", "Trade-credit insurance": "贸易信用保险",
    "By month": "按月", "Changes of models since the last month's end": "上月末以来的模型变动", "Cover that is lost already": "已失去的保障",
    "Cover that is lost tomorrow if nothing is done today": "今日不处理、明日即失去的保障", "Decisions of the period": "本期决定",
    "Defaults entered and left since {}": "自 {} 以来进入和退出违约的客户", "Discretionary limits from our own payment experience": "依据自身付款经验的自行核定限额",
    "Disputed items by days past due": "有争议款项（按逾期天数）", "Exposure above the limit": "超出额度的敞口", "Exposure and cover": "敞口与保障",
    "Exposure by grade": "按等级的敞口", "Exposure, cover and expected loss by customer": "各客户的敞口、保障与预期损失",
    "Figures of the last period, in {}": "最近期间的指标（{}）", "Forward-looking scenarios": "前瞻性情景",
    "Losses against expectation, {} to {}": "实际损失与预期对比，{} 至 {}", "Management overlays": "管理层叠加调整",
    "Migration between grades, {} (rows) to {} (columns), customers": "等级迁徙：{}（行）至 {}（列），客户数",
    "Models that are served, with their measured quality": "在用模型及其实测质量",
    "Open balance by days past due and {}": "未结余额（按逾期天数与{}）", "Open items that never had cover": "从未获得保障的未结款项",
    "Overrides and their outcomes so far": "推翻建议的决定及其迄今结果", "PD · LGD · EAD over the remaining life, for comparison": "剩余期限的 PD · LGD · EAD（供对照）",
    "Policies that decisions used": "决定所用的政策", "Portfolio by segment and days past due": "组合（按客户分类与逾期天数）", "Provision matrix": "准备矩阵",
    "Roll rates and loss rates of the history": "历史滚动率与损失率", "Roll-forward since {}": "自 {} 以来的准备变动表",
    "Stop shipments: no cover for what is issued now": "停止发货：现在开出的发票没有保障", "To do for cover within {} days": "{} 天内为保持保障应办事项",
    "Use of credit limits": "信用额度使用情况", "What changed since {}": "自 {} 以来的变化", "What more cover is worth against its premium": "追加保障的价值与保费对比",
    "Why the allowance moved since {}": "自 {} 以来准备变动的原因",
    "What the monitor found": "监控结果", "What the monitor found on {}": "{} 的监控结果",
    "Not given: no result of `tradecredit monitor` until this day.": "未给出：截至该日没有 `tradecredit monitor` 的结果。",
    "alarm": "警报", "note": "提示", "outcome": "结果", "result": "结果", "level": "级别", "finding": "发现", "day looked at": "检查日",
    # headings of charts
    "{} {} are open, {} % of it is undisputed and past due": "未结 {} {}，其中 {}% 已逾期且无争议",
    "{} % of the exposure is insured": "敞口的 {}% 已投保", "Collection effectiveness (CEI)": "催收效率指数（CEI）",
    "DSO and days delinquent": "DSO 与逾期天数", "DSO by {}": "DSO（按{}）", "DSO is {} days on {}": "DSO 为 {} 天（{}）",
    "Days beyond terms and days delinquent": "超账期天数与逾期天数", "Exposure by grade on {}": "{} 按等级的敞口",
    "Largest change since {}: {}, {}": "自 {} 以来最大的变动：{}，{}", "Open balance, of it overdue": "未结余额及其中逾期部分",
    "Overdue share and concentration": "逾期占比与集中度", "Overdue share by {}": "逾期占比（按{}）",
    "The allowance is {}, {} % of the open balance": "损失准备为 {}，占未结余额的 {}%",
    # columns, series, categories
    "aged": "账龄变动", "covered": "有保障", "current": "未到期", "lost": "已失去", "model": "模型", "new": "新增", "not due": "未到期", "not insured": "未投保",
    "over the limit": "超出额度", "overlays": "叠加调整", "part paid": "部分付款", "rates": "损失率", "recovered": "收回", "settled": "结清", "suspended": "暂停",
    "written off": "核销", "95 % from": "95% 下限", "ADD, days": "平均逾期天数（ADD）", "CEI, of 100": "催收效率（CEI，满分 100）", "DBT open, days": "未结款超账期天数",
    "DBT paid, days": "已付款超账期天数", "DSO by balance, days": "DSO（余额法，天）", "DSO by count-back, days": "DSO（倒推法，天）", "DSO, days": "DSO，天",
    "best possible DSO, days": "最佳可能 DSO，天", "HHI of customers": "客户集中度（HHI）", "LGD": "违约损失率", "PD 12 months": "12 个月违约概率",
    "PD · LGD · EAD, remaining life": "剩余期限 PD · LGD · EAD", "above the limit": "超出额度", "action": "决定", "additional limit": "追加额度", "as of": "截至", "at": "时间",
    "before": "此前", "bills": "票据", "bills not matured": "未到期票据", "by": "由", "champion since": "在用自", "closing receivables": "期末应收",
    "confirmed by": "确认人", "country": "国家", "credit sales of the period": "本期赊销额", "currency": "币种", "day": "日期", "days": "天数",
    "decided": "作出时间", "decided as": "决定为", "decision": "决定编号", "decisions": "决定数", "discretionary limit": "自行核定限额", "disputed": "有争议",
    "document currency": "单据币种", "due": "到期日", "duty": "义务", "ends": "结束于", "ever entered": "曾进入金额", "expected loss saved a year": "每年减少的预期损失",
    "exposure now": "当前敞口", "factor on loss rates": "损失率系数", "figure": "指标", "first loss": "首损自担", "first used": "首次使用", "from": "自",
    "grade": "等级", "highest balance": "最高余额", "industry": "行业", "insured": "已投保", "insured share": "投保比例", "insured today": "今日已投保",
    "invoices": "发票数", "issued": "开票日", "kind": "种类", "largest group": "最大集团", "last day": "最后期限", "last used": "最近使用", "limit": "额度", "limits": "额度合计",
    "longest days late": "最长逾期天数", "loss rate used": "采用的损失率", "lost of it": "其中损失", "mean PD": "平均违约概率", "metric": "指标", "net": "净额",
    "net expected loss": "净预期损失", "new since the last month's end": "上月末以来新增", "none": "无", "no grade": "无等级", "not past due": "未逾期", "now": "现在",
    "of it without a PD": "其中无违约概率", "open": "未结", "open (gross)": "未结（总额）", "opening receivables": "期初应收", "outcome by {}": "截至 {} 的结果",
    "overdue (disputed included)": "逾期（含争议款项）", "overdue share": "逾期占比", "overlay": "叠加调整", "overpaid": "多付", "paid invoices": "已付发票数",
    "premium a year": "年保费", "promoted by": "启用人", "provision matrix, before overlays": "准备矩阵（叠加前）", "rate": "比率", "rates of": "损失率来源",
    "reason": "理由", "recommended": "建议", "roll rate": "滚动率", "share": "占比", "state": "状态", "stop since": "停止发货自", "ten largest customers": "前十大客户占比",
    "the same, net of cover": "同上，扣除保障", "turnover in the period": "本期赊销额", "unapplied": "未分配款项", "uninsured": "未投保", "use": "使用情况", "value": "数值",
    "version": "版本", "weight": "权重", "why": "原因", "why none": "无保障原因", "with a loss": "其中有损失", "premium": "保费", "overdue": "逾期", "segment": "客户分类",
    "DSO": "DSO", "DBT open": "未结款超账期", "DBT paid": "已付款超账期", "DSO by balance": "DSO（余额法）", "DSO by count-back": "DSO（倒推法）",
    "best possible DSO": "最佳可能 DSO", "ADD": "平均逾期天数", "CEI": "催收效率", "change of the allowance": "准备变动",
    "of 100": "满分 100",
    # facts
    "days in the period": "期间天数", "forward factor": "前瞻系数", "history": "历史期间", "lgd": "违约损失率", "pd": "违约概率", "since": "自",
    "{} (policy, {} closed defaults; policy {})": "{}（政策值；已结束违约 {} 个；政策 {}）", "invoices due from {} to {}": "到期日自 {} 至 {} 的发票",
    "{w} version {w}, fitted on {w}": "{w} 第 {w} 版，数据截至 {w}", "{w} version {w}, fitted on ": "{w} 第 {w} 版",
    "example {}, Insurer A, number {}": "示例 {}，保险人 A，编号 {}",
    # lines and cells
    "customers with an exposure": "有敞口的客户数", "mean PD, weighted by exposure, defaulted customers left out": "按敞口加权的平均违约概率（不含违约客户）",
    "open balance": "未结余额", "insolvency": "破产", "past_due": "逾期", "unlikely_to_pay": "难以偿付", "entered default": "进入违约", "left default": "退出违约",
    "{} paid invoices in 12 months, {} are needed": "12 个月内已付发票 {} 张，需要 {} 张",
    "{} paid invoices in 12 months, {} are needed; an item was {} days late, at most {} are allowed":
        "12 个月内已付发票 {} 张，需要 {} 张；有一笔逾期 {} 天，最多允许 {} 天",
    "an item was {} days late, at most {} are allowed": "有一笔逾期 {} 天，最多允许 {} 天", "report the overdue item": "申报逾期款项",
    "{} % used": "已用 {}%", "at most half used": "最多用了一半", "no limit given": "未核定额度", "customers of these that defaulted": "其中违约的客户数",
    "defaults expected (sum of PDs)": "预期违约数（违约概率之和）", "loss expected (PD · LGD · exposure of then)": "预期损失（PD · LGD · 当时敞口）",
    "written off in the year": "当年核销", "overdue_not_reported": "逾期未申报", "shipped_after_stop": "停运后发货",
    "issued while shipments had to be stopped": "在应停止发货期间开票", "the overdue item was not reported in time": "逾期款项未按时申报",
    "no_limit": "无限额", "no limit was in force on the day of issue": "开票日没有有效限额", "not given": "未给出",
    "ageing, change of segment or of the insured part": "账龄、客户分类或投保部分的变化", "closing allowance": "期末准备",
    "items open again after a write-off": "核销后重新未结的款项", "items settled": "已结清的款项", "items written off": "已核销的款项",
    "loss rates of the history": "历史损失率", "new items": "新增款项", "opening allowance": "期初准备", "part payments": "部分付款",
    "scenarios and policy": "情景与政策", "own history": "自身历史", "whole book (too few losses)": "全部账簿（损失过少）",
    "whole book times the insurer's refusals": "全部账簿乘以保险人拒赔率", "charge of the period (profit and loss)": "本期计提（损益）",
    "recovered of earlier write-offs": "收回以前核销", "base": "基准", "downturn": "下行", "upturn": "上行",
    "bills not matured, counted as uninsured": "未到期票据（按未投保计）", "expected loss, gross": "预期损失（总额）",
    "expected loss, net of cover": "预期损失（扣除保障）", "exposure (open and bills, less credits)": "敞口（未结与票据，减贷项）",
    "exposure of customers without a PD, in neither": "无违约概率客户的敞口（两者均不含）", "insured: the insurer's part of a total loss": "已投保：全损时保险人承担部分",
    "open in disputed items (cover suspended)": "有争议款项的未结额（保障暂停）", "open in items that never had cover": "从未获得保障的款项未结额",
    "open in items whose cover is lost": "失去保障的款项未结额", "uninsured exposure": "未投保敞口",
    "chemicals": "化工", "construction": "建筑", "food": "食品", "hospitality": "酒店餐饮", "it_services": "信息技术服务", "logistics": "物流", "machinery": "机械",
    "retail": "零售", "textiles": "纺织", "automotive": "汽车", "metal_goods": "金属制品", "key": "重点", "medium": "中型", "small": "小型", "large": "大型",
    # sentences
    "A notice, a consent to an extension and a claim are read from events of kind insurance_claim whose detail is overdue_notice, extension:YYYY-MM-DD or claim. Discretionary limits are those of the day of the report.":
        "逾期通知、展期同意和索赔取自种类为 insurance_claim 的事件，其明细为 overdue_notice、extension:YYYY-MM-DD 或 claim。自行核定限额以报告日为准。",
    "An item's insured amount is its part within the buyer's limit (oldest issues first) times the insured share, while no reason has ended its cover. Net expected loss is PD · LGD · (exposure − max(0, insured − first loss)).":
        "款项的投保金额为其在买方限额内的部分（先开票者优先）乘以投保比例，且保障未因任何原因终止。净预期损失 = PD · LGD ·（敞口 − max(0, 投保金额 − 首损自担)）。",
    "Buckets hold undisputed items by days past due; disputed items stand in their own column whatever their age. Open (gross) is the buckets and the disputed items; net is open less unapplied credits and overpayments.":
        "各账龄段只含无争议款项（按逾期天数）；有争议款项不论账龄单列一栏。未结（总额）为各账龄段与争议款项之和；净额为未结减未分配款项与多付款。",
    "Each row is of the 90 days up to its day, from what the books held on that day. DSO by count-back takes the months' sales, latest first, off the balance. DBT paid weighs each allocation of the period by its amount; DBT open takes 15, 45, 75 and 105 days for the four overdue buckets.":
        "每行为截至该日的 90 天，依据当日账簿记录。倒推法 DSO 从余额中自最近月份起逐月扣减赊销额。已付款超账期天数按每笔分配金额加权；未结款超账期天数对四个逾期段取 15、45、75 和 105 天。",
    "Simplified approach (IFRS 9 5.5.15) with a provision matrix (B5.5.35): a rate is what was lost of the amounts that ever entered a bucket, times the forward-looking factor. Insured balances are a segment of their own.":
        "简化方法（IFRS 9 第 5.5.15 段）采用准备矩阵（B5.5.35）：损失率为曾进入某账龄段的金额中最终损失的部分，乘以前瞻系数。已投保余额单列为一个分类。",
    "{} customers have a better grade, {} a worse one.": "{} 个客户等级上升，{} 个下降。",
    "A segment needs {} invoices with a loss for rates of its own. Before the forward-looking factor.": "一个分类至少有 {} 张发生损失的发票才采用自身损失率。未乘前瞻系数。",
    "An item is unpaid past the maximum extension period, was written off, or the customer is insolvent.": "有款项超过最长延期仍未付、已核销，或客户破产。",
    "Buckets hold undisputed items by days past due.": "各账龄段只含无争议款项（按逾期天数）。",
    "Of customers without an insurer's limit: at most {}, the highest balance of 12 months, at least {} paid invoices, nothing later than {} days.":
        "针对没有保险限额的客户：最多 {}，即 12 个月最高余额；至少 {} 张已付发票，且无逾期超过 {} 天者。",
    "Opening and the lines between sum to closing, to the cent.": "期初与各行之和等于期末，精确到分。",
    "PD at the constant hazard of the 12-month PD over the days until due and {} more; insured parts count with {} % refused. Exposure without a PD is in neither sum.":
        "按 12 个月违约概率的固定风险率计算至到期日后 {} 天；已投保部分按 {}% 拒赔计。没有违约概率的敞口不计入两项合计。",
    "Premium {} % of the additional limit a year. Needs the insurer's consent; items whose cover is lost stay without.":
        "保费为追加额度的每年 {}%。须经保险人同意；已失去保障的款项仍无保障。",
    "Weighted factor {}.": "加权系数 {}。",
    "The terms are those of the bundled example policy; the command takes your own with --policy.": "条款为内附的示例保单；命令可用 --policy 采用贵方自己的条款。",
    "no champion of {}: {}: no version 'champion' is registered; `tradecredit train LEDGER` registers candidates, `tradecredit promote {} --version VERSION` makes one the champion.":
        "没有在用模型 {}（{}）：尚未登记 champion 版本；`tradecredit train LEDGER` 登记候选模型，`tradecredit promote {} --version VERSION` 将其启用。",
    "no decisions: {}: no decision log. `tradecredit serve` writes one with its first answer.":
        "没有决定记录：{} 不存在；`tradecredit serve` 在首次应答时写入。",
    "Several currencies: no sum over rows.": "含多种币种：各行不合计。",
    "Nothing is expected where there is no PD of {}: {}.": "{} 没有违约概率，故无预期：{}。", "customers that defaulted": "违约的客户数",
    "Of it overlays {}.": "其中叠加调整 {}。", "overlay '{}' ended before {} and is not applied": "叠加调整“{}”已于 {} 前到期，未采用",
    "The terms are those of the bundled example policy; give your own with --policy.": "条款为内附的示例保单；请用 --policy 给出贵方自己的条款。",
    "Insured parts follow the insured limits of the ledger under the duties of the bundled example policy, without discretionary limits; give your policy's terms with --cover.":
        "已投保部分依据账簿中的保险限额和内附示例保单的义务计算，不含自行核定限额；请用 --cover 给出贵方保单的条款。",
    "only {} of the history's {} invoices had a loss: the loss rates say little; use a longer history, outside loss rates or an overlay":
        "仅 {} 张（历史共 {} 张）发票发生损失：损失率说明力不足；请采用更长历史、外部损失率或叠加调整",
    "no PDs: {w}: no version 'champion' is registered; `tradecredit train LEDGER` registers candidates, `tradecredit promote {w} --version VERSION` makes one the champion.":
        "没有违约概率：{w} 尚无在用版本；`tradecredit train LEDGER` 登记候选模型，`tradecredit promote {w} --version VERSION` 将其启用。",
    "no PDs: {w} was fitted on what was known on {w}, after {w}": "没有违约概率：{w} 依据 {w} 所知数据拟合，晚于 {w}",
    "no PDs: no default model is served": "没有违约概率：没有在用的违约模型",
    "1_30": "1–30", "31_60": "31–60", "61_90": "61–90", "over_90": "> 90",
    "no monitor results: the experiment monitoring holds none until this day; run `tradecredit monitor LEDGER`, or give its JSON with --monitor.":
        "没有监控结果：截至该日监控实验为空；请运行 `tradecredit monitor LEDGER`，或用 --monitor 给出其 JSON。",
    "no PDs: {}": "没有违约概率：{}",
}  # fmt: skip
CELL_COLUMNS = (
    "grade", "figure", "line", "use", "what", "duty", "why", "source", "scenario", "bucket", "segment", "kind", "reason", "from",
)  # fmt: skip
