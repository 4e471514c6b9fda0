"""cnnlab/models/timm.py: networks of timm by name, and what is said where there is none."""

from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec

import own_nets
import pytest
import torch
from own_nets import batch, config, far, make, plain

from cnnlab import registry
from cnnlab.errors import ConfigError
from cnnlab.models import timm as entry

needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="needs the role timm")
SMALL = "test_resnet"  # of timm's own nets for tests


@needs_timm
def test_operations_that_torchvision_lacks_have_names_and_no_code():
    entry.imported()
    extension = import_module("torchvision.extension")
    if extension._has_ops():
        pytest.skip("this torchvision has its compiled operations")
    boxes = torch.zeros(1, 4)
    with pytest.raises(NotImplementedError, match="Could not run 'torchvision::nms'"):
        torch.ops.torchvision.nms(boxes, boxes[:, 0], 0.5)


@pytest.mark.parametrize("works", [True, False], ids=["works", "fails otherwise"])
def test_names_are_declared_only_where_torchvision_lacks_them(monkeypatch, works):
    def importing(name):
        if not works:
            raise RuntimeError("compiled for CUDA 12")
        return name

    monkeypatch.setattr(entry, "import_module", importing)
    monkeypatch.setattr(entry, "_declared", lambda: pytest.fail("declared"))
    with nullcontext() if works else pytest.raises(RuntimeError, match="compiled for CUDA 12"):
        assert entry.imported() == "timm"


@needs_timm
@pytest.mark.parametrize("architecture", [SMALL, "test_vit"])
def test_rows_train_as_a_plain_loop_does(architecture):
    sgd = {"name": "sgd", "lr": 0.05}
    shape = (3, 32, 32) if architecture == SMALL else (3, 160, 160)
    own = config("timm", hypers={"architecture": architecture}, optimizer=sgd)
    array = make([own, own], [1, 2], shape)
    for step in range(2):
        array.step(*batch(array, step, 3))
    module = plain(own, 2, shape=shape)
    stepper = torch.optim.SGD(module.parameters(), 0.05)
    for step in range(2):
        x, y = batch(array, step, 3)
        stepper.zero_grad()
        torch.nn.functional.cross_entropy(module(x[:, 1]), y[:, 1]).backward()
        stepper.step()
    assert far(array, 1, module) < 1e-10


@needs_timm
@pytest.mark.parametrize(
    ("architecture", "shape", "words"),
    [
        ("resnet188", (3, 32, 32), "names of timm, got resnet188; did you mean resnet18"),
        (
            "vit_tiny_patch16_224",
            (3, 32, 32),
            "forward failed in eval mode on 2 images of 3×32×32: AssertionError: Input height",
        ),
    ],
)
def test_what_timm_cannot_build_is_refused(architecture, shape, words):
    own = config("timm", hypers={"architecture": architecture})
    with pytest.raises(ConfigError, match=words):
        own_nets.net(own, shape)


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "../x", "", 3])
def test_a_name_with_a_tag_of_weights_is_refused(name):
    with pytest.raises(
        ConfigError, match=r"model.architecture: must be a name of timm, without a tag of weights"
    ):
        config("timm", hypers={"architecture": name})


def test_without_timm_the_refusal_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(entry, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r'model.name: timm is not installed: pip install "cnnlab\[timm\]"'):
        own_nets.net(config("timm"))


def test_a_timm_that_cannot_be_imported_is_no_failure_of_the_service(monkeypatch):
    def fails(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(entry, "find_spec", lambda name: True)
    monkeypatch.setattr(entry, "import_module", fails)
    with pytest.raises(
        ConfigError, match="timm cannot be imported: operator torchvision::nms does not exist; torch"
    ):
        own_nets.net(config("timm"))


def test_the_catalog_shows_it_without_timm():
    assert registry.describe()["models"]["timm"]["hypers"]["architecture"]["default"] == "resnet18"
