"""Rules that move weights: one file per rule."""
