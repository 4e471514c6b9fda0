"""Is search worth it? Methods replayed on recorded curves, and timed: what each saves, and what it misses."""
