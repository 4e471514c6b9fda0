"""Mirrors SQL in MLflow; nothing waits for MLflow, and nothing is read from it."""

from services.tracking.mlflow_server import TrackingDown
from services.tracking.tracker import Tracker

__all__ = ["Tracker", "TrackingDown"]
