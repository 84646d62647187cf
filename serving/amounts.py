"""Amounts as text: one form is read, and what might mean two numbers is refused with an example."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_PLAIN = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+")
EXPECTED = "must be a number, or text as 11000.50: digits, a point before the decimals, nothing between thousands"
AMBIGUOUS = "may mean thousands or decimals: write 1000 or 1.00 instead of 1.000"


def why_not_plain(text: str) -> str | None:
    """Return what is wrong with an amount as text; None where it is read as it stands.

    >>> why_not_plain("11000.50") is None, why_not_plain("1.000")
    (True, 'may mean thousands or decimals: write 1000 or 1.00 instead of 1.000')
    """
    if _THOUSANDS.fullmatch(text):
        return AMBIGUOUS
    return None if _PLAIN.fullmatch(text) else EXPECTED


def _number(value: Any) -> Any:
    if isinstance(value, str):
        if (why := why_not_plain(value)) is not None:
            raise ValueError(why)
        return float(value)
    return value


Amount = Annotated[float, BeforeValidator(_number, json_schema_input_type=float | str), Field(ge=0, le=1e12)]
PositiveAmount = Annotated[float, BeforeValidator(_number, json_schema_input_type=float | str), Field(gt=0, le=1e12)]
