"""The plan of a sweep: its axes, shapes and packs, and the trial of each number."""
