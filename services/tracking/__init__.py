"""Mirrors SQL in MLflow; nothing waits for MLflow, and nothing is read from it."""

from services.tracking.mlflow_server import TrackingDown
from services.tracking.tracker import TURN_SECONDS, Tracker

__all__ = ["TURN_SECONDS", "Tracker", "TrackingDown"]
