"""Published weights: names find their places, and where the files are, the nets make the published errors."""

import os
from pathlib import Path

import packing  # noqa: F401  (one thread)
import pytest
import torch

from benchmarks.results import pretrained as published
from cnnlab import registry, resolve
from cnnlab.engine import pretrained
from cnnlab.engine.array import Array
from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError

FOLDER = Path(os.environ.get("CNNLAB_DATA", "nowhere"))


def array(depth, **hypers):
    hypers = {"name": "cifar-resnet", "depth": depth, "padding": "half", **hypers}
    config = resolve({"model": hypers, "data": "mnist"})
    shape = (3, 32, 32)
    net = Net(registry.get("models", "cifar-resnet")().layers(config["model"], shape, 10), shape)
    return Array(net, [config], [1])


def foreign(net):
    """Return a state dict as the published ones, of numbers that tell their place."""
    names = {}
    for part in (*net.table, *net.buffers):
        name = part.name.replace("norm", "bn").replace("shortcut.conv", "shortcut.0")
        name = name.replace("shortcut.bn", "shortcut.1").replace("stage", "layer")
        for block in range(1, 10):
            name = name.replace(f"block{block}.", f"{block - 1}.")
        value = torch.arange(torch.Size(part.shape).numel()).view(part.shape) + 1000.0 * len(names)
        names[f"module.{name}"] = value
    return names | {"module.bn1.num_batches_tracked": torch.tensor(3)}


def test_names():
    assert pretrained.own_name("module.layer2.0.bn1.weight") == "stage2.block1.norm1.weight"
    assert pretrained.own_name("module.conv1.weight") == "conv1.weight"
    assert pretrained.own_name("layer3.2.shortcut.1.bias") == "stage3.block3.shortcut.norm.bias"
    assert pretrained.own_name("module.bn1.running_var") == "norm1.running_var"


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_every_number_finds_its_place(tmp_path, shortcut):
    net = array(8, shortcut=shortcut).net
    state = foreign(net)
    torch.save({"best_prec1": 1.0, "state_dict": state}, tmp_path / "net.th")
    read = pretrained.read(tmp_path / "net.th")
    assert read.keys() == state.keys()
    own = net.named(*pretrained.row(net, read))
    assert len(own) == len(state) - 1
    for name, value in state.items():
        if not name.endswith("tracked"):
            assert torch.equal(own[pretrained.own_name(name)], value)


def test_what_does_not_fit_is_refused(tmp_path):
    small, large = array(8).net, array(14).net
    with pytest.raises(CnnlabError, match=r"no parameter stage1\.block2\.conv1\.weight; 30 names"):
        pretrained.row(small, foreign(large))
    with pytest.raises(CnnlabError, match=r"stage1\.block2\.conv1\.weight must have shape .*, got nothing"):
        pretrained.row(large, foreign(small))
    with pytest.raises(CnnlabError, match=r"linear\.bias must have shape \(10,\), got \(3,\)"):
        pretrained.row(small, foreign(small) | {"module.linear.bias": torch.zeros(3)})
    (tmp_path / "none.th").write_bytes(b"none")
    with pytest.raises(CnnlabError, match="cannot be read as weights"):
        pretrained.read(tmp_path / "none.th")
    torch.save([1, 2], tmp_path / "list.th")
    with pytest.raises(CnnlabError, match="must hold a state dict"):
        pretrained.read(tmp_path / "list.th")


@pytest.mark.parametrize("depth", published.FILES)
def test_published_nets_make_few_errors(depth):
    """On 1,017 images of CIFAR-10's test part; the whole has 8.27, 7.37, 6.90, 6.61 % errors."""
    if published.missing(FOLDER, depth):
        pytest.skip("needs pretrained/*.th and cifar10/cifar10-lossless-part.npz in $CNNLAB_DATA")
    wrong, images = published.errors(FOLDER, depth)
    assert wrong < 0.1 * images
