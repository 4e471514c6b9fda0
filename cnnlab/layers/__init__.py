"""Functions of the activations of K trials: one file per layer."""
