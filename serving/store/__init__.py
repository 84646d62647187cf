"""The service's store: one SQLite file, or a PostgreSQL database that several replicas share."""

from serving.store.store import Store, StoreUnavailable

__all__ = ["Store", "StoreUnavailable"]
