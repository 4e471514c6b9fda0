"""The array of trials: its net, its rows' formulas, its cost, and choices that conflict."""
