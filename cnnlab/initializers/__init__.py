"""First weights: one file per rule."""
