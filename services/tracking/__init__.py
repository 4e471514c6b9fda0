"""MLflow as a projection of SQL: whoever exports brings it up to date, and nothing waits for it."""

from services.tracking.mlflow_server import TrackingDown
from services.tracking.tracker import Tracker

__all__ = ["Tracker", "TrackingDown"]
