"""MLflow's store with plain statements: the database holds what MLflow itself would have written."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow_rows import anonymous, opened, rows
from sqlalchemy import event

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's tables, of ways of SQLAlchemy
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    from services.stack import mlflow_store
    from services.stack.mlflow_store import MirrorStore

PLAIN = ("create_run", "update_run_info", "log_batch", "log_inputs")
FINISHED, KILLED = RunStatus.from_string("FINISHED"), RunStatus.from_string("KILLED")
Scenario = Callable[[Any, str], Any]


def trial(store: Any, **given: Any) -> str:
    usual = {
        "experiment_id": "1",
        "user_id": "",
        "start_time": 5,
        "tags": [RunTag("a", "1"), RunTag("b", "2")],
    }
    run_id: str = store.create_run(**{**usual, "run_name": "t001", **given}).info.run_id
    return run_id


def data(name: str = "mnist", digest: str = "abc") -> DatasetInput:
    return DatasetInput(Dataset(name, digest, "cnnlab", "{}"), [InputTag("mlflow.data.context", "training")])


def points(*values: tuple[str, float, int, int]) -> list[Metric]:
    return [Metric(*value) for value in values]


# ---- what may happen to a run


def usual(store: Any, run_id: str) -> object:
    store.log_inputs(run_id, [data()])
    store.log_batch(run_id, points(("loss", 0.5, 7, 1), ("acc", 0.9, 7, 1)), [Param("lr", "0.1")], [])
    store.log_batch(run_id, points(("loss", 0.25, 9, 2)), [], [RunTag("a", "3"), RunTag("c", "4")])
    store.update_run_info(run_id, FINISHED, 11, None)
    return vars(store.update_run_info(run_id, KILLED, None, None))


def no_finite_values(store: Any, run_id: str) -> None:
    store.log_batch(
        run_id, points(("x", math.nan, 1, 1), ("y", math.inf, 1, 1), ("z", -math.inf, 1, 1)), [], []
    )
    store.log_batch(run_id, points(("x", 2.0, 1, 1), ("y", math.nan, 1, 1), ("z", math.nan, 1, 2)), [], [])


def latest_of_several(store: Any, run_id: str) -> None:
    store.log_batch(run_id, points(("x", 3.0, 4, 2), ("x", 2.0, 5, 1), ("x", 2.5, 4, 2)), [], [])
    store.log_batch(run_id, points(("x", 9.0, 9, 1), ("w", 1.0, 1, 0)), [], [])
    store.log_batch(run_id, points(("x", 1.0, 5, 2), ("w", 1.0, 2, 0)), [], [])


def equal_points(store: Any, run_id: str) -> None:
    twice = points(("x", 1.0, 1, 1), ("x", 1.0, 1, 1), ("x", math.nan, 1, 1), ("x", math.nan, 1, 1))
    store.log_batch(run_id, twice, [], [])


def sent_again(store: Any, run_id: str) -> None:
    for more in ([], points(("y", 1.0, 1, 1))):
        store.log_inputs(run_id, [data()])
        store.log_batch(run_id, points(("x", 1.0, 1, 1)) + more, [Param("lr", "1")], [RunTag("a", "1")])


def equal_tags(store: Any, run_id: str) -> None:
    store.log_batch(run_id, [], [], [RunTag("t", "1"), RunTag("t", "2")])


def other_data(store: Any, run_id: str) -> None:
    store.log_inputs(run_id, [data(digest="new")])
    store.log_inputs(run_id, [data(), data("cifar10")])
    store.log_inputs(run_id, [])
    store.log_inputs(run_id)


def renamed(store: Any, run_id: str) -> None:
    store.log_batch(run_id, [], [], [RunTag("mlflow.runName", "by tag")])
    store.update_run_info(run_id, KILLED, None, "by update")
    store.update_run_info(run_id, None, 12, None)


def of_a_model(store: Any, run_id: str) -> None:
    model = store.create_logged_model("1", source_run_id=run_id, name="net")
    store.log_batch(run_id, [Metric("x", 1.0, 1, 1, model_id=model.model_id)], [], [])


def other_ways_to_create(store: Any, _: str) -> None:
    trial(store, run_name="", tags=[RunTag("mlflow.runName", "from tag")])
    trial(store, run_name="both", tags=[RunTag("mlflow.runName", "both")])
    trial(store, tags=[])


HAPPENS: list[Scenario] = [
    usual,
    no_finite_values,
    latest_of_several,
    equal_points,
    sent_again,
    equal_tags,
    other_data,
    renamed,
    of_a_model,
    other_ways_to_create,
]


@pytest.mark.long
@pytest.mark.parametrize("scenario", HAPPENS, ids=lambda each: each.__name__)
def test_the_database_holds_what_mlflow_would_have_written(
    scenario: Scenario, empty: Path, tmp_path: Path
) -> None:
    found = []
    for kind in SqlAlchemyStore, MirrorStore:
        store = opened(kind, empty, tmp_path)
        returned = anonymous(scenario(store, run_id := trial(store)), run_id)
        store.engine.dispose()
        found.append((returned, rows(tmp_path / f"{kind.__name__}.db")))
    assert found[0] == found[1]


# ---- what is refused


def changed_param(store: Any, run_id: str) -> None:
    store.log_batch(run_id, [], [Param("lr", "0.1")], [])
    store.log_batch(run_id, points(("x", 1.0, 1, 1)), [Param("lr", "0.2"), Param("new", "1")], [])


def deleted_run(store: Any, run_id: str) -> None:
    store.delete_run(run_id)
    store.log_batch(run_id, points(("x", 1.0, 1, 1)), [], [])


def input_of_a_deleted_run(store: Any, run_id: str) -> None:
    store.delete_run(run_id)
    store.log_inputs(run_id, [data()])


def end_of_a_deleted_run(store: Any, run_id: str) -> None:
    store.delete_run(run_id)
    store.update_run_info(run_id, FINISHED, 1, None)


def run_of_a_deleted_experiment(store: Any, _: str) -> None:
    store.delete_experiment("1")
    trial(store)


REFUSED: list[Scenario] = [
    changed_param,
    deleted_run,
    input_of_a_deleted_run,
    end_of_a_deleted_run,
    run_of_a_deleted_experiment,
    lambda store, _: trial(store, experiment_id="77"),
    lambda store, _: trial(store, experiment_id="x"),
    lambda store, _: store.log_batch("f" * 32, [], [Param("lr", "1")], []),
    lambda store, _: store.log_inputs("f" * 32, [data()]),
    lambda store, _: store.update_run_info("f" * 32, FINISHED, 1, None),
    lambda store, run_id: store.log_batch(run_id, points(("bad\nname", 1.0, 1, 1)), [], []),
    lambda store, run_id: store.log_batch(run_id, [], [Param("p", "1"), Param("p", "2")], []),
    lambda store, run_id: store.log_inputs(run_id, [data("n" * 600)]),
]


@pytest.mark.long
@pytest.mark.parametrize("scenario", REFUSED)
def test_what_mlflow_refuses_is_refused_with_its_words_and_leaves_nothing(
    scenario: Scenario, empty: Path, tmp_path: Path
) -> None:
    found = []
    for kind in SqlAlchemyStore, MirrorStore:
        store, run_id = opened(kind, empty, tmp_path), ""
        with pytest.raises(MlflowException) as refused:
            scenario(store, run_id := trial(store))
        store.engine.dispose()
        message = refused.value.message.replace(run_id, "run")
        found.append((refused.value.error_code, message, rows(tmp_path / f"{kind.__name__}.db")))
    assert found[0] == found[1]


# ---- how


def test_a_trial_is_written_without_mlflows_objects(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(MirrorStore, empty, tmp_path)
    for name in PLAIN:
        monkeypatch.delattr(SqlAlchemyStore, name)
    usual(store, trial(store))


def test_each_connection_has_what_mlflow_sets_in_each_session(empty: Path, tmp_path: Path) -> None:
    store = opened(MirrorStore, empty, tmp_path)
    with store.engine.connect() as connection:
        for name in ("foreign_keys", "busy_timeout"):
            (value,) = connection.exec_driver_sql(f"PRAGMA {name}").one()
            assert value == {"ON": 1}.get(mlflow_store.PRAGMAS[name], 20000)
        assert connection.exec_driver_sql("SELECT 'a' LIKE 'A'").one() == (0,)
    store.engine.dispose()


def test_only_the_end_of_a_trial_waits_for_the_disk(empty: Path, tmp_path: Path) -> None:
    store, waits = opened(MirrorStore, empty, tmp_path), []

    def note(connection: Any) -> None:
        level = connection.connection.driver_connection.execute("PRAGMA synchronous").fetchone()
        waits.append(level == (2,))

    event.listen(store.engine, "commit", note)
    run_id = trial(store)
    store.log_inputs(run_id, [data()])
    store.log_batch(run_id, points(("x", 1.0, 1, 1)), [], [])
    store.update_run_info(run_id, FINISHED, 11, None)
    trial(store)
    store.set_tag(run_id, RunTag("a", "5"))  # by MLflow itself
    assert waits == [False, False, True, True, False, True]
