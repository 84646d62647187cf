"""The scorer: joins a ledger, the default model and the delay model into answers, the same for one customer and a book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.book import Book, prepare
from features.catalogue import columns
from features.currency import reporting_currency
from features.default_status import in_default
from features.definition import Column
from features.errors import InputError
from features.history import build, build_items
from features.known import day
from features.ledger import Ledger, read_ledger
from features.snapshots import ACTIVE_DAYS
from models.decisions.cash import CASH_BUCKETS, expected_cash, paid_by_bucket
from models.decisions.grades import IN_DEFAULT
from models.decisions.limits import LimitPolicy, Situation, house_policy
from models.default import DefaultModel
from models.delay import DelayModel
from models.explain import Explanation, explain
from models.open_items import accounts, usual_invoices
from models.registry import Served
from models.terms import is_natural_person, rate_on, terms_on

NO_HISTORY, IN_DEFAULT_STATUS, STALE, MERGED = "no_history", "in_default", "stale_data", "merged"
COLUMNS: Mapping[str, Column] = {column.name: column for column in columns()}
DELAYS = ("p_late_1", "p_late_5", "p_late_30", "p_late_60", "p_late_90",
          "days_late_p10", "days_late_p50", "days_late_p90", "days_late_mean")  # fmt: skip


class UnknownCustomer(InputError):
    """The ledger has no such customer."""


class FutureDay(InputError):
    """A day later than the last that the ledger knows."""


@dataclass(frozen=True, kw_only=True)
class ServedBook:
    """A ledger prepared for scoring, with what every answer says about it."""

    book: Book
    fingerprint: str
    data_known_to: date
    currency: str

    @classmethod
    def read(cls, path: Path) -> ServedBook:
        """The ledger in `path`. Raises LedgerError as `read_ledger` does."""
        return cls.of(read_ledger(path))

    @classmethod
    def of(cls, ledger: Ledger) -> ServedBook:
        """A ledger in memory. Raises LedgerError where it holds nothing that was ever known."""
        known_to = ledger.last_known_on
        return cls(
            book=prepare(ledger), fingerprint=ledger.fingerprint, data_known_to=known_to,
            currency=str(reporting_currency(ledger)),
        )  # fmt: skip

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customers' own rows by id."""
        return self.book.ledger.customers.set_index("customer_id")

    def asked_on(self, as_of: date | None) -> date:
        """The day asked about: the ledger's last known day where none is given. Raises FutureDay for a later one."""
        if as_of is None:
            return self.data_known_to
        if as_of > self.data_known_to:
            raise FutureDay(
                f"as_of {as_of} lies after the last day that the ledger knows (data_known_to {self.data_known_to}): "
                "nothing is known then. Ask for that day or an earlier one."
            )
        return as_of

    def known(self, customer_ids: Sequence[str]) -> list[str]:
        """The ids asked, each once, in the order asked. Raises UnknownCustomer where the ledger lacks one."""
        ids = list(dict.fromkeys(customer_ids))
        found = self.book.owners.index.get_indexer(pd.Index(ids, dtype=object))
        lacking = [ids[i] for i in np.flatnonzero(found < 0)]
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise UnknownCustomer(
                f"customer_ids: {', '.join(repr(i) for i in lacking[:3])}{more} not in the ledger "
                f"({len(self.book.owners.ids):,} customers); ids are matched exactly, as text."
            )
        return ids


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What came out for some customers on one day.

    customers : one row a customer, indexed by customer_id: what stands of the account (see models.open_items), special
        (None, no_history, in_default, stale_data, merged), pd, pd_3m … pd_12m, pd_low, pd_high, grade, score, exposure,
        expected_loss, the delay columns of the next invoice with its next_amount and next_terms_days. NaN: not computed,
        and special says why.
    items : their open items (see models.open_items), each with the delay columns and p_paid_BUCKET, the chance to be paid
        in each bucket of days from as_of, given that it is unpaid.
    X : the default model's input, one row a customer with a PD. delay_X, next_items : the delay model's, one row a
        customer with a next invoice.
    """

    as_of: date
    customers: pd.DataFrame
    items: pd.DataFrame
    X: pd.DataFrame
    next_items: pd.DataFrame
    delay_X: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A ledger and two models. Nothing in it changes: any number of threads may ask it."""

    served: ServedBook
    default: DefaultModel
    delay: DelayModel
    limit_policy: LimitPolicy

    @classmethod
    def of(cls, served: ServedBook, default: Served, delay: Served) -> Scorer:
        """The scorer of two registered models on a ledger."""
        return cls.with_models(served, DefaultModel.load(default.folder), DelayModel.load(delay.folder))

    @classmethod
    def with_models(cls, served: ServedBook, default: DefaultModel, delay: DelayModel) -> Scorer:
        """The scorer of two models in memory on a ledger; who is in default follows the default model's own policy."""
        return cls(served=served, default=default, delay=delay, limit_policy=house_policy(default.scale.names))

    def on(self, ledger: Ledger) -> Scorer:
        """The same models on another ledger."""
        return Scorer.with_models(ServedBook.of(ledger), self.default, self.delay)

    def score(self, customer_ids: Sequence[str], as_of: date | None = None) -> Scores:
        """Score customers on one day, each once, in the order asked.

        Raises UnknownCustomer, or InputError for a day that the ledger does not reach.
        """
        at, ids = self.served.asked_on(as_of), self.served.known(customer_ids)
        account = accounts(self.served.book.settlement, ids, day(at))
        frame = account.customers.copy()
        frame["special"] = self._special(frame, at)
        frame["exposure"] = np.maximum(frame["balance"] - frame["unapplied"], 0.0)
        X = self._add_default(frame, at)
        next_items, delay_X = self._add_delay(frame, at)
        items = self._with_payments(account.items, at)
        cash = expected_cash(items["open_amount"], items[[f"p_paid_{b}" for b in CASH_BUCKETS]], items["customer_id"])
        for bucket in CASH_BUCKETS:
            frame[f"cash_{bucket}"] = cash[f"p_paid_{bucket}"].reindex(frame.index, fill_value=0.0)
        return Scores(as_of=at, customers=frame, items=items, X=X, next_items=next_items, delay_X=delay_X)

    def snapshots(self, customer_ids: Sequence[str], at: date) -> pd.DataFrame:
        """These customers on one day, as the features ask for them."""
        as_of = pd.Series(np.full(len(customer_ids), np.datetime64(at, "s")), dtype="datetime64[s]")
        return pd.DataFrame({"customer_id": pd.Series(list(customer_ids), dtype="str"), "as_of": as_of})

    def _special(self, frame: pd.DataFrame, at: date) -> pd.Series:
        """Why a customer gets no PD of the model: None where it gets one."""
        special = pd.Series(None, index=frame.index, dtype=object)
        is_active = (frame["balance"] > 0) | (frame["days_since_invoice"] < ACTIVE_DAYS)
        special[~is_active] = STALE
        book = self.served.book
        snapshots = self.snapshots(list(frame.index), at)
        defaulted = in_default(book.ledger, snapshots, self.default.policy, settlement=book.settlement)
        special[frame["invoices"] == 0] = NO_HISTORY
        special[defaulted.to_numpy()] = IN_DEFAULT_STATUS
        who, on = book.owners, day(at)
        moved = (who.member != who.owner) & (who.since <= on) & (who.until > on)
        gone = who.ids[who.member[moved]]
        special[frame.index.isin(gone)] = MERGED
        return special

    def _add_default(self, frame: pd.DataFrame, at: date) -> pd.DataFrame:
        """Add PD, grade, score and expected loss; gives the model's input for the customers scored."""
        scored = frame.index[frame["special"].isna()]
        X = build(self.served.book, self.snapshots(scored, at), columns=list(self.default.columns)).set_axis(scored)
        predicted = self.default.predict(X).set_axis(scored)
        for name in predicted:
            frame[name] = predicted[name].reindex(frame.index)
        frame["pd"] = frame[f"pd_{self.default.horizon_months}m"]
        defaulted = frame["special"] == IN_DEFAULT_STATUS
        frame.loc[defaulted, "grade"] = IN_DEFAULT
        # an obligor in default has a PD of 1 in the arithmetic of expected loss (CRR Art. 160(3)); none of the model's
        frame["expected_loss"] = (
            frame["pd"].mask(defaulted, 1.0) * self.limit_policy.loss_given_default * frame["exposure"]
        )
        return X

    def _add_delay(self, frame: pd.DataFrame, at: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Add how late the next invoice is paid: of the customer's usual amount and terms, issued on the day asked."""
        items = self.next_items(frame, at)
        delay_X = build_items(self.served.book, items, columns=list(self.delay.columns)).set_axis(items.index)
        predicted = self.delay.predict(delay_X, items).set_axis(items.index)
        for name in DELAYS:
            frame[name] = predicted[name].reindex(frame.index)
        frame["delay_margin"] = predicted["margin"].reindex(frame.index)
        frame["next_amount"] = items["amount"].reindex(frame.index)
        frame["next_terms_days"] = (items["due_on"] - items["issued_on"]).dt.days.reindex(frame.index)
        return items, delay_X

    def _with_payments(self, items: pd.DataFrame, at: date) -> pd.DataFrame:
        """Open items with the delay predicted for each and, from it, when it is paid given that it is unpaid on `at`."""
        asked = items[["customer_id", "invoice_id", "issued_on", "due_on", "amount"]].copy()
        asked["as_of"] = pd.Series(np.datetime64(at, "s"), index=items.index, dtype="datetime64[s]")
        asked["currency"] = pd.Series(self.served.currency, index=items.index, dtype="str")
        X = build_items(self.served.book, asked, columns=list(self.delay.columns)).set_axis(items.index)
        predicted = self.delay.predict(X, asked).set_axis(items.index)
        terms = (items["due_on"] - items["issued_on"]).dt.days.to_numpy(dtype=np.float64)
        late_now = (asked["as_of"] - items["due_on"]).dt.days.to_numpy(dtype=np.float64)
        paid = paid_by_bucket(predicted, -terms, late_now).add_prefix("p_paid_")
        return pd.concat([items, predicted[list(DELAYS)], paid], axis=1)

    def next_items(self, frame: pd.DataFrame, at: date) -> pd.DataFrame:
        """A customer's next invoice: median amount and terms of its last year's invoices (of all, where there are none).

        One row a customer with any invoice, indexed by customer_id, with the columns that `build_items` asks for.
        """
        with_history = frame.index[frame["special"].isna() | frame["special"].isin([IN_DEFAULT_STATUS, STALE])]
        usual = usual_invoices(self.served.book.settlement, list(with_history), day(at))
        items = self.snapshots(with_history, at).set_axis(with_history)
        items["issued_on"] = items["as_of"]
        items["due_on"] = items["as_of"] + pd.to_timedelta(usual["terms_days"].to_numpy(), unit="D").as_unit("s")
        items["amount"] = usual["amount"].to_numpy()
        items["currency"] = pd.Series(self.served.currency, index=with_history, dtype="str")
        return items

    def explain(self, scores: Scores, target: str) -> Explanation | None:
        """Why the first customer's PD (or delay) is what it is; None where there is none.

        Raises NotAdditive where the contributions miss the model's own margin.
        """
        if target == "pd":
            model, X, margin = self.default, scores.X.iloc[:1], scores.customers["margin"]
        else:
            model, X, margin = self.delay, scores.delay_X.iloc[:1], scores.customers["delay_margin"]
        if X.empty:
            return None
        base, parts = model.contributions(X)
        return explain(
            base=base, log_odds=parts.iloc[0], values=X.iloc[0], margin=float(margin[X.index[0]]), columns=self.columns
        )

    @property
    def columns(self) -> Mapping[str, Column]:
        """Every column of the catalogue by name."""
        return COLUMNS

    def explained_number(self, target: str) -> str:
        """The number that an explanation is of."""
        return f"pd_{self.default.horizon_months}m" if target == "pd" else self.delay.explained

    def population(self, target: str) -> Mapping[str, Any]:
        """Who the base value is the average of: the model's own facts about its training rows."""
        return (self.default if target == "pd" else self.delay).facts

    def rate(self, currency: str, as_of: date) -> float:
        """The last known rate of a currency to the reporting currency. Raises InputError where there is none."""
        return rate_on(self.served.book.ledger, currency, self.served.currency, as_of)

    def situation(self, row: pd.Series, as_of: date, requested: float) -> Situation:
        """What a limit is recommended from: a customer's row of scores, its credit terms, the limit asked for."""
        ledger, customer_id = self.served.book.ledger, str(row.name)
        terms = terms_on(ledger, customer_id, as_of)
        return Situation(
            customer_id=customer_id, as_of=as_of, requested=requested, balance=float(row["balance"]),
            unapplied=float(row["unapplied"]), overdue=float(row["overdue"]), days_past_due=int(row["days_past_due"]),
            pd=None if np.isnan(row["pd"]) else float(row["pd"]), grade=row["grade"] if isinstance(row["grade"], str) else None,
            special=row["special"], current_limit=terms.credit_limit, insured_limit=terms.insured_limit,
            insured_share=terms.insured_share, first_loss=terms.first_loss, maximum_extension_days=terms.maximum_extension_days,
            is_natural_person=is_natural_person(ledger, customer_id),
        )  # fmt: skip
