"""A sweep is taken as a whole or refused with words that help; nothing lies between."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import func, select, text

from cnnlab.datasets.fashion_mnist_mini import FashionMnistMini
from services.api.app import make_app
from services.api.routes import sweeps as sweeps_route
from services.settings import Settings
from services.store import sweeps
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store
from services.upkeep.settle import settle


def rows(store: Store, table: type[Any]) -> int:
    return store.read(lambda session: session.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_sweep_is_written_answered_and_then_dispatched(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    answer = api.post("/v1/sweeps", json=spec)
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert answer.headers["Location"] == f"/v1/sweeps/{view['id']}"
    assert view["state"] == "active"
    assert view["trials"] | {"total": 4, "pending": 4} == view["trials"]
    assert view["epochs"] == {"done": 0, "total": 8, "reused": 0}
    assert [axis["path"] for axis in view["axes"]] == ["train.optimizer", "model.dropout"]
    assert view["shapes"][0]["parameters"] == 61_706
    assert "no worker is running" in view["blocked_by"]
    # The background task ran after the answer; Redis is away, so the pack is formed and not announced.
    pack = store.read(lambda session: session.scalars(select(Pack)).one())
    assert (pack.state, pack.sent_at) == ("queued", None)
    assert api.get(f"/v1/sweeps/{view['id']}").json()["trials"]["queued"] == 4


def test_each_pack_is_announced_in_redis(
    sqlite_settings: Settings, redis_url: str, spec: dict[str, Any]
) -> None:
    settings = sqlite_settings.model_copy(
        update={
            "redis_url": SecretStr(redis_url),
            "queue_prefix": "submit-test:",
            "api_key": SecretStr("k" * 20),
        }
    )
    with TestClient(make_app(settings), headers={"Authorization": f"Bearer {'k' * 20}"}) as api:
        assert api.post("/v1/sweeps", json=spec).status_code == 201
        assert api.get("/ready").json() == {"status": "ready", "sql": "ok", "redis": "ok", "plugins": "ok"}
    with redis.Redis.from_url(redis_url) as queue:
        assert queue.llen("submit-test:train.cpu") == 1


def test_a_failing_dispatch_leaves_the_answer_alone(
    sqlite_api: TestClient,
    sqlite_store: Store,
    spec: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> int:
        raise RuntimeError("no window today")

    monkeypatch.setattr("services.api.submission.dispatch", fail)
    assert sqlite_api.post("/v1/sweeps", json=spec).status_code == 201
    assert rows(sqlite_store, Sweep) == 1
    assert "upkeep will do it" in caplog.text


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown field": ({"modle": {}}, "/modle", "Did you mean 'model'?"),
    "unknown field inside": ({"objective": {"metrc": "x"}}, "/objective/metrc", "Did you mean 'metric'?"),
    "unknown model": ({"model": {"name": "lenet6"}}, "/model", "Did you mean 'lenet5'"),
    "unknown data set": ({"data": "fashion-mnst"}, "/data", "Did you mean 'fashion-mnist"),
    "unknown hyperparameter": ({"model": {"name": "lenet5", "dropot": 0}}, "/model/dropot", "'dropout'"),
    "unknown field of train": ({"train": {"epoch": 3}}, "/train/epoch", "'epochs'"),
    "unknown optimizer": ({"space": {"train.optimizer": ["sgd", "adma"]}},
                          "/space/train.optimizer/1", "'adam'"),
    "unknown axis": ({"space": {"model.dropot": [0]}}, "/space/model.dropot", "mean 'model.dropout'?"),
    "unknown search": ({"search": "gird"}, "/search", "Did you mean 'grid'?"),
    "no model": ({"model": None}, "/model", "is missing"),
    "wrong type": ({"model": 5}, "/model", "got 5"),
    "text for a number": ({"train": {"epochs": "three"}}, "/train/epochs", "must be an integer"),
    "true for a number": ({"train": {"l2": True}}, "/train/l2", "must be a number"),
    "beyond what the user wrote": ({"model": "lenet5", "space": {"model.activation": ["rleu"]}},
                                   "/space/model.activation/0", "Did you mean 'relu'?"),
    "value out of range": ({"space": {"dropout": [0, 1.5]}}, "/space/dropout/1", "from 0 to 1, got 1.5"),
    "axis without values": ({"space": {"dropout": []}}, "/space/dropout", "at least one"),
    "axis with a value twice": ({"space": {"dropout": [0.5, 0.5]}}, "/space/dropout", "twice"),
    "range without steps": ({"space": {"dropout": {"uniform": [0, 0.5]}}}, "/space/dropout", "random"),
    "random search without an end": ({"search": "random"}, "", "needs max_trials"),
    "range without ends": ({"space": {"dropout": {"log_uniform": []}}},
                           "/space/dropout/log_uniform", "[low, high]"),
    "constraint of no axis": ({"constraints": ["droput < 1"]}, "/constraints/0", "droput is not an axis"),
    "axis of a thousand and one": ({"space": {"dropout": [i / 1e4 for i in range(1001)]}, "max_trials": 2000},
                                   "/space/dropout", "at most 1000 are allowed"),
    "more trials than the limit": ({"space": {"dropout": [i / 100 for i in range(50)],
                                              "train.l2": [i / 100 for i in range(50)]}},
                                   "/space", "set max_trials: 2500"),
    "more trials than max_trials": ({"max_trials": 3}, "/max_trials", "4 points"),
    "no epochs": ({"train": {"epochs": 0}}, "/train/epochs", "from 1 to"),
    "a net and a batch that do not fit": ({"model": {"name": "lenet5", "norm": "batch"},
                                           "train": {"batch_size": 1}}, "/train/batch_size", "at least 2"),
    "negative seed": ({"seed": -1}, "/seed", "greater than or equal to 0"),
    "name of two lines": ({"name": "a\nb"}, "/name", "must be one line"),
    "unknown metric": ({"objective": {"metric": "accuracy"}}, "/objective/metric", "followed by one of"),
    "misspelt metric": ({"objective": "val/accuracy"}, "/objective/metric", "Did you mean 'val/acc'?"),
    "a loss to maximize": ({"objective": {"metric": "val/loss", "goal": "maximize"}},
                           "/objective", "to minimize it"),
    "nothing to rank by": ({"data": {"name": "fashion-mnist-mini", "validation": 0}},
                           "/data/validation", "above 0"),
    "too small a part": ({"data": {"name": "fashion-mnist-mini", "validation": 1e-5}},
                         "/data/validation", "at least"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_spec_is_refused_at_its_place_and_leaves_no_row(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], case: str
) -> None:
    changes, pointer, words = copy.deepcopy(REFUSED[case])
    answer = sqlite_api.post("/v1/sweeps", json=spec | changes)
    assert answer.status_code == 422, answer.text
    told = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert words in told[pointer]
    assert [rows(sqlite_store, table) for table in (Sweep, Trial, Pack)] == [0, 0, 0]


def test_a_list_of_sweeps_whose_id_begins_so(api: TestClient, spec: dict[str, Any]) -> None:
    ids = {api.post("/v1/sweeps", json=spec).json()["id"] for _ in range(3)}
    for one in ids:
        for digits in (1, 5, 10):
            page = api.get("/v1/sweeps", params={"id": one[:digits]}).json()["sweeps"]
            assert {sweep["id"] for sweep in page} == {each for each in ids if each[:digits] == one[:digits]}
    assert api.get("/v1/sweeps", params={"id": "fg"}).status_code == 422


def test_several_faults_are_listed_at_once(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    del spec["name"]
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"seed": "x", "sede": 1})
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/seed", "/sede"}
    assert "(and 2 more)" in answer.json()["detail"]


def test_faults_of_form_and_of_meaning_are_listed_at_once(sqlite_api: TestClient) -> None:
    document: dict[str, Any] = {
        "name": "größe ",
        "sede": 1,
        "modle": {},
        "model": "lenet5",
        "data": "fashion-mnist-mini",
        "train": {"annealing": 3, "nesterov": True, "epochs": 0},
        "space": {"learning_rate": [0.1], "dropout": [0.1, 7]},
        "constraints": ["dropout <"],
    }
    for params in ({}, {"dry_run": "true"}):
        answer = sqlite_api.post("/v1/sweeps", json=document, params=params)
        assert answer.status_code == 422
        assert {error["pointer"] for error in answer.json()["errors"]} == {
            *("/name", "/sede", "/modle", "/train/annealing", "/train/nesterov", "/train/epochs"),
            *("/space/learning_rate", "/space/dropout/1", "/constraints/0"),
        }
        assert "(and 8 more)" in answer.json()["detail"]


NO_VALIDATION = {"name": "fashion-mnist-mini", "validation": 0}


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"data": "mnit", "space": {"lr": {"choice": [1], "stp": 1}}}, {"/data", "/space/lr/stp"}),
        ({"model": 3, "train": {"epochs": 0}}, {"/model", "/train/epochs"}),
        ({"space": {"lr": {"int": [2, 1]}, "l2": [-1]}, "constraints": ["lr < 1", "l2 <"]},
         {"/space/lr", "/space/l2/0", "/constraints/1"}),
        ({"space": {"dropout": {"uniform": [0, 1]}, "l2": [-1]}, "search": "random", "max_trials": 0},
         {"/max_trials", "/space/l2/0"}),
        ({"space": {"dropout": {"uniform": [0, 1]}, "l2": [-1]}, "search": 3}, {"/search", "/space/l2/0"}),
        ({"space": [], "constraints": ["lr < 1"], "train": {"annealing": 3}}, {"/space", "/train/annealing"}),
        ({"space": {"l2": [-1], "dropout": [0.1]}, "constraints": [1], "zip": [["l2"]]},
         {"/constraints/0", "/zip/0", "/space/l2/0"}),
        ({"train": [], "objective": "val/accc"}, {"/train", "/objective/metric"}),
        ({"objective": {"metric": "train/loss", "at": "end"}, "data": NO_VALIDATION}, {"/objective/at"}),
        ({"seeds": 0, "objective": "val/accc"}, {"/seeds", "/objective/metric"}),
    ],
)  # fmt: skip
def test_a_fault_of_form_hides_no_fault_of_the_rest(
    sqlite_api: TestClient, fields: dict[str, Any], places: set[str]
) -> None:
    document = {"name": "a", "model": "lenet5", "data": "fashion-mnist-mini"} | fields
    errors = sqlite_api.post("/v1/sweeps", json=document).json()["errors"]
    assert sorted(error["pointer"] for error in errors) == sorted(places)


def test_choices_that_depend_on_one_another_are_counted_before_they_are_tried(
    sqlite_api: TestClient, spec: dict[str, Any]
) -> None:
    space = {
        "train.optimizer": ["nesterov", "momentum"],
        "train.optimizer.lr": [i / 1000 for i in range(1, 600)],
        "train.optimizer.momentum": [i / 10 for i in range(9)],
    }
    answer = sqlite_api.post("/v1/sweeps", json=spec | {"space": space, "max_trials": 100_000})
    assert answer.status_code == 422
    assert "more than 5000" in answer.json()["detail"]


def test_images_too_small_for_the_architecture_are_refused_at_the_counter(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = dataclasses.replace(FashionMnistMini.facts, shape=(1, 8, 8))
    monkeypatch.setattr(FashionMnistMini, "info", lambda self, data: tiny)
    answer = sqlite_api.post("/v1/sweeps", json=spec)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error == {"pointer": "/model", "detail": "lenet5 needs images of at least 28×28, got 8×8"}
    assert rows(sqlite_store, Sweep) == 0


@pytest.mark.parametrize("column", ["plan", "spec"])
def test_a_sweep_that_cannot_be_read_is_listed_and_cancelled(
    api: TestClient, settings: Settings, store: Store, spec: dict[str, Any], column: str
) -> None:
    """Its row may have been written by another version; the others are shown as ever."""
    key = SecretStr(api.headers["Authorization"].removeprefix("Bearer "))
    another_process = make_app(settings.model_copy(update={"api_key": key}))
    with TestClient(another_process, headers=api.headers) as other:  # it keeps the plans that it has read
        bad, good = (other.post("/v1/sweeps", json=spec).json()["id"] for _ in range(2))
    broken = text(f"UPDATE sweeps SET {column} = '{{\"x\": 1}}' WHERE id = :id")
    store.write(lambda session: session.execute(broken, {"id": bad}))
    listed = {sweep["id"]: sweep for sweep in api.get("/v1/sweeps").json()["sweeps"]}
    assert "cannot be read" not in listed[good]["blocked_by"]
    assert f"the {column} of sweep {bad} cannot be read" in listed[bad]["blocked_by"]
    assert (listed[bad]["name"], listed[bad]["trials"]["total"]) == ("small", 4)
    shown = api.get(f"/v1/sweeps/{bad}").json()
    assert shown["blocked_by"] == shown["blockers"][0]["message"] == listed[bad]["blocked_by"]
    assert shown["blockers"][0]["kind"] == "set-aside"
    for path in ("leaderboard", "best", "trials", "export/trials", "export/curves"):
        answer = api.get(f"/v1/sweeps/{bad}/{path}")
        assert answer.status_code in (200, 404, 409), (path, answer.text)
        if path == "trials" and column == "plan":
            assert answer.status_code == 409
            assert f"the plan of sweep {bad} cannot be read" in answer.json()["detail"]
    for verb, state in (("pause", "paused"), ("resume", "active"), ("cancel", "cancelling")):
        assert api.post(f"/v1/sweeps/{bad}/{verb}").json()["state"] == state
    assert settle(store) == 1
    assert api.get(f"/v1/sweeps/{bad}").json()["state"] == "cancelled"


def test_an_answer_can_wait_for_the_end_of_a_sweep(
    api: TestClient, store: Store, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps_route, "LEAST_LOOK_SECONDS", 0.01)
    identity = api.post("/v1/sweeps", json=spec).json()["id"]
    api.post(f"/v1/sweeps/{identity}/cancel")
    looks: list[bool] = []
    is_over = sweeps.is_over

    def seen(session: Session, sweep_id: str) -> bool:
        if len(looks) == 3:
            sweeps.settle(session, sweep_id)
        looks.append(is_over(session, sweep_id))
        return looks[-1]

    monkeypatch.setattr(sweeps, "is_over", seen)
    assert api.get(f"/v1/sweeps/{identity}?wait=60").json()["state"] == "cancelled"
    assert looks == [False, False, False, True]
    assert api.get(f"/v1/sweeps/{identity}?wait=60").json()["state"] == "cancelled", "at once"
    assert len(looks) == 5


def test_an_answer_waits_no_longer_than_it_should_and_not_beyond_the_apis_own_end(
    api: TestClient, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps_route, "LEAST_LOOK_SECONDS", 0.01)
    identity = api.post("/v1/sweeps", json=spec).json()["id"]
    assert api.get(f"/v1/sweeps/{identity}?wait=0.05").json()["state"] == "active"
    assert api.get(f"/v1/sweeps/{identity}?wait=0").json()["state"] == "active"
    api.app.state.services.shutdown.request()  # type: ignore[attr-defined]
    assert api.get(f"/v1/sweeps/{identity}?wait=60").json()["state"] == "active"


def test_an_answer_does_not_wait_for_the_next_look(
    api: TestClient, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    honest = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await honest(0)

    identity = api.post("/v1/sweeps", json=spec).json()["id"]
    monkeypatch.setattr(sweeps_route, "LEAST_LOOK_SECONDS", 30.0)
    monkeypatch.setattr(sweeps_route, "MOST_LOOK_SECONDS", 30.0)
    monkeypatch.setattr(sweeps_route, "asyncio", SimpleNamespace(sleep=sleep))
    assert api.get(f"/v1/sweeps/{identity}?wait=0.05").json()["state"] == "active"
    assert pauses
    assert max(pauses) <= 0.05


def test_nobody_waits_for_a_sweep_that_is_not_there(api: TestClient) -> None:
    answer = api.get("/v1/sweeps/0000000000?wait=60")
    assert (answer.status_code, "no sweep '0000000000'" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("wait", ["-1", "60.1", "soon", "", "nan", "inf"])
def test_a_time_to_wait_is_refused_with_what_would_be_right(
    api: TestClient, spec: dict[str, Any], wait: str
) -> None:
    identity = api.post("/v1/sweeps", json=spec).json()["id"]
    answer = api.get(f"/v1/sweeps/{identity}", params={"wait": wait})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["detail"].startswith("query parameter wait: input should be ")
    assert fault["detail"].endswith(f"got {wait!r}")
