"""The best trial of a sweep as a model of MLflow, which loads and serves it without any of this service."""

from __future__ import annotations

import json
import math
import platform
import re
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import yaml

from services.domain.plan.plan import Plan
from services.domain.spec.objective import Objective
from services.model_export import writing
from services.model_export.writer_process import ModelWriter
from services.model_export.writing import NotWritten, WrittenModel
from services.store.mirror import MeasuredTrial
from services.store.mirror_failures import reason_of
from services.tracking import links
from services.tracking.mlflow_server import MAX_UPLOAD_BYTES, Gone, MlflowRun, Server, TrackingDown
from services.tracking.model_server import ModelServer
from services.tracking.run_change import MetricPoint
from services.tracking.trial_run import ID_TAG

LOADER, CODE, DATA = "net_of_pixels", "code", "data"
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")  # MLflow refuses some characters in names of models

LOADER_CODE = '''"""Loads model.py with its weights for mlflow.pyfunc: arrays of pixels in, {gives} out."""

import importlib.util
from pathlib import Path

import numpy as np
import torch


class NetOfPixels:
    """The net of a folder with model.py and what it reads."""

    def __init__(self, folder):
        spec = importlib.util.spec_from_file_location("trained_net", Path(folder) / "model.py")
        code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(code)
        self.net = code.load()

    def predict(self, images, params=None):
        """Return {gives} (N, {classes}) of pixels 0 … 255, (N, C, H, W)."""
        with torch.no_grad():
            scores = self.net(torch.from_numpy(np.array(images, dtype=np.float32))).float()
        return {returned}.numpy()


def _load_pyfunc(folder):
    return NetOfPixels(folder)
'''


def send(
    server: Server,
    run: MlflowRun,
    plan: Plan,
    objective: Objective,
    found: MeasuredTrial,
    weights: Path,
    writer: ModelWriter | None = None,
) -> str | None:
    """Log the model of a trial, once; why it cannot be made, None if MLflow has it."""
    trial, models = found.trial, ModelServer(server)
    if weights.stat().st_size > MAX_UPLOAD_BYTES:
        return f"model: {weights.name} has more than {MAX_UPLOAD_BYTES} bytes"
    tags = key(trial.id)
    model = models.find(run.experiment_id, tags)
    if model and model.ready:
        return None
    title = f"Trial {trial.id}: {plan.labels.label(trial.values)}"
    try:
        with tempfile.TemporaryDirectory(prefix="cnnlab-model-") as place:
            config = json.loads(json.dumps(plan.config_of(trial)))
            written = writing.write(weights, config, title, Path(place), onnx=False, writer=writer)
            if reason := written.left_out.get(writing.MODEL):
                return f"model: {reason}"
            content = {path.name: path.read_bytes() for path in Path(place).iterdir()}
        name = NOT_IN_NAMES.sub("-", f"{trial.sweep_id}-t{trial.number:03d}")
        params = {cell.name: cell.text for cell in plan.labels.cells(trial.values) if cell.text}
        model = model or models.create(run, name, {**tags, "sweep.id": trial.sweep_id}, params)
        models.upload(run, model, files(written, content, model.model_id, run.run_id, title))
        models.finish(run, model, _value(found, objective))
    except (TrackingDown, Gone):
        raise
    except NotWritten as error:
        return f"model: {error}"
    except Exception as error:
        return f"model: {reason_of(error)}"
    return None


def key(trial_id: str) -> dict[str, str]:
    """The tags that no other trial's model has."""
    return {ID_TAG: trial_id}


def _value(found: MeasuredTrial, objective: Objective) -> MetricPoint:
    """What the model reaches, as its run has it already, so that no second point is added there."""
    trial = found.trial
    at = next((each.at for each in found.curve if each.epoch == trial.best_epoch), trial.created_at)
    value = math.nan if trial.best_value is None else float(f"{trial.best_value:.6g}")
    return MetricPoint(links.ranking_metric(objective), value, at, trial.best_epoch or 0)


def files(
    written: WrittenModel, content: Mapping[str, bytes], model_id: str, run_id: str, title: str
) -> dict[str, str | bytes]:
    """Make the files of a model of the flavor python_function; its packages are torch, NumPy and MLflow."""
    gives = "probabilities" if written.probabilities else "scores"
    loader = LOADER_CODE.format(
        gives=gives,
        classes=written.classes,
        returned="scores.softmax(1)" if written.probabilities else "scores",
    )
    python, mlflow = platform.python_version(), version("mlflow-skinny")
    requirements = [f"mlflow=={mlflow}", "numpy", f"torch=={written.torch}"]
    example = _gradient(written.shape)
    description = {
        "model_id": model_id,
        "run_id": run_id,
        "mlflow_version": mlflow,
        "flavors": {
            "python_function": {
                "loader_module": LOADER,
                "code": CODE,
                "data": DATA,
                "python_version": python,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "streamable": False,
            }
        },
        "signature": {
            "inputs": _tensor(written.shape),
            "outputs": _tensor([written.classes]),
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "ndarray",
        },
        "metadata": {"title": title, "gives": gives, "class_names": written.class_names},
    }
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    virtual = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    return {
        "MLmodel": yaml.safe_dump(description, sort_keys=False, allow_unicode=True),
        "conda.yaml": yaml.safe_dump(conda, sort_keys=False),
        "python_env.yaml": yaml.safe_dump(virtual, sort_keys=False),
        "requirements.txt": "".join(f"{each}\n" for each in requirements),
        "input_example.json": json.dumps(example),
        "serving_input_example.json": json.dumps({"inputs": example}),
        f"{CODE}/{LOADER}.py": loader,
        **{f"{DATA}/{name}": each for name, each in content.items()},
    }


def _tensor(shape: list[int]) -> str:
    """One tensor of a signature, of any number of images."""
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *shape]}}])


def _gradient(shape: list[int]) -> list[list[list[list[float]]]]:
    """An image that grows brighter to the right, (1, C, H, W)."""
    channels, height, width = shape
    row = [float(255 * i // max(1, width - 1)) for i in range(width)]
    return [[[row] * height] * channels]
