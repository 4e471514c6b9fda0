"""The program that writes a trained net into a folder: its answer says what is there, or why nothing is."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from exported_nets import ExportedNet
from safetensors.torch import save_file

from cnnlab import registry
from cnnlab.data import DataSet
from cnnlab.errors import CnnlabError
from cnnlab.layer import Layer
from cnnlab.layers.flatten import Flatten
from cnnlab.model_folder import ModelRequest, _licence, write_folder

METADATA = {"mean": "[0.2]", "std": "[0.3]", "class_names": '["a"]'}


@pytest.fixture
def request_of(tmp_path):
    exported = ExportedNet("mlp")
    save_file(exported.trained.weights, tmp_path / "best.safetensors", METADATA)
    (tmp_path / "out").mkdir()
    asked = ModelRequest(str(tmp_path / "best.safetensors"), exported.config, "t", onnx=False)
    return lambda **more: replace(asked, **more)


def test_the_answer_has_the_facts(request_of, tmp_path):
    written = write_folder(request_of(), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.py", "model.safetensors"]
    assert (written.shape, written.classes, written.resized) == ([1, 28, 28], 10, False)
    assert written.licence.startswith("CC BY-SA 3.0, Yann LeCun")
    assert written.parameters == 784 * 128 + 128 * 64 + 64 * 10 + 10 + 2 * (128 + 64)
    assert written.class_names == ["a"]
    assert written.probabilities


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_every_data_set_states_its_licence(name):
    entry: type[DataSet] = registry.get("datasets", name)
    assert _licence(entry)
    assert "Source" not in _licence(entry)


def test_it_answers_on_stdout_in_json(request_of, tmp_path):
    asked = request_of(weights=str(tmp_path / "nowhere"))
    done = subprocess.run(
        [sys.executable, "-m", "cnnlab.model_folder", str(tmp_path / "out")],
        input=json.dumps(asked.__dict__), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nowhere cannot be read as weights" in json.loads(done.stdout)["refused"]


def test_a_layer_without_a_plain_form_is_refused_by_its_name(request_of, tmp_path, monkeypatch):
    monkeypatch.setattr(Flatten, "to_torch", Layer.to_torch)
    with pytest.raises(CnnlabError, match="the layer flatten has no plain form"):
        write_folder(request_of(), tmp_path / "out")
