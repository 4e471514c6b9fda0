"""Penalties added to the objective: one file per penalty."""
