"""The reports that a month's end needs, one module each: a ledger and a day in, a `Report` out."""
