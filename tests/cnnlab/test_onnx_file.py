"""model.onnx: onnxruntime computes what the array computes, for every model, or there is no file."""

from pathlib import Path

import onnxruntime
import pytest
import torch
from exported_nets import NETS, ExportedNet
from torch import nn

from cnnlab import onnx_file
from cnnlab.errors import CnnlabError
from cnnlab.model_file import model_files

pytestmark = pytest.mark.compiled
QUICK = {"mlp", "lenet5-1998"}
EACH = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in NETS]


@pytest.mark.parametrize("name", EACH)
def test_onnxruntime_gives_the_scores_of_the_array(name: str, tmp_path: Path) -> None:
    exported = ExportedNet(name)
    onnx_file.write(model_files(exported.trained).net(), exported.images.shape[1:], tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for images in (exported.images, exported.images[:1]):
        (scores,) = session.run(["scores"], {"images": images.float().numpy()})
        wanted = exported.scores[: len(images)]
        apart = (torch.from_numpy(scores) - wanted).abs().max() / wanted.abs().max().clamp(min=1)
        assert apart < 1e-5


def test_weights_in_float64_are_exported_too(tmp_path: Path) -> None:
    exported = ExportedNet("mlp", "float64")
    onnx_file.write(model_files(exported.trained).net(), exported.images.shape[1:], tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"images": exported.images.float().numpy()})
    torch.testing.assert_close(torch.from_numpy(scores), exported.scores, rtol=1e-9, atol=1e-9)


class Sums(nn.Module):
    """A pooling whose divisor torch's exporter leaves out."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x, 2, divisor_override=1).flatten(1)


def test_a_file_that_computes_something_else_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(CnnlabError, match=r"model\.onnx gives other scores than the net, by 7\.5e-01"):
        onnx_file.write(Sums(), (1, 4, 4), tmp_path)
    assert not list(tmp_path.iterdir())


def test_missing_packages_name_their_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(onnx_file, "NEEDED", ("onnx", "no_such_package"))
    with pytest.raises(onnx_file.MissingPackages, match=r"needs no_such_package, .* role `export`"):
        onnx_file.write(Sums(), (1, 4, 4), tmp_path)
