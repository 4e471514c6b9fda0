"""A database of MLflow, which takes seconds to make."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's tables, of ways of SQLAlchemy
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore


@pytest.fixture(scope="package")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one experiment and a run that was trained on MNIST."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    store = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
    assert store.create_experiment("grid") == "1"
    run_id = store.create_run("1", "", 5, [], "t001").info.run_id
    tags = [InputTag("mlflow.data.context", "training")]
    store.log_inputs(run_id, [DatasetInput(Dataset("mnist", "abc", "cnnlab", "{}"), tags)])
    store.engine.dispose()
    return path
