"""Reports that say whom to call, whom to watch, what cash comes and what a shock would do."""
