"""Maps between activations of K trials: one file per layer."""
