"""Figures of trials and sweeps, one kind per file, drawn without a display and without global state."""
