"""Has the training library write a model's files, in a process of its own.

Neither upkeep nor a worker's supervisor loads torch, and in the API an export to ONNX would hold up all other
threads for seconds. Whoever has no torch installed gets a sentence that says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.domain.errors import ServiceError
from services.model_export.writer_process import ModelWriter

MODEL, WEIGHTS, ONNX, EXPORTED = "model.py", "model.safetensors", "model.onnx", "model.pt2"
PROGRAM = "cnnlab.model_folder"
ROOT = Path(__file__).resolve().parents[2]  # where the packages of this service are
MAX_SECONDS = 300  # that it may take
MAX_ERROR_CHARS = 300  # of what it wrote before it failed


class NotWritten(ServiceError):
    """A model cannot be written; the message is one sentence."""


@dataclass(frozen=True)
class WrittenModel:
    """The answer of the program; see `cnnlab.model_folder.Written`."""

    refused: str
    left_out: dict[str, str]
    shape: list[int]  # of an image: channels, height, width
    resized: bool
    classes: int
    class_names: list[str]
    task: str
    digest: str
    licence: str
    parameters: int
    probabilities: bool
    torch: str  # its version
    program: bool  # whether model.py reads model.pt2


def write(
    weights: Path,
    config: Mapping[str, Any],
    title: str,
    folder: Path,
    *,
    onnx: bool,
    writer: ModelWriter | None = None,
) -> WrittenModel:
    """Write model.py, model.safetensors and, if wanted and possible, model.onnx into a folder.

    The program is forked by the writer, or executed where there is none.
    `NotWritten` if that fails: a layer has no plain form, the data set is not there, torch is missing.
    """
    request = {"weights": str(weights.absolute()), "config": config, "title": title, "onnx": onnx}
    # With -P no module comes from the folder in which the service was started.
    command = [sys.executable, "-P", "-m", PROGRAM, str(folder)]
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths}
    try:
        done = _run(command, environment, json.dumps(request), writer)
    except subprocess.TimeoutExpired:
        raise NotWritten(f"the model was not written within {MAX_SECONDS} s") from None
    if "No module named 'torch'" in done.stderr:
        raise NotWritten("models are written with torch, which is not here: pip install '.[torch]'")
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2][:MAX_ERROR_CHARS]
        raise NotWritten(f"the model could not be written: {last or f'exit code {done.returncode}'}")
    written = WrittenModel(**json.loads(done.stdout))
    if written.refused:
        raise NotWritten(written.refused)
    return written


def _run(
    command: Sequence[str], environment: Mapping[str, str], given: str, writer: ModelWriter | None
) -> subprocess.CompletedProcess[str]:
    done = writer.run(command, environment, given, MAX_SECONDS) if writer else None
    return done or subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
        env=environment,
    )
