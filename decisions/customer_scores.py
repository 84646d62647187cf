"""PDs and grades of customers on a day for a report, with where they come from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ledger.default_status import PRIMARY, DefaultPolicy


@dataclass(frozen=True, kw_only=True)
class CustomerScores:
    """PDs of a book on one day.

    frame : indexed by customer_id: pd (NaN: none, `special` says why; 1 in default), grade, special (None where scored).
    source : words that name the model, or why there are no PDs.
    policy : the definition of default that the PDs are of; None where that is not known.
    """

    frame: pd.DataFrame
    source: str
    policy: DefaultPolicy | None = None

    @classmethod
    def none(cls, why: str) -> CustomerScores:
        """No PDs, and why."""
        return cls(
            frame=pd.DataFrame({"pd": [], "grade": [], "special": []}, index=pd.Index([], name="customer_id")),
            source=why,
        )

    @classmethod
    def of(cls, frame: pd.DataFrame, source: str, policy: DefaultPolicy | None = None) -> CustomerScores:
        """The PDs of a frame of scores: a customer in default has a PD of 1 in the arithmetic of losses (CRR Art. 160(3))."""
        own = frame[["pd", "grade", "special"]].copy()
        own["special"] = own["special"].astype(object).where(own["special"].notna(), None)
        own.loc[own["special"] == "in_default", "pd"] = 1.0
        return cls(frame=own, source=source, policy=policy)

    @property
    def definition(self) -> DefaultPolicy:
        """The definition of default for what stands next to these PDs: their own, else the primary one."""
        return self.policy or PRIMARY

    @property
    def is_known(self) -> bool:
        """Whether any customer has a PD."""
        return bool(len(self.frame)) and bool(self.frame["pd"].notna().any())

    def pd_of(self, customer_ids: pd.Series | pd.Index) -> pd.Series:
        """Return the PD of each id, NaN where there is none."""
        return pd.Series(
            self.frame["pd"].reindex(pd.Index(customer_ids)).to_numpy(dtype=float), index=pd.Index(customer_ids)
        )
