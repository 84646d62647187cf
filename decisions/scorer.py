"""The scorer: joins a ledger and both models into scores, for one customer as for a whole book."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from decisions.expected_cash import CASH_BUCKETS, expected_cash, paid_by_bucket
from decisions.item_groups import stand_ins
from decisions.limit_policy import bundled_limit_policy
from decisions.limits import LimitPolicy, PastDue, Situation, house_policy
from decisions.scoring_ledger import ScoringLedger
from decisions.shared_limits import CountryStop, SharedLimit
from features.catalogue import columns
from features.engine.histories import build, build_items
from features.engine.prepared import PreparedLedger
from features.language import Column
from ledger.accounts import ACTIVE_DAYS, accounts, usual_invoices
from ledger.credit_terms import is_natural_person, rate_on, terms_on
from ledger.default_status import in_default
from ledger.known import day
from ledger.ledger import Ledger
from ledger.lgd import Lgd, LgdPolicy, LgdTable
from ledger.published_ratings import published_ratings
from models.absent import AbsentDefault, AbsentDelay, NoChampion
from models.default.model import DefaultModel
from models.delay.model import DelayModel
from models.explanation import LANGUAGES, Explanation, explain_rows, main_reasons
from models.rating_scale import IN_DEFAULT
from models.reasons.sentences import ReasonFacts
from models.registry import Served

NO_HISTORY, IN_DEFAULT_STATUS, STALE, MERGED = "no_history", "in_default", "stale_data", "merged"
NO_DEFAULT_MODEL = "no_default_model"  # special: a PD would be given, but no default model is the champion
COLUMNS: Mapping[str, Column] = {column.name: column for column in columns()}
DELAYS = ("p_late_1", "p_late_5", "p_late_30", "p_late_60", "p_late_90",
          "days_late_p10", "days_late_p50", "days_late_p90", "days_late_low", "days_late_high", "interval_probability", "days_late_likely", "days_late_mean",
          "days_beyond_terms")  # fmt: skip
HABIT = ("days_past_due_mean_12m", "days_past_due_change_3m_12m")  # a customer's habit, and its change
OWN_PEERS, FILLED_PEERS, REFERENCE_PEERS = "own", "filled", "reference"  # whose lateness of industries and countries
DELAY_EXPLAINED = "p_late_30"


def limit_policy_of(grades: Sequence[str]) -> LimitPolicy:
    """Return the bundled policy file where it names these grades, else the caps in equal ratios for another scale."""
    bundled = bundled_limit_policy()
    return bundled if [t.grade for t in bundled.terms] == list(grades) else house_policy(grades)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What came out for some customers on one day.

    customers : one row a customer, indexed by customer_id: what stands of the account (see ledger.accounts), special
        (None, no_history, in_default, stale_data, merged, no_default_model), pd, pd_3m … pd_12m, pd_low, pd_high, grade, score, margin,
        history_weight (the history's share in the margin; the rest is what is known at the door), exposure,
        grouped_items (open items that another one's prediction stands for), lgd and lgd_source (see ledger.lgd), expected_loss, the delay columns of the next invoice with its next_amount and next_terms_days, the columns of HABIT, and
        cash_BUCKET.
        NaN: not computed, and special says why.
    items : their open items (see ledger.accounts). X_items : the delay model's input, one row an open item that is
        predicted, with the item's index. stand_ins : of each item the place in `items` of the one whose prediction stands
        for it (see decisions.item_groups): its own, but for customers with very many.
    X : the default model's input, one row a customer with a PD.
    next_items, X_next : the next invoices, and the delay model's input for them, one row a customer that has any.
    """

    as_of: date
    customers: pd.DataFrame
    items: pd.DataFrame
    X_items: pd.DataFrame
    stand_ins: NDArray[np.int64]
    X: pd.DataFrame
    next_items: pd.DataFrame
    X_next: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A ledger and the champions: both models, or one of them alone. Immutable: any number of threads may use it."""

    served: ScoringLedger
    default: DefaultModel | AbsentDefault
    delay: DelayModel | AbsentDelay
    limit_policy: LimitPolicy
    peer_values: str = OWN_PEERS  # OWN_PEERS, FILLED_PEERS or REFERENCE_PEERS
    learned_here: tuple[bool | None, bool | None] = (None, None)  # default, delay: whether it learned from this ledger

    @classmethod
    def of(cls, served: ScoringLedger, default: Served | None, delay: Served | None) -> Scorer:
        """Return the scorer of two registered models on a ledger; None where a model has no champion."""
        return cls.with_models(
            served, None if default is None else DefaultModel.load(default.folder),
            None if delay is None else DelayModel.load(delay.folder),
        )  # fmt: skip

    @classmethod
    def with_models(
        cls, served: ScoringLedger, default: DefaultModel | AbsentDefault | None, delay: DelayModel | AbsentDelay | None
    ) -> Scorer:
        """Return the scorer of models in memory on a ledger; the status `in_default` follows the default model's policy.

        Raises NoChampion where there is neither.
        """
        if not isinstance(default, DefaultModel) and not isinstance(delay, DelayModel):
            raise NoChampion("neither a default nor a delay model is the champion: nothing can be scored.")
        default, delay = default or AbsentDefault(), delay or AbsentDelay()
        known = tuple(
            None if model.learned_from is None else model.learned_from.is_of(served.ledger)
            for model in (default, delay)
        )
        return cls(
            served=served, default=default, delay=delay, limit_policy=limit_policy_of(default.scale.names),
            learned_here=(known[0], known[1]),
        )  # fmt: skip

    @property
    def has_default(self) -> bool:
        """Whether a default model is the champion."""
        return isinstance(self.default, DefaultModel)

    @property
    def has_delay(self) -> bool:
        """Whether a delay model is the champion."""
        return isinstance(self.delay, DelayModel)

    def under(self, policy: LimitPolicy) -> Scorer:
        """Return the same scorer with another limit policy. Raises InputError where it lacks a grade of the model."""
        for grade in self.default.scale.names:
            policy.terms_of(grade)
        return replace(self, limit_policy=policy)

    def on(self, ledger: Ledger) -> Scorer:
        """Return the same models on another ledger; industries and countries of which it has too few invoices take their
        lateness from the default model's own ledger."""
        scorer = Scorer.with_models(ScoringLedger.of(ledger), self.default, self.delay)
        return replace(scorer, peer_values=FILLED_PEERS, limit_policy=self.limit_policy)

    def _peered(self, at: date) -> tuple[PreparedLedger, Mapping[str, Mapping[str, str]]]:
        """Return the ledger with the peers to be used on a day, and where each group's shares come from."""
        prepared, reference = self.served.prepared, self.default.peers
        if self.peer_values == OWN_PEERS or reference is None or not prepared.has_peers:
            return prepared, {}
        peers, sources = reference.filled(prepared.peers, at, always=self.peer_values == REFERENCE_PEERS)
        return prepared.with_peers(peers), sources

    def peer_sources(self, customer_id: str, at: date) -> dict[str, str | None] | None:
        """Return where the lateness of a customer's industry and country comes from (own, reference; None: not given);
        None altogether where all of it is the ledger's own."""
        sources = self._peered(at)[1]
        if not sources:
            return None
        customers = self.served.ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")
        row = customers.loc[customer_id]
        return {kind: None if pd.isna(row[kind]) else sources[kind].get(str(row[kind])) for kind in sources}

    def score(self, customer_ids: Sequence[str], as_of: date | None = None) -> Scores:
        """Score customers on one day, each once, in the order asked.

        Raises UnknownCustomer, or FutureDay for a day that the ledger does not reach.
        """
        at, ids = self.served.asked_on(as_of), self.served.known(customer_ids)
        account = accounts(self.served.prepared.settlement, ids, day(at))
        special = self._special(account.customers, at)
        exposure = (account.customers["exposure"] - account.customers["unapplied"]).clip(lower=0.0)  # bills included
        X = self._default_inputs(special, at)
        next_items = self._next_items(account.customers, special, at)
        stands = stand_ins(account.items)
        if self.has_delay:
            X_next = self._item_inputs(next_items, HABIT)
            X_items = self._open_item_inputs(account.items.iloc[np.unique(stands)], at)
        else:
            next_items = next_items.iloc[:0]
            X_next, X_items = (pd.DataFrame(columns=[*DELAYS, *HABIT], dtype=np.float64) for _ in range(2))
        parts = [
            account.customers.assign(special=special, exposure=exposure),
            self._default_part(X, special, exposure), self._next_part(X_next, next_items).reindex(special.index),
            self._cash(X_items, account.items, stands, special.index), _grouped(account.items, stands, special.index),
        ]  # fmt: skip
        customers = pd.concat(parts, axis=1)
        return Scores(
            as_of=at,
            customers=customers,
            items=account.items,
            X_items=X_items,
            stand_ins=stands,
            X=X,
            next_items=next_items,
            X_next=X_next,
        )

    def brief(self, customer_ids: Sequence[str], as_of: date) -> pd.DataFrame:
        """Return what a list of customers shows, one row each in the order asked: the account, special, exposure and
        the default model's columns as `score` gives them, without anything of the delay model."""
        at, ids = self.served.asked_on(as_of), self.served.known(customer_ids)
        account = accounts(self.served.prepared.settlement, ids, day(at)).customers
        special = self._special(account, at)
        exposure = (account["exposure"] - account["unapplied"]).clip(lower=0.0)
        part = self._default_part(self._default_inputs(special, at), special, exposure)
        return pd.concat([account.assign(special=special, exposure=exposure), part], axis=1)

    def rescored(self, scores: Scores, X: pd.DataFrame) -> Scores:
        """The same scores with the default model's answer to other inputs, one row a customer: for hypothetical facts."""
        special = scores.customers["special"].astype(object)
        X = X[self._has_pd(special).reindex(X.index).to_numpy()]
        part = self._default_part(X, special, scores.customers["exposure"])
        return replace(scores, customers=scores.customers.assign(**part), X=X)

    @cached_property
    def lgd(self) -> LgdTable:
        """The loss given default logged with the default model; the limit policy's value where there is none."""
        policy = LgdPolicy(name=self.limit_policy.name, value=self.limit_policy.loss_given_default)
        return self.default.lgd or LgdTable.of_policy(policy)

    def lgd_of(self, customer_id: str) -> Lgd:
        """Return the loss given default of a customer: its segment's where that has enough closed defaults."""
        return self.lgd.of(self.served.segments.get(customer_id))

    def _has_pd(self, special: pd.Series) -> pd.Series:
        """Whether the default model answers for each customer: those with a history, and those without any where the
        model has a part for them."""
        if not self.has_default:
            return pd.Series(False, index=special.index)
        return special.isna() if self.default.cold is None else special.isna() | (special == NO_HISTORY)

    def _snapshots(self, customer_ids: Sequence[str], at: date) -> pd.DataFrame:
        """These customers on one day, as the features ask for them."""
        as_of = pd.Series(np.full(len(customer_ids), np.datetime64(at, "s")), dtype="datetime64[s]")
        return pd.DataFrame({"customer_id": pd.Series(list(customer_ids), dtype="str"), "as_of": as_of})

    def _special(self, customers: pd.DataFrame, at: date) -> pd.Series:
        """Why a customer gets no PD from its history; missing where it gets one."""
        special = pd.Series(None, index=customers.index, dtype=object)
        special[(customers["balance"] <= 0) & ~(customers["days_since_invoice"] < ACTIVE_DAYS)] = STALE
        special[customers["invoices"] == 0] = NO_HISTORY
        prepared = self.served.prepared
        snapshots = self._snapshots(list(customers.index), at)
        defaulted = in_default(prepared.ledger, snapshots, self.default.policy, settlement=prepared.settlement)
        special[defaulted.to_numpy()] = IN_DEFAULT_STATUS
        who, on = prepared.owners, day(at)
        if who.has_merged:
            moved = (who.member != who.owner) & (who.since <= on) & (who.until > on)
            special[customers.index.isin(who.ids[who.member[moved]])] = MERGED
        return special if self.has_default else special.fillna(NO_DEFAULT_MODEL).replace(NO_HISTORY, NO_DEFAULT_MODEL)

    def _default_inputs(self, special: pd.Series, at: date) -> pd.DataFrame:
        """The default model's input for the customers that get a PD of it."""
        scored = list(special.index[self._has_pd(special)])
        prepared, _ = self._peered(at)
        return build(prepared, self._snapshots(scored, at), columns=self.default.needed).set_axis(scored)

    def _default_part(self, X: pd.DataFrame, special: pd.Series, exposure: pd.Series) -> pd.DataFrame:
        """PDs, score, grade and expected loss of every customer; NaN where there is no PD of the model."""
        names = [f"pd_{m}m" for m in self.default.policy.horizons_months]
        names += ["pd_low", "pd_high", "score", "margin", "history_weight", "grade"]
        predicted = self.default.predict(X) if len(X) else pd.DataFrame(columns=names, dtype=np.float64)
        part = predicted[names].reindex(special.index)
        defaulted = special == IN_DEFAULT_STATUS
        main = part[f"pd_{self.default.horizon_months}m"] if self.has_default else pd.Series(np.nan, special.index)
        # an obligor in default has a PD of 1 in the arithmetic of expected loss (CRR Art. 160(3)); none of the model's
        lgd = [self.lgd_of(str(customer_id)) for customer_id in special.index]
        loss = main.mask(defaulted, 1.0) * np.array([one.value for one in lgd]) * exposure
        grade = part["grade"].astype(object).mask(defaulted, IN_DEFAULT)
        return part.assign(
            grade=grade,
            pd=main,
            lgd=[one.value for one in lgd],
            lgd_source=[one.source for one in lgd],
            expected_loss=loss,
        )

    def _next_items(self, customers: pd.DataFrame, special: pd.Series, at: date) -> pd.DataFrame:
        """Each customer's next invoice: median amount and terms of its last year's invoices (or of all), issued now.

        One row a customer with any invoice, indexed by customer_id, with the columns that `build_items` asks for.
        """
        ids = list(customers.index[(customers["invoices"] > 0) & (special != MERGED)])
        usual = usual_invoices(self.served.prepared.settlement, ids, day(at))
        issued_on = pd.Series(np.full(len(ids), np.datetime64(at, "s")), dtype="datetime64[s]", index=ids)
        return pd.DataFrame({
            "customer_id": pd.Series(ids, dtype="str", index=ids), "as_of": issued_on, "issued_on": issued_on,
            "due_on": issued_on + pd.to_timedelta(usual["terms_days"].to_numpy(), unit="D").as_unit("s"),
            "amount": usual["amount"].to_numpy(), "currency": pd.Series(self.served.currency, index=ids, dtype="str"),
        })  # fmt: skip

    def _next_part(self, X: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
        """How late the next invoices are paid, which invoices those are, and the customers' habits."""
        predicted = self._delay_model.predict(X) if len(X) else pd.DataFrame(columns=list(DELAYS), dtype=np.float64)
        terms = (items["due_on"] - items["issued_on"]).dt.days.astype(np.float64)
        answered = predicted[list(DELAYS)].assign(next_amount=items["amount"], next_terms_days=terms)
        return answered.join(X[list(HABIT)])

    def _item_inputs(self, items: pd.DataFrame, beside: Sequence[str] = ()) -> pd.DataFrame:
        """The delay model's input for items, and the columns named beside it, with the items' index."""
        names = list(dict.fromkeys((*self.delay.needed, *beside)))
        return build_items(self.served.prepared, items, columns=names).set_axis(items.index)

    def _open_item_inputs(self, items: pd.DataFrame, at: date) -> pd.DataFrame:
        """The delay model's input for open items asked about on `at`."""
        as_of = pd.Series(np.datetime64(at, "s"), index=items.index, dtype="datetime64[s]")
        currency = pd.Series(self.served.currency, index=items.index, dtype="str")
        keys = ["customer_id", "invoice_id", "number", "issued_on", "due_on", "amount"]
        return self._item_inputs(items[keys].assign(as_of=as_of, currency=currency))

    def _cash(
        self, X: pd.DataFrame, items: pd.DataFrame, stands: NDArray[np.int64], customer_ids: pd.Index
    ) -> pd.DataFrame:
        """The cash expected of the open items, by bucket of days from the day asked."""
        cash = pd.DataFrame(columns=list(CASH_BUCKETS), dtype=np.float64)
        if not self.has_delay:  # without a model no cash is expected, not even none of it
            return cash.reindex(customer_ids).add_prefix("cash_")
        if len(items):
            paid = paid_by_bucket(self._delay_model.curves(X)).iloc[np.searchsorted(np.unique(stands), stands)]
            cash = expected_cash(items["open_amount"], paid, items["customer_id"])
        return cash.reindex(customer_ids, fill_value=0.0).add_prefix("cash_")

    def payments(self, scores: Scores, invoice_ids: Collection[str] | None = None) -> pd.DataFrame:
        """Return when each open item of some scores is paid, or those of some invoices only; one row an item.

        Its own columns, the delay model's, p_paid_BUCKET, the chance to be paid in each bucket of days from as_of (all
        given that it is unpaid on as_of), and predicted_as: the item_id of the item whose prediction stands for it, None
        where it is its own. Items of named invoices are always predicted themselves; only what is needed is computed.
        Raises NoChampion without a delay model.
        """
        model, items = self._delay_model, scores.items
        if invoice_ids is not None:
            items = items[items["invoice_id"].isin(list(invoice_ids))]
        if items.empty:
            return items
        X = scores.X_items if invoice_ids is None else self.item_inputs(scores, items)
        own = scores.items.loc[X.index]
        country = own["customer_id"].map(self.served.countries)
        predicted = model.predict(X, own.assign(country=country, currency=self.served.currency)).set_axis(own.index)
        paid = paid_by_bucket(model.curves(X)).add_prefix("p_paid_").set_axis(own.index)
        stands = items.index if invoice_ids is not None else scores.items.index[scores.stand_ins]
        found = pd.concat([predicted, paid], axis=1).loc[stands].set_axis(items.index)
        is_own = np.asarray(stands == items.index)
        if (
            not is_own.all()
        ):  # the days counted from the due date are those of the item that stands for it, the date is not
            later = items["due_on"].to_numpy() - own["due_on"].loc[stands].to_numpy()
            found["expected_on"] = found["expected_on"] + pd.Series(later, index=items.index)
        ids = own["item_id"].loc[stands].to_numpy(dtype=object)
        names = [None if one else str(name) for one, name in zip(is_own, ids, strict=True)]
        return pd.concat([items, found, pd.Series(names, index=items.index, dtype=object, name="predicted_as")], axis=1)

    def item_inputs(self, scores: Scores, items: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the delay model's input of every open item of some scores, or of some of them; of grouped items too."""
        items = scores.items if items is None else items
        lacking = items[~items.index.isin(scores.X_items.index)]
        if lacking.empty:
            return scores.X_items.loc[items.index]
        more = self._open_item_inputs(lacking, scores.as_of)
        return pd.concat([scores.X_items, more]).loc[items.index]

    def explain(self, scores: Scores, target: str) -> Explanation | None:
        """Why the first customer's PD (or its next invoice's p_late_30) is what it is; None where there is none.

        Raises NotAdditive where the contributions miss the model's own margin.
        """
        X = (scores.X if target == "pd" else scores.X_next).iloc[:1]
        return None if X.empty else self._explained(scores, X, target)[str(X.index[0])]

    def explanations(self, scores: Scores, target: str) -> dict[str, Explanation]:
        """Return what `explain` returns, of every customer of some scores that has a number to explain, by customer_id."""
        X = scores.X if target == "pd" else scores.X_next
        return {} if X.empty else self._explained(scores, X, target)

    def _explained(self, scores: Scores, X: pd.DataFrame, target: str) -> dict[str, Explanation]:
        if target == "pd":
            base, parts = self.default.contributions(X)
            bases, margins = np.full(len(X), base), scores.customers["margin"].reindex(X.index).to_numpy()
        else:
            bases, parts = self._delay_model.contributions(X, DELAY_EXPLAINED)
            # contributions speak of the curve before its levels are recalibrated
            margins = logit(self._before_levels.predict(X)[DELAY_EXPLAINED].to_numpy())
        return self._in_order(X, bases, parts, margins)

    def _in_order(
        self, X: pd.DataFrame, bases: np.ndarray, parts: pd.DataFrame, margins: np.ndarray
    ) -> dict[str, Explanation]:
        """Return the explanation of each row of X, by customer_id."""
        names = tuple(map(str, parts.columns))
        given = X if X.columns.equals(parts.columns) else X.reindex(columns=parts.columns)
        found = explain_rows(
            bases=bases, log_odds=parts.to_numpy(), values=given.to_numpy(dtype=np.float64), margins=margins,
            names=names, columns=COLUMNS,
        )  # fmt: skip
        return dict(zip(map(str, X.index), found, strict=True))

    def contributions(self, scores: Scores) -> pd.DataFrame:
        """Every contribution to the PD, one row a customer with a PD: base_value, contribution_COLUMN (log-odds), and
        the reasons as reason_codes, reasons_en, reasons_zh, joined by ' | '. Raises NotAdditive as `explain` does."""
        if scores.X.empty:
            return pd.DataFrame(index=scores.X.index)
        base, parts = self.default.contributions(scores.X)
        margins = scores.customers["margin"].reindex(parts.index).to_numpy()
        explanations = self._in_order(scores.X, np.full(len(parts), base), parts, margins)
        facts, rows = self.reason_facts(list(parts.index), scores.as_of), []
        for customer_id, why in explanations.items():
            said = {k: main_reasons(why, COLUMNS, k, facts=facts[customer_id]) for k in LANGUAGES}
            row = {"reason_codes": " | ".join(r.code for r in said["en"])}
            rows.append(row | {f"reasons_{k}": " | ".join(r.text for r in found) for k, found in said.items()})
        worded = pd.DataFrame(rows, index=parts.index)
        return pd.concat([worded, parts.add_prefix("contribution_")], axis=1).assign(base_value=base)

    def reason_facts(self, customer_ids: Sequence[str], as_of: date) -> dict[str, ReasonFacts]:
        """Return what the sentences of reasons say beside the model's columns, by customer."""
        known = published_ratings(self.served.ledger, customer_ids, as_of, self.served.prepared.owners)
        currency, nothing = self.served.currency, ReasonFacts(currency=self.served.currency)
        return {
            customer_id: ReasonFacts(last=own.last, worst=own.worst, currency=currency)
            if (own := known.get(customer_id))
            else nothing
            for customer_id in customer_ids
        }

    @cached_property
    def _before_levels(self) -> DelayModel:
        return self._delay_model.before_recalibration()

    @property
    def _delay_model(self) -> DelayModel:
        """The delay model. Raises NoChampion where there is none."""
        if not isinstance(self.delay, DelayModel):
            raise NoChampion("no delay model is the champion: payments cannot be predicted. Train and promote one.")
        return self.delay

    def explained_number(self, target: str) -> str:
        """The number that an explanation is of."""
        return f"pd_{self.default.horizon_months}m" if target == "pd" else DELAY_EXPLAINED

    def population(self, target: str) -> Mapping[str, Any]:
        """Who the base value is the average of: the model's own facts about its training rows."""
        return (self.default if target == "pd" else self.delay).facts

    def rate(self, currency: str, as_of: date) -> float:
        """The last known rate of a currency to the reporting currency. Raises InputError where there is none."""
        return rate_on(self.served.ledger, currency, self.served.currency, as_of)

    def situation(
        self, scores: Scores, customer_id: str, requested: float, *, shared: Sequence[SharedLimit] = (),
        country_stop: CountryStop | None = None,
    ) -> Situation:  # fmt: skip
        """Return what a limit is recommended from: a customer's scores, its items past due, its credit terms, the limit
        requested (reporting currency), the caps that it shares, and what the country policy says against credit."""
        row: Any = scores.customers.loc[customer_id]
        as_of, items = scores.as_of, scores.items
        late = items[(items["customer_id"] == customer_id) & (items["days_past_due"] > 0) & ~items["is_disputed"]]
        columns = (late[name].tolist() for name in ("item_id", "open_amount", "days_past_due"))
        terms = terms_on(self.served.ledger, customer_id, as_of)
        return Situation(
            customer_id=customer_id, as_of=as_of, requested=requested, balance=float(row["balance"]),
            unapplied=float(row["unapplied"]),
            past_due=tuple(PastDue(invoice_id=i, amount=a, days=d) for i, a, d in zip(*columns, strict=True)),
            lgd=self.lgd_of(customer_id), pd=None if np.isnan(row["pd"]) else float(row["pd"]),
            special=row["special"] if isinstance(row["special"], str) else None,
            grade=row["grade"] if isinstance(row["grade"], str) else None,
            current_limit=terms.credit_limit, insured_limit=terms.insured_limit, insured_share=terms.insured_share,
            first_loss=terms.first_loss, maximum_extension_days=terms.maximum_extension_days,
            is_natural_person=is_natural_person(self.served.ledger, customer_id), shared=tuple(shared),
            country_stop=country_stop,
        )  # fmt: skip


def _grouped(items: pd.DataFrame, stands: NDArray[np.int64], customer_ids: pd.Index) -> pd.Series:
    """Return how many open items of each customer another item's prediction stands for."""
    others = items["customer_id"][stands != np.arange(len(items))]
    return others.value_counts().reindex(customer_ids, fill_value=0).astype(np.int64).rename("grouped_items")
