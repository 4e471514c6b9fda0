"""Families of networks: one file per family."""
