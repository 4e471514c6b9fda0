"""services/api/views/mlflow.py."""

from __future__ import annotations

from services.api.views.mlflow import mlflow_view
from services.settings import Settings
from services.store.mirror_status import MirrorStatus
from services.store.models import MirrorSweep, Sweep


def test_how_much_is_there_and_why_something_is_not(sqlite_settings: Settings) -> None:
    sweep = Sweep(id="s", mirror=MirrorSweep(reason=None))
    status = MirrorStatus(runs=43, of=60, behind_ms=12_340, left_out=1, reason="too long")
    assert mlflow_view(sweep, status, sqlite_settings) is None
    tracked = sqlite_settings.model_copy(update={"mlflow_url": "http://m"})
    view = mlflow_view(sweep, status, tracked)
    assert view is not None
    assert (view.runs, view.of, view.behind_seconds, view.left_out) == (43, 60, 12.3, 1)
    assert view.reason == "too long"
    sweep.mirror.reason = "the sweep"
    again = mlflow_view(sweep, status, tracked)
    assert again is not None
    assert again.reason == "the sweep"
