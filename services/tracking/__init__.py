"""Mirrors SQL in MLflow; nothing waits for MLflow, and nothing is read from it."""
