"""Layers, activations and losses with their way back written out, for reading."""
