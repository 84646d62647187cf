"""The month's-end reports of the served ledger: the same values as `tradecredit report`, for a page of the workbench."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from decisions.cover import CoverPolicy
from decisions.customer_scores import CustomerScores
from decisions.monthly.ageing import ageing_report
from decisions.monthly.committee import CommitteeScores, committee_report
from decisions.monthly.cover import cover_report
from decisions.monthly.kpi import kpi_report
from decisions.monthly.provisions import provisions_report
from decisions.policy_files import read_policy
from decisions.provision_book import provision_movement, provisions_on
from decisions.provisions import ProvisionPolicy
from decisions.report import Report
from decisions.scorer import Scorer
from decisions.scoring_ledger import DayBeforeLedger
from ledger.ageing import GROUPINGS
from ledger.default_status import DefaultPolicy
from ledger.lgd import LgdTable, lgd_table
from models.settings import Settings
from serving.champions import Champions
from serving.governance import governance

PARTS = ("portfolio", "segment", "country", "industry")
PLACE = "LEDGER"  # how the commands on a page name the served ledger


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A report's name, day, and what its rows are."""

    name: str
    as_of: date
    by: str = ""


def bys(name: str) -> tuple[str, ...]:
    """Return what the rows of a report may be, the usual one first; none where there is no choice."""
    return {"ageing": ("customer", *(g for g in GROUPINGS if g != "customer")), "kpi": PARTS}.get(name, ())


def month_end_report(champions: Champions, settings: Settings, asked: Asked) -> Report:
    """Return one of REPORTS. Raises InputError as the report does, KeyError for an unknown name."""
    return REPORTS[asked.name](champions, settings, asked)


def scores_on(scorer: Scorer, as_of: date, named: str, fitted_on: str) -> CustomerScores:
    """Return the PDs of every customer on a day; none for a day before the model's own."""
    if fitted_on > as_of.isoformat():
        return CustomerScores.none(f"no PDs: {named} was fitted on what was known on {fitted_on}, after {as_of}")
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    try:
        found = scorer.brief(ids, as_of)
    except DayBeforeLedger as early:
        return CustomerScores.none(f"no PDs: {early}")
    return CustomerScores.of(found, f"{named}, fitted on {fitted_on}", _policy(scorer))


def _scores(champions: Champions, as_of: date) -> CustomerScores:
    served = champions.default
    if served is None:
        return CustomerScores.none("no PDs: no default model is served")
    return scores_on(
        champions.scorer, as_of, f"{served.name} version {served.version}", served.tags.get("tradecredit.as_of", "")
    )


def _lgd(champions: Champions, as_of: date) -> LgdTable:
    prepared = champions.scorer.served.prepared
    return lgd_table(prepared.ledger, _default_policy(champions), until=as_of, settlement=prepared.settlement)


def _default_policy(champions: Champions) -> DefaultPolicy:
    return _policy(champions.scorer)


def _policy(scorer: Scorer) -> DefaultPolicy:
    """The definition of default of the served model, the primary one without a model."""
    return scorer.default.policy


def _ageing(champions: Champions, _: Settings, asked: Asked) -> Report:
    by = asked.by if asked.by in GROUPINGS else "customer"
    return ageing_report(
        champions.scorer.served.ledger, asked.as_of, by=by, in_reporting=True,
        command=f"tradecredit report ageing {PLACE} --as-of {asked.as_of} --by {by} --in reporting",
    )  # fmt: skip


def _kpi(champions: Champions, _: Settings, asked: Asked) -> Report:
    by = asked.by if asked.by in PARTS else PARTS[0]
    return kpi_report(champions.scorer.served.ledger, asked.as_of, by=by,
                      command=f"tradecredit report kpi {PLACE} --as-of {asked.as_of} --by {by}")  # fmt: skip


def _no_discretion(terms: CoverPolicy) -> CoverPolicy:
    return terms.model_copy(update={"discretionary": terms.discretionary.model_copy(update={"limit": 0.0})})


def _provisions(champions: Champions, _: Settings, asked: Asked) -> Report:
    prepared = champions.scorer.served.prepared
    policy, terms = read_policy(ProvisionPolicy, "provisions"), _no_discretion(read_policy(CoverPolicy, "cover"))
    before = asked.as_of.replace(day=1) - timedelta(days=1)
    now, then = (provisions_on(prepared.ledger, prepared.settlement, on, policy, terms) for on in (asked.as_of, before))
    moved = provision_movement(prepared.ledger, prepared.settlement, then, now, policy)
    return provisions_report(
        prepared.ledger, now, policy, _scores(champions, asked.as_of), _lgd(champions, asked.as_of), moved=moved,
        command=f"tradecredit report provisions {PLACE} --as-of {asked.as_of} --since {before}",
        warnings=(
            "Insured parts follow the insured limits of the ledger under the duties of the bundled example policy, without "
            "discretionary limits; give your policy's terms with --cover.",
        ),
    )  # fmt: skip


def _cover(champions: Champions, _: Settings, asked: Asked) -> Report:
    prepared = champions.scorer.served.prepared
    return cover_report(
        prepared.ledger, prepared.settlement, asked.as_of, read_policy(CoverPolicy, "cover"), _scores(champions, asked.as_of),
        _lgd(champions, asked.as_of), command=f"tradecredit report cover {PLACE} --as-of {asked.as_of}",
        warnings=("The terms are those of the bundled example policy; the command takes your own with --policy.",),
    )  # fmt: skip


def _committee(champions: Champions, settings: Settings, asked: Asked) -> Report:
    from models.rating_scale import MASTER_SCALE

    prepared = champions.scorer.served.prepared
    before = asked.as_of.replace(day=1) - timedelta(days=1)
    year_ago = asked.as_of.replace(year=asked.as_of.year - 1, day=min(asked.as_of.day, 28))
    scores = CommitteeScores(
        now=_scores(champions, asked.as_of), before=_scores(champions, before), year_ago=_scores(champions, year_ago)
    )
    return committee_report(
        prepared.ledger, prepared.settlement, asked.as_of, before, scores, _lgd(champions, asked.as_of), _default_policy(champions),
        governance(settings, before, asked.as_of), MASTER_SCALE.names, place=PLACE,
        command=f"tradecredit report committee {PLACE} --as-of {asked.as_of} --since {before}",
    )  # fmt: skip


REPORTS: Mapping[str, Callable[[Champions, Settings, Asked], Report]] = {
    "ageing": _ageing, "kpi": _kpi, "provisions": _provisions, "cover": _cover, "committee": _committee,
}  # fmt: skip
