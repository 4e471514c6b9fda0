"""Chores that keep sweeps moving, whoever was killed."""
