"""Layers, activations and losses with their backward pass written out, for reading."""
