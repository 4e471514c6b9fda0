"""The best trial of a sweep as a model that MLflow loads and serves where this service is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import stage
import torch
from loaded_plugins import plugins_from
from mlflow import MlflowClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from servers.process import free_port
from trained_weights import leave_weights
from worker_process import wait_for

from cnnlab.model_file import model_files, read_best
from services.model_export import writing
from services.model_export.writing import NotWritten
from services.settings import Settings
from services.store import leaderboard, mirror, mirror_due, sweeps, trials
from services.store.mirror import MirrorLease
from services.store.session import Store
from services.tracking import logged_model
from services.tracking.mlflow_server import Server
from services.tracking.model_server import ModelServer
from services.tracking.tracker import Tracker

OWN_NETS = Path(__file__).parents[2] / "own_zoo"
INSTALLED = ("mlflow-skinny", "pandas", "numpy", "torch")  # of MLflow what loads a model, which needs pandas
WITHOUT_CNNLAB = """
import json, sys
for name in json.loads(sys.argv[3]):
    sys.modules[name] = None  # whoever imports it fails
import logging, mlflow, numpy
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
images = numpy.arange(2 * 784, dtype="float32").reshape(2, 1, 28, 28) % 256
example = model.input_example
print(json.dumps([model.predict(images).tolist(), model.predict(example).shape, model.metadata.metadata]))
"""


def required_by(roots: Iterable[str]) -> set[str]:
    """Distributions and all that they require, as their metadata say, without extras."""
    found: set[str] = set()
    waiting = [canonicalize_name(root) for root in roots]
    while waiting:
        name = waiting.pop()
        if name in found or not is_installed(name):
            continue
        found.add(name)
        needs = [Requirement(text) for text in metadata.requires(name) or []]
        waiting += [
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    return found


def is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def not_required_by(roots: Iterable[str]) -> list[str]:
    """The packages of this environment that one with these distributions alone would not have."""
    kept = required_by(roots)
    return sorted(
        package
        for package, owners in metadata.packages_distributions().items()
        if kept.isdisjoint(map(canonicalize_name, owners))
    )


class Mirrored:
    """A sweep that has ended, its best trial with real weights, in MLflow."""

    def __init__(self, store: Store, settings: Settings, loss: str = "softmax", **changes: Any) -> None:
        self.store, self.settings = store, settings
        spec = {"model": {"name": "mlp", "hidden": [6]}, "train": {"epochs": 6, "loss": loss}} | changes
        self.sweep_id = stage.add(store, project=uuid.uuid4().hex[:8], **spec)
        stage.Worker(store, stage.accuracy).finish(self.sweep_id)
        sweep = store.read(lambda s: sweeps.get(s, self.sweep_id))
        objective = sweep.spec.objective
        winner = store.read(lambda s: leaderboard.winner(s, self.sweep_id, objective))
        assert winner is not None
        self.trial_id = winner
        self.config = leave_weights(store, settings.files, self.trial_id, trains=False)
        self.send()

    def send(self) -> None:
        """Bring MLflow up to date, with files."""
        tracker = Tracker(self.store, self.settings, "test")
        tracker.mirror(self.sweep_id)
        tracker.send_files(self.sweep_id)

    @property
    def client(self) -> MlflowClient:
        """MLflow."""
        return MlflowClient(self.settings.mlflow_url)

    def models(self) -> list[Any]:
        """The sweep's models."""
        sweep = self.store.read(lambda s: sweeps.get(s, self.sweep_id))
        return list(self.client.search_logged_models([sweep.mirror.experiment_id]))

    def run(self) -> Any:
        """The best trial's run."""
        trial = self.store.read(lambda s: trials.get(s, self.trial_id))
        return self.client.get_run(trial.mirror.run_id)

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """What the weights give."""
        trained = read_best(self.settings.files / f"{self.trial_id}.safetensors", self.config, "")
        scores: torch.Tensor = model_files(trained).net()(images).detach()
        return scores


@pytest.fixture
def tracked(sqlite_settings: Settings, mlflow_url: str) -> Settings:
    return sqlite_settings.model_copy(update={"mlflow_url": mlflow_url})


def without_cnnlab(code: str, *given: str) -> Any:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    missing = json.dumps(not_required_by(INSTALLED))
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", code, *given, missing],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_best_trial_is_a_model_that_loads_without_this_service(
    sqlite_store: Store, tracked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Mirrored(sqlite_store, tracked)
    (model,) = lab.models()
    assert model.status == "READY"
    assert model.source_run_id == lab.run().info.run_id
    assert model.tags["trial.id"] == lab.trial_id
    assert [each.value for each in model.metrics] == [0.9]
    assert "files.left_out" not in lab.run().data.tags
    assert [each.model_id for each in lab.run().outputs.model_outputs] == [model.model_id]

    given, shape, metadata = without_cnnlab(
        WITHOUT_CNNLAB, str(tracked.mlflow_url), f"models:/{model.model_id}"
    )
    images = torch.arange(2 * 784).view(2, 1, 28, 28).float() % 256
    torch.testing.assert_close(torch.tensor(given), lab.scores(images).softmax(1), rtol=0, atol=1e-6)
    assert shape == [1, 10]
    assert metadata["class_names"][3] == "kind 3"

    monkeypatch.setattr(writing, "write", lambda *_, **__: pytest.fail("its files are written again"))
    sqlite_store.write(lambda s: _forget(s, lab))
    lab.send()
    assert "files.left_out" not in lab.run().data.tags
    assert [each.model_id for each in lab.models()] == [model.model_id], "it was sent a second time"


def test_the_environment_of_a_loaded_model_has_nothing_else() -> None:
    missing = {*not_required_by(INSTALLED)}
    assert {"cnnlab", "services", "safetensors", "onnx", "PIL", "pyarrow", "sqlalchemy", "pytest"} <= missing
    assert not missing & {"mlflow", "torch", "numpy", "pandas", "yaml", "sympy", "google"}
    with pytest.raises(AssertionError, match="import of PIL halted"):
        without_cnnlab(WITHOUT_CNNLAB.replace("import logging", "import PIL, logging"), "", "")


@pytest.mark.long
def test_a_module_of_one_s_own_loads_there_too(sqlite_store: Store, tracked: Settings) -> None:
    with plugins_from(OWN_NETS):
        lab = Mirrored(sqlite_store, tracked, model="small-lenet", space={"train.l2": [0, 0.001]})
        images = torch.arange(2 * 784).view(2, 1, 28, 28).float() % 256
        expected = lab.scores(images).softmax(1)
    (model,) = lab.models()
    assert model.status == "READY", lab.run().data.tags
    given, shape, _ = without_cnnlab(WITHOUT_CNNLAB, str(tracked.mlflow_url), f"models:/{model.model_id}")
    torch.testing.assert_close(torch.tensor(given), expected, rtol=0, atol=1e-6)
    assert shape == [1, 10]


def _forget(session: Any, lab: Mirrored) -> None:
    """Let MLflow's files of the sweep be wanted again, as after a process that was killed."""
    lease = MirrorLease(lab.sweep_id, "test", 30)
    assert mirror.take(session, lease)
    mirror_due.want_files(session, lease, [lab.trial_id])
    mirror.release(session, lease)


def test_a_loss_without_probabilities_gives_scores(sqlite_store: Store, tracked: Settings) -> None:
    lab = Mirrored(sqlite_store, tracked, loss="svm")
    (model,) = lab.models()
    given, _, metadata = without_cnnlab(WITHOUT_CNNLAB, str(tracked.mlflow_url), f"models:/{model.model_id}")
    images = torch.arange(2 * 784).view(2, 1, 28, 28).float() % 256
    torch.testing.assert_close(torch.tensor(given), lab.scores(images), rtol=1e-6, atol=1e-6)
    assert metadata["gives"] == "scores"


def test_a_model_that_a_killed_process_began_is_finished(
    sqlite_store: Store, tracked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ModelServer, "upload", lambda *_: (_ for _ in ()).throw(ValueError("killed")))
        lab = Mirrored(sqlite_store, tracked)
    (begun,) = lab.models()
    assert begun.status == "PENDING"
    assert "model: " in lab.run().data.tags["files.left_out"]
    sqlite_store.write(lambda s: _forget(s, lab))
    lab.send()
    (model,) = lab.models()
    assert (model.model_id, model.status) == (begun.model_id, "READY")


def test_it_is_written_by_the_tracker_s_writer(
    sqlite_store: Store, tracked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def write(*_: object, writer: object, **__: object) -> None:
        given.append(writer)
        raise NotWritten("there is a writer of paper only")

    monkeypatch.setattr(writing, "write", write)
    lab = Mirrored(sqlite_store, tracked)
    sqlite_store.write(lambda s: _forget(s, lab))
    writer: Any = object()
    Tracker(sqlite_store, tracked, "upkeep", writer).send_files(lab.sweep_id)
    assert given == [None, writer]
    assert "there is a writer of paper only" in lab.run().data.tags["files.left_out"]


def test_all_runs_have_ended_before_the_model_is_written(
    sqlite_store: Store, tracked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    labs: list[Mirrored] = []
    shown: list[set[str]] = []

    def do_rounds(lab: Mirrored) -> None:
        labs.append(lab)
        tracker = Tracker(sqlite_store, tracked, "upkeep")
        while tracker.round(lambda: False):
            pass

    def write(*_: object, **__: object) -> None:
        sweep = sqlite_store.read(lambda s: sweeps.get(s, labs[0].sweep_id))
        runs = labs[0].client.search_runs([sweep.mirror.experiment_id])
        assert len(runs) > 1, "the sweep's run and those of its trials"
        shown.append({run.info.status for run in runs})
        raise NotWritten("on paper")

    monkeypatch.setattr(Mirrored, "send", do_rounds)
    monkeypatch.setattr(writing, "write", write)
    Mirrored(sqlite_store, tracked)
    assert shown == [{"FINISHED"}]


def test_why_there_is_no_model_is_in_the_run(
    sqlite_store: Store, tracked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged_model, "MAX_UPLOAD_BYTES", 10)
    lab = Mirrored(sqlite_store, tracked)
    assert lab.models() == []
    assert "has more than 10 bytes" in lab.run().data.tags["files.left_out"]


@pytest.mark.long
def test_mlflow_serves_it_and_registers_it_once(
    sqlite_store: Store, tracked: Settings, tmp_path: Path
) -> None:
    lab = Mirrored(sqlite_store, tracked)
    models = ModelServer(Server(str(tracked.mlflow_url)))
    found = models.find(lab.models()[0].experiment_id, logged_model.key(lab.trial_id))
    assert found is not None
    name = f"winner {uuid.uuid4().hex[:6]}"
    version = models.register(found, name, "the best")
    assert models.register(found, name, "the best") == version == "1"
    models.set_alias(name, version, "champion")

    port = free_port()
    programs = Path(sys.executable).parent
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {
        "MLFLOW_TRACKING_URI": str(tracked.mlflow_url),
        "PATH": f"{programs}:{environment['PATH']}",  # it starts another program by its name
    }
    server = subprocess.Popen(
        [str(programs / "mlflow"), "models", "serve", "-m", f"models:/{name}@champion",
         "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"],
        cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: _alive(port), 120, "the model's server")
        images = torch.arange(784).view(1, 1, 28, 28).float() % 256
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps({"inputs": images.tolist()}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            given = json.load(answer)["predictions"]
    finally:
        server.terminate()
        server.wait(30)
    torch.testing.assert_close(torch.tensor(given), lab.scores(images).softmax(1), rtol=0, atol=1e-6)


def _alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
