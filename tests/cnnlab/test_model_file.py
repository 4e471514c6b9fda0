"""model.py and model.safetensors: for every model the scores of the array, in a process with torch alone."""

import ast
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from exported_nets import NETS, SLOW, ExportedNet
from safetensors.torch import load_file, save_file

from cnnlab import registry
from cnnlab.errors import CnnlabError
from cnnlab.model_file import model_files, read_best

pytestmark = pytest.mark.compiled
EACH = [pytest.param(name, marks=[pytest.mark.long] * (name in SLOW)) for name in NETS]
TORCH_ONLY = """
import sys
for name in ("cnnlab", "safetensors", "numpy"):
    sys.modules[name] = None  # whoever imports it fails
sys.path.insert(0, sys.argv[1])
import torch, model
torch.set_num_threads(1)
net = model.load()
assert not net.training
torch.save((net(torch.load(sys.argv[2])).detach(), model.CLASSES), sys.argv[3])
"""


def difference(given, wanted):
    """The largest difference, as a share of the largest score where that is above 1."""
    return ((given - wanted).abs().max() / wanted.abs().max().clamp(min=1)).item()


def test_every_model_is_here():
    modules = {"timm"}  # tests/cnnlab/own/test_module_file.py has it: its files are those of own modules
    assert {model["name"] for model, _ in NETS.values()} == {*registry.names("models")} - modules


@pytest.mark.parametrize("name", EACH)
def test_scores_equal_those_of_the_array(name):
    # In float32 the two add up in different orders: 2.1e-6 of the largest score, in alexnet, was the most.
    for precision, bound in (("float32", 5e-6), ("float64", 1e-12)):
        exported = ExportedNet(name, precision)
        with torch.no_grad():
            scores = model_files(exported.trained).net()(exported.images)
        assert scores.dtype == getattr(torch, precision)
        assert difference(scores, exported.scores) < bound
        assert exported.scores.std() > 1e-3, "all scores are equal: the net shows nothing"


@pytest.mark.parametrize("name", EACH)
def test_the_code_holds_only_what_it_uses(name):
    code = model_files(ExportedNet(name).trained).code
    tree = ast.parse(code)
    defined = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert defined[-1] == "Net"
    for used in [*defined, "json", "torch"]:
        assert len(re.findall(rf"\b{used}\b", code)) > 1, f"{used} is not used"
    for imported in ("OrderedDict", "Sequence", "functional"):
        assert len(re.findall(rf"\b{imported}\b", code)) != 1, f"{imported} is imported for nothing"
    assert "cnnlab" not in code
    assert max(map(len, code.splitlines())) <= 110


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", ["lenet5-1998", "cifar-resnet"])
def test_it_loads_with_torch_alone(name, precision, tmp_path):
    exported = ExportedNet(name, precision)
    model_files(exported.trained).write(tmp_path)
    torch.save(exported.images, tmp_path / "images")
    given = [str(tmp_path), str(tmp_path / "images"), str(tmp_path / "scores")]
    subprocess.run([sys.executable, "-I", "-c", TORCH_ONLY, *given], check=True, timeout=60)
    scores, classes = torch.load(tmp_path / "scores")
    assert scores.dtype == exported.scores.dtype
    assert difference(scores, exported.scores) < (1e-6 if precision == "float32" else 1e-12)
    assert classes == ["a", 'b"']


def test_pixels_may_be_bytes_or_floats():
    exported = ExportedNet("mlp")
    net = model_files(exported.trained).net()
    assert net(exported.images).equal(net(exported.images.float()))


def test_a_title_cannot_end_the_docstring():
    exported = ExportedNet("mlp")
    title = 'x"""\nimport os\n\\'
    code = model_files(replace(exported.trained, title=title)).code
    assert ast.get_docstring(ast.parse(code)).startswith("x''' import os /\n")


def test_best_weights_are_read_with_their_normalization(tmp_path):
    exported = ExportedNet("mlp")
    metadata = {"mean": "[0.25]", "std": "[0.5]", "class_names": '["cat", "dog"]'}
    save_file(exported.trained.weights, tmp_path / "best.safetensors", metadata)
    found = read_best(tmp_path / "best.safetensors", exported.config, "t")
    assert (found.mean, found.std, found.class_names) == ([0.25], [0.5], ["cat", "dog"])
    files = model_files(found)
    files.write(tmp_path)
    assert load_file(tmp_path / "model.safetensors")["normalize.scale"].item() == pytest.approx(1 / 127.5)


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "best.safetensors").write_bytes(content)
    with pytest.raises(CnnlabError, match=r"best\.safetensors cannot be read as weights"):
        read_best(tmp_path / "best.safetensors", {}, "")
