"""The lateness of each industry and country as a model's own ledger had it, for ledgers with too few customers to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.peers import DUE, PEER_GROUPS, Peers
from features.engine.prepared import PreparedLedger
from ledger.known import day

FEWEST_DUE = 200  # invoices due in the year from which a group's shares are taken from the ledger itself
OWN, REFERENCE = "own", "reference"  # where a group's shares come from


@dataclass(frozen=True, kw_only=True)
class PeerReference:
    """counts : kind (industry, country) -> group -> (invoices due in the year before `as_of`, of these late, of these over 30
    days late), as the ledger that the model learned from knew them on `as_of`."""

    as_of: str
    counts: Mapping[str, Mapping[str, tuple[int, int, int]]]

    @classmethod
    def of(cls, prepared: PreparedLedger, as_of: date | str | pd.Timestamp) -> PeerReference:
        """Return the counts of a ledger on a day."""
        return cls.of_peers(prepared.peers, as_of)

    @classmethod
    def of_peers(cls, peers: Peers, as_of: date | str | pd.Timestamp) -> PeerReference:
        """Return the counts of a ledger's peers on a day."""
        on = day(as_of) - peers.first_day
        counts: dict[str, dict[str, tuple[int, int, int]]] = {}
        for kind in PEER_GROUPS:
            known = peers.counts[kind]
            inside = 0 <= on < known.shape[1]
            counts[kind] = {
                name: (int(known[place, on, 0]), int(known[place, on, 1]), int(known[place, on, 2]))
                for name, place in peers.groups[kind].items()
                if inside
            }
        return cls(as_of=str(pd.Timestamp(as_of).date()), counts=counts)

    def filled(
        self, peers: Peers, as_of: date, *, always: bool = False
    ) -> tuple[Peers, Mapping[str, Mapping[str, str]]]:
        """Return a ledger's peers on one day, with the reference's where the ledger's own are too few.

        Parameters
        ----------
        peers : the ledger's own. as_of : the only day that the result answers for.
        always : take the reference wherever it has the group, also where the ledger has enough.

        Returns
        -------
        peers : to be used in the place of the ledger's own. sources : kind -> group -> OWN or REFERENCE.
        """
        at = day(as_of)
        counts: dict[str, NDArray[np.int32]] = {}
        sources: dict[str, dict[str, str]] = {}
        for kind in PEER_GROUPS:
            known, place = peers.counts[kind], at - peers.first_day
            counts[kind] = np.zeros((known.shape[0], 1, 3), dtype=np.int32)
            if 0 <= place < known.shape[1]:
                counts[kind][:, 0] = known[:, place]
            sources[kind] = {}
            for name, group in peers.groups[kind].items():
                reference = self.counts.get(kind, {}).get(name)
                takes = reference is not None and (always or counts[kind][group, 0, DUE] < FEWEST_DUE)
                if takes and reference is not None:
                    counts[kind][group, 0] = np.array(reference, dtype=np.int32)
                sources[kind][name] = REFERENCE if takes else OWN
        return Peers(first_day=at, groups=peers.groups, counts=counts), sources

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> PeerReference | None:
        """Return what `to_json` wrote; None for versions from before it was logged."""
        if stored is None:
            return None
        counts = {
            kind: {name: (int(three[0]), int(three[1]), int(three[2])) for name, three in groups.items()}
            for kind, groups in stored["counts"].items()
        }
        return cls(as_of=stored["as_of"], counts=counts)
