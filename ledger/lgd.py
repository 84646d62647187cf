"""Loss given default measured over a ledger's own closed defaults, with its interval, its shrinkage and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.currency import CENTS, reporting_cents
from ledger.default_status import DAYS_A_MONTH, KINDS, DefaultPolicy, default_spells
from ledger.errors import InputError
from ledger.known import NEVER, day, days, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.lgd_kernels import CLOSED_AS, OPEN_STILL, workouts
from ledger.settlement import Settlement, dates, settle

Floats = NDArray[np.float64]

MEASURED, SHRUNK, POLICY = "measured", "shrunk", "policy"  # the sources of a value


@dataclass(frozen=True, kw_only=True)
class LgdPolicy:
    """How loss given default is measured, and the value that stands where it cannot be.

    value : the policy's LGD: the supervisory value for senior corporate receivables (CRR as amended by Regulation (EU)
        2024/1623, Art. 161(1)).
    fewest : closed defaults from which the measured value counts; below, the policy's value stands alone.
    shrinkage : the measured value of n closed defaults weighs n / (n + shrinkage), the policy's value the rest.
    measured_from : closed defaults from which the weight is 1.
    workout_months : a default older than this is closed, whatever is still open of it.
    discount_rate : per year, of recoveries after the day of default.
    cost_share : cost of collection as a share of what was recovered after the day of default; a ledger does not hold it.
    resamples, confidence, seed : of the bootstrap over customers.
    """

    name: str = "house"
    version: str = "1"
    value: float = 0.40
    fewest: int = 20
    shrinkage: float = 20.0
    measured_from: int = 400
    workout_months: int = 24
    discount_rate: float = 0.05
    cost_share: float = 0.0
    resamples: int = 2000
    confidence: float = 0.90
    seed: int = 1

    def __post_init__(self) -> None:
        shares = {"value": self.value, "cost_share": self.cost_share, "confidence": self.confidence}
        for name, share in shares.items():
            if not 0.0 <= share <= 1.0:
                raise InputError(f"The {name} of an LgdPolicy must be from 0 to 1. Got {share} instead.")
        if self.fewest < 2 or self.workout_months < 1 or self.shrinkage < 0 or self.resamples < 100:
            raise InputError(
                "An LgdPolicy needs fewest >= 2, workout_months >= 1, shrinkage >= 0 and resamples >= 100. Got "
                f"{self.fewest}, {self.workout_months}, {self.shrinkage} and {self.resamples} instead."
            )

    def weight(self, defaults: int) -> float:
        """Return the measured value's weight with so many closed defaults."""
        if defaults < self.fewest:
            return 0.0
        return 1.0 if defaults >= self.measured_from else defaults / (defaults + self.shrinkage)


@dataclass(frozen=True, kw_only=True)
class Lgd:
    """One loss given default, to be shown with its source.

    value : the LGD to use, from 0 to 1. source : measured (weight 1), shrunk (weight between), policy (weight 0).
    segment : None for the whole book. defaults, customers : closed defaults measured. measured, low, high : the measured
    value and its bootstrap interval, None without a closed default. weight : of the measured value in `value`.
    written_off_only : LGD over the defaults closed by write-off alone, a different number; None without one.
    """

    value: float
    source: str
    segment: str | None = None
    defaults: int = 0
    customers: int = 0
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float = 0.0
    written_off_only: float | None = None


@dataclass(frozen=True, kw_only=True)
class LgdTable:
    """The LGD of a book and of its segments with enough closed defaults, as of a day.

    still_open : defaults that are neither cured, recovered, written off nor older than the workout period.
    """

    policy: LgdPolicy
    book: Lgd
    segments: Mapping[str, Lgd] = field(default_factory=dict)
    as_of: str | None = None
    default_policy: str | None = None
    still_open: int = 0

    @classmethod
    def of_policy(cls, policy: LgdPolicy) -> LgdTable:
        """Return the table of the policy's value alone: nothing was measured."""
        return cls(policy=policy, book=Lgd(value=policy.value, source=POLICY))

    def of(self, segment: object) -> Lgd:
        """Return the LGD of a customer of this segment: the segment's own where it has enough, else the book's."""
        return self.segments.get(segment, self.book) if isinstance(segment, str) else self.book

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LgdTable:
        """Return the table that `to_json` wrote."""
        read = {
            "policy": LgdPolicy(**stored["policy"]), "book": Lgd(**stored["book"]),
            "segments": {name: Lgd(**lgd) for name, lgd in stored["segments"].items()},
        }  # fmt: skip
        return cls(**{**stored, **read})


def closed_defaults(
    ledger: Ledger,
    default_policy: DefaultPolicy,
    policy: LgdPolicy,
    *,
    until: date | str | pd.Timestamp | None = None,
    settlement: Settlement | None = None,
) -> pd.DataFrame:
    """Return every default with its exposure, what came back of it and how it closed, as known on `until`.

    Parameters
    ----------
    ledger, settlement : the ledger, and its settlement if already computed.
    default_policy : the definition of default. policy : workout period, discount rate, costs.
    until : the last day whose knowledge counts (the ledger's last known day).

    Returns
    -------
    One row a default, sorted by (customer_id, entered_on): customer_id, segment (NaN: not given), entered_on, kind,
    closed_on (NaT: still open), closed_as (cured, recovered, written_off, workout_over, open), ead (what was open at the
    start of the day of default less unapplied credits, reporting currency; credit notes and discounts booked later on
    these invoices are taken off, they were never owed), recovered (payments of these invoices, payments that name no
    invoice and `recovery` events from that day on, at most the ead; of a cured default all that is left comes back on the
    day of cure, since it performs again), recovered_present_value (discounted to the day of default, less costs), loss
    (ead − recovered_present_value).

    Defaults without exposure are left out: they can lose nothing.
    """
    s = settle(ledger) if settlement is None else settlement
    last = np.int32(day(ledger.last_known_on if until is None else until))
    spells = default_spells(ledger, default_policy, until=dates([int(last)])[0], settlement=s)
    segment = ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")["segment"]
    customer = s.owners.codes(spells["customer_id"])
    entered = days(spells["entered_on"])
    cured = np.where(spells["cured_on"].isna(), NEVER, days(spells["cured_on"].fillna(pd.Timestamp("1970-01-01"))))
    following = np.full(len(spells), NEVER, dtype=np.int32)
    if len(spells) > 1:
        same = customer[1:] == customer[:-1]
        following[:-1][same] = entered[1:][same]
    items = (
        s.invoice_start, s.issued_on, s.known_from, s.known_until, s.amount_cents, s.allocation_start, s.allocation_on,
        s.allocation_known_from, s.allocation_known_until, s.allocation_cents, s.allocation_kind,
    )  # fmt: skip
    loose = (
        s.unapplied_start, s.unapplied_on, s.unapplied_known_from, s.unapplied_known_until, s.unapplied_cents,
    )  # fmt: skip
    terms = (round(policy.workout_months * DAYS_A_MONTH), policy.discount_rate)
    ead, recovered, present, closed, how = workouts(
        last, (customer, entered, cured.astype(np.int32), following), items, loose, _recoveries(ledger, s), terms
    )
    frame = pd.DataFrame({
        "customer_id": spells["customer_id"], "segment": segment.reindex(spells["customer_id"]).to_numpy(),
        "entered_on": spells["entered_on"], "kind": pd.Categorical(spells["kind"], categories=list(KINDS)).astype(object),
        "closed_on": dates(closed), "closed_as": np.array(CLOSED_AS, dtype=object)[how],
        "ead": ead / CENTS, "recovered": recovered / CENTS,
        "recovered_present_value": present * (1.0 - policy.cost_share) / CENTS,
    })  # fmt: skip
    frame["loss"] = frame["ead"] - frame["recovered_present_value"]
    return frame[frame["ead"] > 0].reset_index(drop=True)


def _recoveries(ledger: Ledger, s: Settlement) -> tuple[NDArray[Any], ...]:
    """Return the `recovery` events as (start a customer, booked on, known until, cents), by customer and day.

    A recovery counts on the day on which it was booked. An amount is in the currency of the invoice that it names, else
    in the reporting currency. Raises InputError for one without an amount.
    """
    events = ledger.events[ledger.events["kind"] == "recovery"]
    if events["amount"].isna().any():
        lacking = events[events["amount"].isna()]
        raise InputError(
            f"events.amount: {len(lacking):,} of {len(events):,} rows of kind recovery have none, e.g. event "
            f"'{lacking['event_id'].iloc[0]}': what came back is not known."
        )
    since, until = known_from(events, TABLES["events"]), known_until(events, TABLES["events"])
    row, customer, since, until = s.owners.moved(s.owners.codes(events["customer_id"]), since, until)
    if len(events):
        currency = ledger.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["currency"]
        named = currency.reindex(events["invoice_id"]).to_numpy(dtype=object)
    else:
        named = np.zeros(0, dtype=object)
    cents = np.rint(events["amount"].to_numpy(dtype=np.float64) * CENTS).astype(np.int64)
    foreign = ~pd.isna(named)
    if foreign.any():
        own = events[foreign]
        cents[foreign] = reporting_cents(
            own["amount"], pd.Series(named[foreign], index=own.index), own["occurred_on"], ledger
        )
    order = np.lexsort((since, customer))
    start = np.searchsorted(customer[order], np.arange(len(s.owners.ids) + 1)).astype(np.int64)
    return start, since[order].astype(np.int32), until[order].astype(np.int32), cents[row][order]


def measure(
    defaults: pd.DataFrame, policy: LgdPolicy, *, as_of: str | None = None, named: str | None = None,
    with_interval: bool = True,
) -> LgdTable:  # fmt: skip
    """Return the LGD of a book and of its segments from the frame that `closed_defaults` returns.

    Amount-weighted: sum of losses over sum of exposures. The interval is the percentile bootstrap over customers of the
    measured value (before shrinkage); with_interval: False leaves it out, which a report that does not show it need not
    wait for. Segments with fewer than `policy.fewest` closed defaults use the book's value.
    """
    closed = defaults[defaults["closed_as"] != CLOSED_AS[OPEN_STILL]]
    counts = closed["segment"].value_counts()
    segments = {
        str(name): _measured(closed[closed["segment"] == name], policy, str(name), with_interval)
        for name in sorted(counts.index[counts >= policy.fewest])
    }
    return LgdTable(
        policy=policy, book=_measured(closed, policy, None, with_interval), segments=segments, as_of=as_of, default_policy=named,
        still_open=len(defaults) - len(closed),
    )  # fmt: skip


def _measured(closed: pd.DataFrame, policy: LgdPolicy, segment: str | None, with_interval: bool) -> Lgd:
    """Return the LGD of some closed defaults."""
    if closed.empty:
        return Lgd(value=policy.value, source=POLICY, segment=segment)
    sums = closed.groupby("customer_id")[["loss", "ead"]].sum().to_numpy()
    measured = float(sums[:, 0].sum() / sums[:, 1].sum())
    low, high = _interval(sums, policy) if with_interval else (None, None)
    weight = policy.weight(len(closed))
    written = closed[closed["closed_as"] == "written_off"]
    return Lgd(
        value=float(np.clip(weight * measured + (1.0 - weight) * policy.value, 0.0, 1.0)),
        source=POLICY if weight == 0.0 else MEASURED if weight == 1.0 else SHRUNK,
        segment=segment, defaults=len(closed), customers=len(sums), measured=measured, low=low, high=high,
        weight=weight,
        written_off_only=float(written["loss"].sum() / written["ead"].sum()) if len(written) else None,
    )  # fmt: skip


def _interval(sums: Floats, policy: LgdPolicy) -> tuple[float, float]:
    """Return the bootstrap interval of the ratio of two sums over customers: rows of (loss, exposure)."""
    random = np.random.default_rng(policy.seed)
    times = random.multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), size=policy.resamples)
    drawn = times @ sums
    tail = (1.0 - policy.confidence) / 2.0
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [tail, 1.0 - tail])
    return float(low), float(high)


def lgd_table(
    ledger: Ledger,
    default_policy: DefaultPolicy,
    policy: LgdPolicy | None = None,
    *,
    until: date | str | pd.Timestamp | None = None,
    settlement: Settlement | None = None,
    with_interval: bool = True,
) -> LgdTable:
    """Return the LGD of a ledger and its segments as known on `until`: `closed_defaults`, then `measure`."""
    policy = policy or LgdPolicy()
    last = pd.Timestamp(ledger.last_known_on if until is None else until)
    defaults = closed_defaults(ledger, default_policy, policy, until=last, settlement=settlement)
    return lgd_table_of(defaults, default_policy, policy, until=last, with_interval=with_interval)


def lgd_table_of(
    defaults: pd.DataFrame, default_policy: DefaultPolicy, policy: LgdPolicy | None = None, *, until: pd.Timestamp,
    with_interval: bool = True,
) -> LgdTable:  # fmt: skip
    """Return the LGD table of `closed_defaults` on `until`; of a ledger read in parts, its parts' rows sorted together."""
    policy, last = policy or LgdPolicy(), pd.Timestamp(until)
    named = f"{default_policy.name} {default_policy.version}"
    return measure(defaults, policy, as_of=str(last.date()), named=named, with_interval=with_interval)
