"""What a user submits: the sweep, its objective, what an axis may be, and constraints."""
