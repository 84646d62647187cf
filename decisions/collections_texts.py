"""Texts to customers and insurers: reminder, dunning levels, notice of overdue, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ledger.errors import InputError

TEXTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "reminder": {
        "en": (
            "Reminder: invoices past due on {day}",
            "Dear {name},\n\nour books show the invoices below as unpaid. If you have paid in the last days, please ignore this "
            "reminder; if something speaks against payment, please tell us what.\n\n{items}\n\nTotal: {total} {currency}\n",
        ),
        "zh": (
            "付款提醒：截至 {day} 的逾期发票",
            "{name}：\n\n根据我方账目，以下发票尚未付款。如贵方近日已付款，请忽略本提醒；如对发票有异议，请告知原因。\n\n{items}\n\n合计：{total} {currency}\n",
        ),
    },
    "dunning_1": {
        "en": (
            "First notice of late payment, {day}",
            "Dear {name},\n\nin spite of our reminder the invoices below are unpaid. Please pay {total} {currency} within 10 days."
            "\n\n{items}\n{claims}",
        ),
        "zh": (
            "第一次催款通知，{day}",
            "{name}：\n\n经提醒，以下发票仍未付款。请于 10 日内支付 {total} {currency}。\n\n{items}\n{claims}",
        ),
    },
    "dunning_2": {
        "en": (
            "Last notice before further steps, {day}",
            "Dear {name},\n\nthe invoices below are long past due. Please pay {total} {currency} within 10 days; after that we stop "
            "deliveries on credit and may hand the claim over.\n\n{items}\n{claims}",
        ),
        "zh": (
            "最后催款通知，{day}",
            "{name}：\n\n以下发票逾期已久。请于 10 日内支付 {total} {currency}；逾期未付，我方将停止赊销发货，并可能将债权移交催收。\n\n{items}\n{claims}",
        ),
    },
    "insurer_notice": {
        "en": (
            "Notice of overdue account, {day}",
            "To the insurer: the account of {name} is past due as listed below.\n\n{items}\n\nTotal: {total} {currency}\n",
        ),
        "zh": ("逾期账款通知，{day}", "致保险人：{name} 的账款逾期情况如下。\n\n{items}\n\n合计：{total} {currency}\n"),
    },
}  # fmt: skip
CLAIMS = {
    "en": "By law interest of {interest} and a fixed sum of {fixed} {currency} are due on top, as of {day}.\n",
    "zh": "依法另计截至 {day} 的逾期利息 {interest} 及定额补偿 {fixed} {currency}。\n",
}
LINE = {
    "en": "- {invoice}: {amount} {currency}, due {due}, {days} days past due",
    "zh": "- {invoice}：{amount} {currency}，到期日 {due}，逾期 {days} 天",
}


def letter(
    kind: str, items: pd.DataFrame, *, name: str, currency: str, day: str, language: str = "en"
) -> tuple[str, str]:
    """Return (subject, text) about a customer's overdue items.

    items : invoice_id, due_on, days_past_due, open_amount, and statutory_interest, statutory_fixed_sum (NaN or 0: no claim).
    Raises InputError for a kind or language that has no text.
    """
    if kind not in TEXTS or language not in TEXTS[kind]:
        raise InputError(f"no text of kind '{kind}' in '{language}'; there are {', '.join(TEXTS)} in en and zh.")
    subject, body = TEXTS[kind][language]
    rows = zip(*(items[n] for n in ("invoice_id", "open_amount", "due_on", "days_past_due")), strict=True)
    lines = [
        LINE[language].format(invoice=i, amount=f"{a:,.2f}", currency=currency, due=str(d)[:10], days=int(late))
        for i, a, d, late in rows
    ]
    interest = float(items["statutory_interest"].fillna(0).sum()) if "statutory_interest" in items else 0.0
    fixed = float(items["statutory_fixed_sum"].fillna(0).sum()) if "statutory_fixed_sum" in items else 0.0
    claims = ""
    if interest + fixed > 0:
        claims = CLAIMS[language].format(interest=f"{interest:,.2f}", fixed=f"{fixed:,.2f}", currency=currency, day=day)
    total = f"{items['open_amount'].sum():,.2f}"
    values = {
        "name": name,
        "day": day,
        "items": "\n".join(lines),
        "total": total,
        "currency": currency,
        "claims": claims,
    }
    return subject.format(**values), body.format(**values)
