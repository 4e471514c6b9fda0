"""What a user submits: the sweep, its objective, the forms of its axes, and constraints."""
