"""Published numbers measured again: one file a claim; docs/results.md holds what they printed."""
