"""The reports of `tradecredit report`, one module each."""
