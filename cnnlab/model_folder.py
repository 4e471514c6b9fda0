"""The program that writes a trained net into a folder: `python -m cnnlab.model_folder FOLDER`.

It runs in a process of its own, because it needs seconds of the interpreter and the memory of a net. Stdin
has the request, a JSON object with the fields of `ModelRequest`; stdout gets one with those of `Written`.
"""

import inspect
import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from cnnlab.data import DataSet, data_set, seen
from cnnlab.engine import net as nets
from cnnlab.errors import CnnlabError
from cnnlab.model_file import model_files, read_best
from cnnlab.onnx_file import ONNX_FILE, write
from cnnlab.own.module_file import PROGRAM_FILE
from cnnlab.predictions import gives_probabilities

MAX_REASON_CHARS = 300  # of why a file is left out


@dataclass(frozen=True)
class ModelRequest:
    """What to write: the path of a file with best weights, the resolved config, a title, and whether ONNX."""

    weights: str
    config: dict[str, Any]
    title: str
    onnx: bool


@dataclass
class Written:
    """What there is: facts of the data and of the model, why files are left out, or why nothing was written.

    `probabilities`: whether the softmax of the scores are probabilities, which the loss decides. `program`:
    whether model.py reads what it computes from model.pt2.
    """

    refused: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    shape: list[int] = field(default_factory=list)
    resized: bool = False
    classes: int = 0
    class_names: list[str] = field(default_factory=list)
    task: str = ""
    digest: str = ""
    licence: str = ""
    parameters: int = 0
    probabilities: bool = False
    torch: str = ""  # its version
    program: bool = False


def write_folder(request: ModelRequest, folder: Path) -> Written:
    """Write model.py with what it reads, model.safetensors and, if wanted and possible, model.onnx."""
    trained = read_best(Path(request.weights), request.config, request.title)
    files = model_files(trained)
    left_out = files.write(folder)
    data = request.config["data"]
    info, stored = seen(data), data_set(data).info(data)
    written = Written(
        left_out=left_out,
        program=(folder / PROGRAM_FILE).exists(),
        shape=list(stored.shape),
        resized=info.shape != stored.shape,
        classes=info.classes,
        class_names=list(trained.class_names),
        task=info.task,
        digest=info.digest,
        licence=_licence(type(data_set(data))),
        parameters=nets.build(request.config).parameters,
        probabilities=gives_probabilities(request.config),
        torch=torch.__version__.partition("+")[0],
    )
    if request.onnx:
        try:
            write(files.net(), info.shape, folder)
        except Exception as error:  # the exporter's own are of many kinds; the other files are fine
            written.left_out[ONNX_FILE] = " ".join(str(error).split())[:MAX_REASON_CHARS]
    return written


def _licence(entry: type[DataSet]) -> str:
    """Return the licence of a data set, as its documentation states it."""
    found = re.search(r"^Licence: (.+?)\.?$\n(?=\w+:|$)", f"{inspect.getdoc(entry)}\n", re.M | re.S)
    return " ".join(found[1].split()) if found else ""


def main() -> None:
    """Read a request, write the folder, answer."""
    answer, sys.stdout = sys.stdout, sys.stderr  # exporters print
    torch.set_num_threads(1)  # the other cores are for training
    try:
        written = write_folder(ModelRequest(**json.load(sys.stdin)), Path(sys.argv[1]))
    except CnnlabError as error:
        written = Written(refused=str(error))
    json.dump(asdict(written), answer)


if __name__ == "__main__":
    main()
