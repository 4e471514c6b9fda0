"""Figures of trials and sweeps as SVG, each in milliseconds and without a plotting library."""
