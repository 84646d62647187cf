"""Caps over several customers: what a group's limit or a country's cap leaves for one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

GROUP_LIMIT = "group_limit"  # the parent's own limit, shared by its group
GROUP_GRADE_CAP = "group_grade_cap"  # the limit policy's share of the cap of the group's best grade
COUNTRY_CAP = "country_cap"  # the limit policy's cap on the limits of a country's customers
COUNTRY_RATING_CAP = "country_rating_cap"  # the country policy's cap on the exposure to a country, by its rating
HALF_A_CENT = 0.005


@dataclass(frozen=True, kw_only=True)
class SharedLimit:
    """A cap that one customer shares with others; amounts are in the reporting currency.

    kind : one of the four above, which is also the code of its sentence. name : the parent's id, or the country.
    limit : the cap. used : what the others use of it or were granted.
    """

    kind: str
    name: str
    limit: float
    used: float

    @property
    def room(self) -> float:
        """Return what is left for the customer."""
        return max(0.0, self.limit - self.used)

    def holds(self, amount: float) -> bool:
        """Return whether an amount for the customer stays within the cap; less than half a cent is no breach."""
        return amount <= self.limit - self.used + HALF_A_CENT

    def numbers(self) -> dict[str, float | str]:
        """Return the values that its sentence needs."""
        return {"name": self.name, "cap": self.limit, "used": self.used, "room": self.room}

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "room": self.room}


@dataclass(frozen=True, kw_only=True)
class CountryStop:
    """Return what the country policy says against credit to a customer's country: `answer` hold or refer, the code of the sentence
    and its values."""

    answer: str
    code: str
    numbers: Mapping[str, float | str | date]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values: days as ISO text."""
        plain = {k: v.isoformat() if isinstance(v, date) else v for k, v in self.numbers.items()}
        return {"answer": self.answer, "code": self.code, "numbers": plain}

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> CountryStop:
        """Return what `as_json` gave."""
        numbers = {k: date.fromisoformat(v) if k == "day" else v for k, v in given["numbers"].items()}
        return cls(answer=given["answer"], code=given["code"], numbers=numbers)


def used_by_others(customer_id: str, present: Mapping[str, float], granted: Mapping[str, float]) -> float:
    """Return what the other customers under a cap use: of each the larger of its present use and what it was granted.

    present : exposure (or limit, where limits share the cap) of each customer under the cap. granted : limits that persons
    granted and that hold still; customers that are not in `present` do not count.

    >>> used_by_others("a", {"a": 9.0, "b": 5.0, "c": 4.0}, {"b": 7.0, "x": 100.0})
    11.0
    """
    return math.fsum(max(amount, granted.get(other, 0.0)) for other, amount in present.items() if other != customer_id)
