"""Rules that update weights: one file per rule."""
