"""The collections worklist as a report: customers to act on, items, promises, disputes, what is left alone, effects."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from decisions.action_effects import Effect, estimated, held_out_effect, occasions
from decisions.chinese import in_chinese
from decisions.collections import (
    ACT,
    DISPUTE,
    HELD_OUT,
    LEAVE_ALONE,
    PROMISE,
    Worklist,
    insurer_notices,
    statutory_claims,
    worklist,
)
from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.report import DATE, DAYS, FLAG, Column, Report, Table, count, money, number, share, text
from decisions.steering.worklist_items import OverdueBook, overdue_book
from ledger.credit_terms import all_terms_on
from ledger.currency import reporting_currency
from ledger.ledger import Ledger
from ledger.settlement import settle

STEPS_BY_FILE = ("agency", "legal")


def worklist_report(
    ledger: Ledger, as_of: pd.Timestamp, *, policy: CollectionsPolicy, law: LatePaymentLaw, command: str,
    pd_of: pd.Series | None = None, pd_source: str = "", with_effects: bool = True, language: str = "en",
) -> tuple[Report, Worklist, OverdueBook]:  # fmt: skip
    """Return the worklist of a day as a report, and the frames behind it.

    pd_of : PD by customer_id, from `pd_source` (words); None: no loss avoided is counted, and the report says so.
    with_effects : estimate what actions do (some seconds a million invoices); without, the order is that of amounts.
    """
    settlement = settle(ledger)
    book = overdue_book(ledger, settlement, as_of, policy, pd_of)
    found = occasions(book.states, book.actions, as_of, policy.effects) if with_effects else None
    effects = [] if found is None else estimated(found, policy.effects)
    done = worklist(book.items, effects, policy)
    items = done.items.join(statutory_claims(done.items, law, as_of))
    items = items.assign(invoice_id=items["item_id"])  # an instalment is named INVOICE#NUMBER
    customers = done.customers.assign(name=done.customers["customer_id"].map(_names(ledger)))
    notices = insurer_notices(all_terms_on(ledger, as_of), book.items)
    kinds = dict.fromkeys(step.kind for step in policy.steps)
    tried = (held_out_effect(book.states, book.actions, as_of, policy, kind) for kind in kinds)
    lots = [effect for effect in tried if effect is not None]
    routes = items["route"].value_counts()
    facts = {
        "policy": f"{policy.name} {policy.version}", "law": f"{law.name} {law.version}",
        "overdue_items": len(items), "to_act_on": int(routes.get(ACT, 0)), "left_alone": int(routes.get(LEAVE_ALONE, 0)),
        "held_out_by_lot": int(routes.get(HELD_OUT, 0)), "disputed": int(routes.get(DISPUTE, 0)),
        "waiting_for_a_promise": int(routes.get(PROMISE, 0)),
        "loss_avoided": f"PD: {pd_source}" if pd_of is not None else
        ("未计算：没有在用的违约模型" if language == "zh" else "not counted: no default model is served"),
    }  # fmt: skip
    tables = [
        _customers_table(customers), _items_table(items[items["route"] == ACT]), _effects_table(effects, lots),
        _alone_table(items[items["route"] == LEAVE_ALONE]), _promises_table(book.promises),
        _plain_items("disputes", "Disputed items: to whoever settles disputes, not to collections", items[items["route"] == DISPUTE]),
        _plain_items("held out", "Held out by lot: no action, so that effects stay measurable", items[items["route"] == HELD_OUT]),
        _plain_items("hand-over", "To hand over to an agency or a lawyer", items[items["step"].isin(STEPS_BY_FILE)]),
        _notices_table(notices),
    ]  # fmt: skip
    report = Report(
        name="worklist", title="Collections worklist", as_of=as_of.date(), known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger), facts=facts, tables=tables, notes=_notes(policy, effects, law, language),
    )  # fmt: skip
    return (in_chinese(report) if language == "zh" else report), done, book


def _names(ledger: Ledger) -> pd.Series:
    return ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")["name"]


def _notes(policy: CollectionsPolicy, effects: Sequence[Effect], law: LatePaymentLaw, language: str) -> list[str]:
    """What the order and the claims rest on."""
    cost, lgd = f"{policy.cost_of_capital:.1%}", f"{policy.loss_given_default:.0%}"
    margin, fixed = f"{law.margin_points:g}", f"{law.fixed_sum:g} {law.fixed_sum_currency}"
    if language == "zh":
        notes = [
            "排序依据：行动价值 = 金额 × 提前天数 × 资金成本 ÷ 365 + 金额 × 违约概率 × 违约损失率 × 措施使未付款项得以支付的比例。未见效果的客户按金额列于其后。",
            f"资金成本年率 {cost}，违约损失率 {lgd}，均取自政策文件。",
            f"法定利息与定额补偿依据 {law.name} {law.version}：基准利率加 {margin} 个百分点，每张发票 {fixed}，适用于文件所列国家的企业之间；有争议的款项不主张。",
        ]
        missing = "未估计任何措施的效果：账簿中没有注明发票的催款事件，或数量过少。按金额排序。"
    else:
        notes = [
            "Order: by the value of acting = amount × days gained × cost of capital / 365 + amount × PD × LGD × the share of "
            "unpaid items that the action gets paid. Customers whose step has no effect shown follow, by amount.",
            f"Cost of capital {cost} a year, LGD {lgd}, both from the policy file.",
            f"Statutory claims by {law.name} {law.version}: reference rate + {margin} points and {fixed} an invoice, between firms "
            "in the countries of the file; no claim on disputed items.",
        ]
        missing = (
            "No effect of an action is estimated: the ledger has no dunning events with an invoice, or too few. "
            "The order is that of amounts."
        )
    return notes if effects else [*notes, missing]


def _customers_table(customers: pd.DataFrame) -> Table:
    frame = (
        customers.assign(place=range(1, len(customers) + 1)) if len(customers) else customers.assign(place=[], name=[])
    )
    columns = [
        number("place", "#", "integer"), text("customer_id", "customer"), Column(name="name", label="name", is_wide=True),
        text("step", "next step"), Column(name="owner", label="who acts", is_wide=True), count("items", "items"), money("amount", "amount"),
        number("oldest_days", "oldest, days", DAYS), number("days_gained", "days gained"), money("value", "value of acting"),
        text("basis", "order by"), Column(name="is_within", label="within capacity", kind=FLAG),
    ]  # fmt: skip
    return Table(
        name="customers", title="Customers to act on, in this order", columns=columns, frame=frame, terminal_rows=25
    )


def _item_columns() -> list[Column]:
    return [
        text("invoice_id", "invoice"), text("customer_id", "customer"), Column(name="due_on", label="due on", kind=DATE),
        number("days_past_due", "days past due", DAYS), money("open_amount", "open amount"),
    ]  # fmt: skip


def _items_table(items: pd.DataFrame) -> Table:
    columns = [
        *_item_columns(), text("step", "next step"), number("days_gained", "days gained"), money("value", "value of acting"),
        text("basis", "order by"), money("statutory_interest", "statutory interest"), money("statutory_fixed_sum", "fixed sum"),
    ]  # fmt: skip
    frame = items.sort_values(["value", "open_amount"], ascending=False, kind="stable")
    return Table(name="items", title="Items to act on", columns=columns, frame=frame, terminal_rows=10)


def _effects_table(effects: Sequence[Effect], lots: Sequence[Effect]) -> Table:
    rows = [_effect_row(e, "ledger's own actions") for e in effects] + [_effect_row(e, "hold-out by lot") for e in lots]
    columns = [
        text("kind", "action"), text("segment", "segment"), text("source", "from"), number("acted", "acted", "integer"),
        number("not_acted", "not acted", "integer"), number("days_gained", "days gained"), number("low", "95 % from"), number("high", "to"),
        share("unpaid_without", "unpaid without"), share("unpaid_less", "less by"), text("answer", "answer"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=[c.name for c in columns])
    return Table(
        name="effects", title="What actions do, by this ledger's own record", columns=columns, frame=frame,
        note="Acted against not acted items within strata; days within the policy's horizon; intervals by bootstrap over customers.",
    )  # fmt: skip


def _effect_row(effect: Effect, source: str) -> dict[str, object]:
    return {
        "kind": effect.kind, "segment": effect.segment, "source": source, "acted": effect.acted, "not_acted": effect.not_acted,
        "days_gained": effect.days_gained, "low": effect.low, "high": effect.high, "unpaid_without": effect.unpaid_without,
        "unpaid_less": effect.unpaid_less, "answer": "effect shown" if effect.is_shown else "no effect shown",
    }  # fmt: skip


def _alone_table(items: pd.DataFrame) -> Table:
    columns = [*_item_columns(), share("pays_by_itself", "pays by itself")]
    return Table(
        name="leave alone",
        title="Leave alone: pays by itself within days",
        columns=columns,
        frame=items,
        terminal_rows=10,
    )


def _plain_items(name: str, title: str, items: pd.DataFrame) -> Table:
    return Table(name=name, title=title, columns=_item_columns(), frame=items, terminal_rows=10)


def _promises_table(promises: pd.DataFrame) -> Table:
    columns = [
        text("status", "status"), count("promises", "promises"), money("amount", "amount promised"),
    ]  # fmt: skip
    frame = promises.groupby("status").agg(promises=("invoice_id", "count"), amount=("amount", "sum")).reset_index()
    return Table(name="promises", title="Promises to pay so far", columns=columns, frame=frame)


def _notices_table(notices: pd.DataFrame) -> Table:
    columns = [
        text("customer_id", "customer"), number("oldest_days", "oldest, days", DAYS),
        number("maximum_extension_days", "insurer's maximum", DAYS), number("days_left", "days left", DAYS),
        money("open_amount", "overdue amount"), money("insured_limit", "insured limit"),
    ]  # fmt: skip
    return Table(
        name="insurer notices",
        title="Notices due to the insurer within 14 days, or late",
        columns=columns,
        frame=notices,
        terminal_rows=15,
    )
