"""A link to a run is there once the run is, and only if MLflow's address is known."""

from __future__ import annotations

import pytest

from services.api.views.run_link import run_link
from services.settings import Settings


def test_the_run_is_linked(sqlite_settings: Settings) -> None:
    settings = sqlite_settings.model_copy(update={"mlflow_url": "http://mlflow:5500/"})
    address = run_link(settings, "7", "f00")
    assert address is not None
    assert address.startswith("http://mlflow:5500/#/experiments/7/runs/f00")


@pytest.mark.parametrize(
    ("mlflow", "experiment", "run"),
    [
        (None, "7", "f00"),
        ("http://mlflow", None, "f00"),
        ("http://mlflow", "7", None),
        ("http://mlflow", "7", ""),
    ],
)
def test_without_one_of_the_three_there_is_no_link(
    sqlite_settings: Settings, mlflow: str | None, experiment: str | None, run: str | None
) -> None:
    settings = sqlite_settings.model_copy(update={"mlflow_url": mlflow})
    assert run_link(settings, experiment, run) is None
