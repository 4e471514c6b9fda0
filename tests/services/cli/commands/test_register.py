"""services/cli/commands/register.py: refusals; with a real MLflow it is in the tests of the route."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from served_weights import KEY, ServedWeights, served_weights

from services.settings import Settings
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lab(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[ServedWeights]:
    with served_weights(sqlite_store, sqlite_settings) as served:
        yield served


def test_without_mlflow_it_says_so(run: Run, lab: ServedWeights) -> None:
    code, _, err = run("register", lab.sweep_id, "--as", "clothes", "--url", lab.url, "--key", KEY)
    assert code == 1
    assert "CNNLAB_MLFLOW_URL is not set" in err
