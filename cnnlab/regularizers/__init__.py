"""Penalties in the objective, and changes of weights outside of it: one file per regularizer."""
