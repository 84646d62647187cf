"""Import LightGBM without scikit-learn, for a process that only serves."""

from __future__ import annotations

import sys


def import_lightgbm() -> None:
    """Import LightGBM as where scikit-learn is not installed; do nothing where either of them is imported already.

    LightGBM imports scikit-learn, and with it scipy.stats, for wrappers of its own that a service does not use: some 0.5 s of
    processor time and tens of megabytes a process. Whoever imports scikit-learn later gets it.
    """
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # Python's way of saying that a module is not to be found
    try:
        import lightgbm  # noqa: F401
    finally:
        del sys.modules["sklearn"]
