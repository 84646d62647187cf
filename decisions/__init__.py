"""Pure functions from scores and a policy to a decision."""
