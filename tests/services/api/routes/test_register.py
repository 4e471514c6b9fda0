"""POST /v1/sweeps/{id}/register, with a real MLflow."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from mlflow import MlflowClient
from served_weights import KEY, ServedWeights, served_weights

from services.settings import Settings
from services.store.session import Store
from services.tracking.tracker import Tracker


class Registry:
    """The API over a sweep that MLflow may have."""

    def __init__(self, lab: ServedWeights, settings: Settings) -> None:
        self.lab, self.settings = lab, settings

    def mirror(self) -> None:
        """Bring MLflow up to date, with files."""
        tracker = Tracker(self.lab.store, self.settings, "test")
        tracker.mirror(self.lab.sweep_id)
        tracker.send_files(self.lab.sweep_id)

    def register(self, **body: Any) -> tuple[int, dict[str, Any]]:
        """Post it; status and answer."""
        request = urllib.request.Request(
            f"{self.lab.url}/v1/sweeps/{self.lab.sweep_id}/register",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture
def registry(sqlite_store: Store, sqlite_settings: Settings, mlflow_url: str) -> Iterator[Registry]:
    settings = sqlite_settings.model_copy(update={"mlflow_url": mlflow_url})
    with served_weights(sqlite_store, settings, project=uuid.uuid4().hex[:8]) as lab:
        yield Registry(lab, settings)


def test_the_winner_becomes_a_version_that_an_alias_leads_to(registry: Registry, mlflow_url: str) -> None:
    name = f"clothes {uuid.uuid4().hex[:6]}"
    status, answer = registry.register(name=name)
    assert status == 409
    assert "is not in MLflow: it gets there once the sweep has ended" in answer["detail"]

    registry.mirror()
    status, answer = registry.register(name=name, alias="champion")
    assert status == 200, answer
    assert (answer["trial"], answer["version"]) == (registry.lab.trial_id, "1")
    assert answer["uri"] == f"models:/{name}@champion"
    version = MlflowClient(mlflow_url).get_model_version_by_alias(name, "champion")
    assert registry.lab.trial_id in version.description
    assert registry.register(name=name)[1]["version"] == "1", "the same model is the same version"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "x" * 200}, "name"),
        ({"name": 3}, "name"),
        ({}, "name"),
        ({"name": "a", "alias": "latest"}, "'latest' is a version to MLflow"),
        ({"name": "a", "alias": "v3"}, "'v3' is a version to MLflow"),
        ({"name": "a", "alias": "the best"}, "alias"),
        ({"name": "a", "stage": "x"}, "no field 'stage' here"),
    ],
    ids=str,
)
def test_names_that_mlflow_refuses_are_refused_before(
    registry: Registry, body: dict[str, Any], said: str
) -> None:
    status, answer = registry.register(**body)
    assert status == 422
    assert said in json.dumps(answer)


def test_a_sweep_without_a_result_is_refused(registry: Registry) -> None:
    import stage

    empty = stage.add(registry.lab.store)
    registry.lab = ServedWeights(registry.lab.url, registry.lab.store, empty, "", {})
    status, answer = registry.register(name="a")
    assert status == 409
    assert "has no best trial: it is active" in answer["detail"]
