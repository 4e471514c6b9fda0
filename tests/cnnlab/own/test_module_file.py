"""Modules of one's own as files: the scores of the array, in a process with torch alone, and in ONNX."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from exported_nets import OF_TIMM, ExportedNet
from loaded_plugins import plugins_from
from own_nets import ZOO, write
from safetensors.torch import load_file

from cnnlab import onnx_file, registry
from cnnlab.errors import CnnlabError
from cnnlab.model_file import model_files

NAMES = sorted(path.stem.replace("_", "-") for path in (ZOO / "models").glob("*.py"))
OF_CONSTANT_NUMBER = {"small-vit"}  # calls len(x)
QUICK = {"small-lenet", "rows-gru", "timm resnet"}
needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="needs the role timm")
EACH = [
    pytest.param(name, marks=[pytest.mark.long] * (name not in QUICK) + [needs_timm] * (name in OF_TIMM))
    for name in (*NAMES, *OF_TIMM)
]
TORCH_ONLY = """
import sys
for name in ("cnnlab", "safetensors", "numpy", "timm", "torchvision"):
    sys.modules[name] = None  # whoever imports it fails
sys.path.insert(0, sys.argv[1])
import torch, model
torch.set_num_threads(1)
net = model.load()
assert not net.training
images = torch.load(sys.argv[2])
with torch.no_grad():
    torch.save((torch.cat([net(images), net(images[:1])]), model.CLASSES), sys.argv[3])
"""


@pytest.fixture
def zoo():
    with plugins_from(ZOO):
        yield


def apart(given, exported):
    """The largest difference, as a share of the largest score where that is above 1."""
    return float((given - exported.scores).abs().max() / exported.scores.abs().max().clamp(min=1))


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize("name", EACH)
def test_scores_are_those_of_the_array_with_torch_alone_and_in_onnx(name, tmp_path):
    exported = ExportedNet(name)
    files = model_files(exported.trained)
    with torch.no_grad():
        assert apart(files.net()(exported.images), exported) < 5e-6
    files.write(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".pt2", ".py", ".safetensors"]
    single = "ONE_BY_ONE = True" in (tmp_path / "model.py").read_text()
    assert single == (name in OF_CONSTANT_NUMBER)
    if single:  # whatever fails, no file is left
        with pytest.raises(Exception, match=r"\w"):
            onnx_file.write(files.net(), exported.images.shape[1:], tmp_path)
        assert not (tmp_path / "model.onnx").exists()
    else:
        onnx_file.write(files.net(), exported.images.shape[1:], tmp_path)  # compared there
    torch.save(exported.images, tmp_path / "images")
    given = [str(tmp_path), str(tmp_path / "images"), str(tmp_path / "scores")]
    subprocess.run([sys.executable, "-I", "-c", TORCH_ONLY, *given], check=True, timeout=60)
    scores, classes = torch.load(tmp_path / "scores")
    assert apart(scores[:-1], exported) < 5e-6
    torch.testing.assert_close(scores[-1], exported.scores[0], rtol=1e-4, atol=1e-5)
    assert classes == ["a", 'b"']
    model, side = exported.config["model"], exported.config["data"]["resize"] or 32
    module = registry.get("models", model["name"])().module(model, (3, side, side), 10)
    module.load_state_dict(load_file(tmp_path / "model.safetensors"))


@pytest.mark.usefixtures("zoo")
def test_in_float64_it_is_the_array_to_the_last_digits():
    exported = ExportedNet("small-lenet", "float64")
    with torch.no_grad():
        scores = model_files(exported.trained).net()(exported.images)
    torch.testing.assert_close(scores, exported.scores, rtol=1e-11, atol=1e-11)


def test_a_module_that_cannot_be_exported_leaves_its_weights_and_torchs_reason(plugin_folder, tmp_path):
    write(
        plugin_folder,
        """
        class Looks(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.last = nn.Linear(shape[0], classes)

            def forward(self, x):
                mean = x.mean((2, 3))
                return self.last(mean if float(mean.sum()) < 1e9 else 0 * mean)

        @own_model
        def net(*, shape, classes):
            return Looks(shape, classes)
        """,
    )
    files = model_files(ExportedNet("tried-net").trained)
    out = tmp_path / "out"
    out.mkdir()
    reason = files.write(out)["model.py"]
    assert reason.startswith("the module must be one that torch.export can write: Could not")
    assert [path.name for path in out.iterdir()] == ["model.safetensors"]


def test_a_module_that_has_changed_since_is_refused_by_its_parts(plugin_folder):
    made = "nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))"
    write(plugin_folder, f"@own_model\ndef net(*, shape, classes):\n    return {made}\n")
    exported = ExportedNet("tried-net")
    exported.trained.weights["gone.weight"] = torch.zeros(1)
    with pytest.raises(CnnlabError, match=r"changed since the trial was trained: it has no gone\.weight"):
        model_files(exported.trained)
