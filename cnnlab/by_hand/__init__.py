"""Layers, activations and losses with their way back written out, for cnnlab/by_hand/backprop.py: for reading."""
