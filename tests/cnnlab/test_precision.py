"""Precisions: what stays in the type of the rows, how close bfloat16 comes, and what a GPU may round."""

from contextlib import nullcontext

import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import build
from cnnlab.errors import ConfigError
from cnnlab.fit import fit
from cnnlab.layer import Mode
from cnnlab.precision import PRECISIONS, check_device, factors, products_of_float32

pytestmark = pytest.mark.compiled
torch.set_num_threads(1)
EPSILON = 2.0**-8  # of bfloat16, whose mantissa has 8 bits
NETS = {
    "mlp": "mlp",
    "lenet5": "lenet5",
    "maxout-conv": "maxout-conv",
    "resnet": {"name": "cifar-resnet", "depth": 8},
}


def array(precision, model="mlp", **train):
    body = {"model": model, "data": "fashion-mnist-mini"}
    body["train"] = {"precision": precision, "optimizer": {"name": "momentum", "lr": 0.01}, **train}
    config = resolve(body)
    return Array(build(config), [config] * 2, [1, 2])


def batch(images=32):
    g = torch.Generator().manual_seed(0)
    return torch.rand(images, 2, 1, 28, 28, generator=g), torch.randint(0, 10, (images, 2), generator=g)


@pytest.mark.long
@pytest.mark.parametrize("net", NETS)
def test_bfloat16_trains_rows_of_float32_and_comes_close_to_them(net):
    (full, half), (x, y) = (array(name, NETS[net]) for name in ("float32", "bfloat16")), batch()
    before = full.theta.clone()
    exact, rounded = full.step(x, y), half.step(x, y)
    assert {t.dtype for t in (half.theta, half.slots, half.buffers, rounded.loss)} == {torch.float32}
    assert half.predict(x).dtype == torch.float32
    assert rounded.loss.sub(exact.loss).abs().max() < 4 * EPSILON
    moved, off = full.theta - before, half.theta - full.theta
    assert 0 < off.norm() / moved.norm() < 32 * EPSILON
    assert half.evaluate(x, y).loss.sub(full.evaluate(x, y).loss).abs().max() < 8 * EPSILON


def test_products_of_bfloat16_get_rounded_factors_and_their_gradients_are_of_the_rows():
    a, b = (torch.full((1, 1, 1), 1 + EPSILON / 4, requires_grad=True) for _ in range(2))
    assert [t.dtype for t in factors(a, None, b) if t is not None] == [torch.float32] * 2
    with PRECISIONS["bfloat16"].casts(a.device):
        left, none, right = factors(a, None, b)
    assert none is None
    assert (left.dtype, left.item(), right.item()) == (torch.bfloat16, 1.0, 1.0)
    (slope,) = torch.autograd.grad(left.bmm(right).sum(), [a])
    assert slope.dtype == torch.float32


@pytest.mark.parametrize("net", NETS)
def test_the_other_precisions_do_not_cast(net):
    (one, other), (x, y) = (array(name, NETS[net]) for name in ("float32", "tf32")), batch(8)
    one.step(x, y), other.step(x, y)
    assert torch.equal(one.theta, other.theta)  # only a GPU rounds
    exact = array("float64", NETS[net])
    exact.step(x.double(), y)
    assert exact.theta.dtype == torch.float64
    assert 0 < exact.theta.sub(one.theta).abs().max() < 1e-5


def test_only_tf32_lets_a_gpu_round_and_torch_s_choice_comes_back():
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    before = [backend.fp32_precision for backend in backends]
    for rounded in ("tf32", "ieee"):
        with products_of_float32(rounded):
            assert [backend.fp32_precision for backend in backends] == [rounded] * 2
        assert [backend.fp32_precision for backend in backends] == before


@pytest.mark.parametrize(("name", "rounded"), [("float32", "ieee"), ("bfloat16", "ieee"), ("tf32", "tf32")])
def test_every_pass_is_made_under_the_rounding_of_its_precision(monkeypatch, name, rounded):
    """A GPU is made of the processor's tensors, whose products do not look at what is set."""
    one, (x, y), seen = array(name), batch(4), []
    one.device = torch.device("cuda")
    linear = registry.get("layers", "linear")
    forward = linear.forward

    def watched(self, *given):
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        return forward(self, *given)

    monkeypatch.setattr(linear, "forward", watched)
    one.step(x, y)
    one.evaluate(x, y)
    one.predict(x)
    one._scores(x, Mode.POPULATION)
    assert set(seen) == {rounded}
    assert len(seen) >= 4


def test_bytes_of_activations():
    assert {name: own.activation_bytes for name, own in PRECISIONS.items()} == {
        "float32": 4, "float64": 8, "tf32": 4, "bfloat16": 2,
    }  # fmt: skip


BF16 = "train.precision: must be float32 or float64 on this cpu device, got 'bfloat16', which needs .* or AMX"


@pytest.mark.parametrize(
    ("name", "device", "has", "words"),
    [
        ("float32", "cpu", {}, ""),
        ("float64", "cpu", {}, ""),
        ("bfloat16", "cpu", {}, BF16),
        ("bfloat16", "cpu", {"amx_bf16": True}, ""),
        (
            "tf32",
            "cpu",
            {"amx_bf16": True},
            "got 'tf32', which needs an NVIDIA GPU of compute capability 8.0",
        ),
        ("tf32", "cuda", (8, 0), ""),
        ("tf32", "cuda", (7, 5), "on this cuda device, got 'tf32'"),
    ],
)
def test_a_device_without_units_for_a_precision_is_refused(monkeypatch, name, device, has, words):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: has)
    with pytest.raises(ConfigError, match=words) if words else nullcontext():
        check_device(name, torch.device(device))


def test_the_library_in_one_line_refuses_it_before_it_trains(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    config = {"model": "mlp", "data": "fashion-mnist-mini", "train": {"precision": "tf32"}}
    with pytest.raises(ConfigError, match="got 'tf32'"):
        fit(config)
