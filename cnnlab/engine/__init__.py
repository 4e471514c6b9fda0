"""The array of trials: its net, its rows' formulas, what it costs, and what cannot go together."""
