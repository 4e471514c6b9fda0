"""A step reads no number of the device and copies none to it, so it can be recorded."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab import registry, resolve
from cnnlab.batching.on_device import Part
from cnnlab.batching.streams import Streams
from cnnlab.data import data_set
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.net import build
from cnnlab.engine.recorded import Recorder
from cnnlab.metric import misfit
from cnnlab.optimizer import Rule

RULES = [
    name
    for name in registry.names("optimizers")
    if issubclass(entry := registry.get("optimizers", name), Rule) and entry.max_parameters is None
]
# What a device must finish before the program goes on, or what has as many numbers as the data decide.
WAITING = {
    "_local_scalar_dense", "nonzero", "masked_select", "unique2", "unique_dim", "unique_consecutive",
    "_unique2", "equal", "is_nonzero", "item",
}  # fmt: skip
# Those of linear algebra look at whether a matrix could be decomposed; these do not.
NORMS = {"linalg_vector_norm", "linalg_matrix_norm", "linalg_norm", "linalg_cross", "linalg_matmul"}
MAKING = {torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor}
# What moves numbers between devices also where it is a single one.
COPYING = {"_to_copy", "copy_", "copy"}
# What a GPU adds up in no fixed order, so that bits change from run to run: torch's documentation of
# `use_deterministic_algorithms`. The backward pass of `max_pool2d` is not among them: each of its threads
# adds up the windows of one pixel.
UNORDERED = {
    "index_add", "index_add_", "scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "put_",
    "index_reduce", "index_reduce_", "bincount", "histc", "cumsum", "kthvalue", "median", "nanmedian",
    "embedding_dense_backward", "grid_sampler_2d_backward", "nll_loss2d_forward", "_ctc_loss",
    "max_unpool2d", "max_pool3d_with_indices_backward", "adaptive_max_pool2d_backward",
    "fractional_max_pool2d_backward", "_adaptive_avg_pool2d_backward", "avg_pool3d_backward",
    "reflection_pad1d_backward", "reflection_pad2d_backward", "replication_pad1d_backward",
    "replication_pad2d_backward", "upsample_linear1d_backward", "upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward", "upsample_trilinear3d_backward",
}  # fmt: skip


class NeverWaits(TorchDispatchMode):
    """Refuses operations that wait for the device of the tensors, and copies between devices.

    Also those whose bits may change from run to run.
    """

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        if name in WAITING or ("linalg_" in name and name not in NORMS):
            raise AssertionError(f"{name} waits for the device")
        given = [each for each in tensors(args) if each.dim() or name in COPYING]
        places = tensors(args[1:2]) if "index" in name else ()
        if any(each.dtype in (torch.bool, torch.uint8) for each in places):
            raise AssertionError("an index of truth values has as many numbers as are true")
        adds = name.startswith("index_put") and len(args) > 3 and args[3]
        if adds or (name in UNORDERED and not exact(args)):
            raise AssertionError(f"{name} adds up in no fixed order")
        out = function(*args, **kwargs)
        kinds = {each.device.type for each in [*given, *tensors([out])]}
        if len(kinds) > 1:
            raise AssertionError(f"{name} copies between {' and '.join(sorted(kinds))}")
        return out


def exact(args: Any) -> bool:
    """Whether the order of additions changes nothing: whole numbers, or one addend for each sum."""
    into, *rest = args
    one = len(rest) > 1 and isinstance(rest[1], torch.Tensor) and rest[1].shape[rest[0] :][:1] == (1,)
    return not into.is_floating_point() or one


class MakesNothing(TorchFunctionMode):
    """Refuses tensors that are made on the device from numbers of the program, which are copied to it."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        if function in MAKING and out.device.type != "cpu":
            raise AssertionError(f"{function.__name__} copies numbers of the program to {out.device.type}")
        return out


def tensors(values: Any) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)


DATA: dict[str, Any] = {"name": "fashion-mnist-mini"}
MLP = {"name": "mlp", "hidden": [8], "dropout": 0.3, "input_dropout": 0.1}


def prepared(config: dict[str, Any], *others: dict[str, Any]) -> EpochSteps:
    """Two steps of these trials on a device without numbers, which make constants."""
    configs = [resolve({"data": DATA, "model": MLP, **each}) for each in (config, *others)]
    data = configs[0]["data"]
    info = data_set(data).info(data)
    names = [name for name in registry.built_in("metrics") if not misfit(name, info.task, info.classes)]
    metrics = {name: registry.get("metrics", name)(info.classes) for name in names}
    array = Array(build(configs[0]), configs, range(len(configs)), "meta", metrics)
    channels, height, width = array.net.shape
    with array.device:
        x, y = torch.zeros(96, height, width, channels, dtype=torch.uint8), torch.zeros(96, dtype=torch.int64)
        part = Part(x, y, torch.ones(channels), torch.zeros(channels))
    streams = Streams(part, data, 32, 0, [(0, seed) for seed in range(len(configs))], "if-needed")
    steps = EpochSteps(array, streams, len(part), Recorder(array.device))
    steps.begin(1)
    for _ in range(2):
        steps.advance(32)
    return steps


def watch(steps: EpochSteps) -> None:
    array = steps._array
    images = torch.zeros(32, 1, *array.net.shape, device="meta").expand(-1, len(array), -1, -1, -1)
    classes = torch.zeros(32, len(array), dtype=torch.int64, device="meta")
    with MakesNothing(), NeverWaits():
        steps.advance(32)
        steps.totals.add(array.evaluate(images, classes), 32)
    with NeverWaits():
        steps.totals.metrics("train", 96)


def check(config: dict[str, Any], *others: dict[str, Any]) -> None:
    watch(prepared(config, *others))


def test_it_fails_where_a_number_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, entry = prepared({"train": {"l2": 0.1}}), registry.get("regularizers", "l2")
    added = entry.add_gradient

    def reading(self: Any, gradient: torch.Tensor, *rest: Any) -> None:
        gradient.sum().item()
        added(self, gradient, *rest)

    monkeypatch.setattr(entry, "add_gradient", reading)
    with pytest.raises(AssertionError, match="_local_scalar_dense waits for the device"):
        watch(steps)


def test_it_fails_where_a_number_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, entry = prepared({}), registry.get("losses", "softmax")
    plain = entry.value

    def copying(self: Any, scores: torch.Tensor, *rest: Any) -> torch.Tensor:
        found: torch.Tensor = plain(self, scores * torch.tensor([1.0, 2.0]).to(scores)[:1], *rest)
        return found

    monkeypatch.setattr(entry, "value", copying)
    with pytest.raises(AssertionError, match="_to_copy copies between cpu and meta"):
        watch(steps)


def to_device(g: torch.Tensor) -> object:
    return torch.tensor(0.5).to(g.device)


PLANTED: dict[str, tuple[Callable[[torch.Tensor], object], str]] = {
    "a number of the program": (to_device, "_to_copy copies between"),
    "copy_ of a number": (
        lambda g: torch.empty((), device=g.device).copy_(torch.tensor(1.0)),
        "copy_ copies",
    ),
    "a new list": (lambda g: torch.tensor([0.5, 1.0], device=g.device), "tensor copies numbers"),
    "a new number": (lambda g: torch.tensor(0.5, device=g.device), "tensor copies numbers"),
    "new_tensor": (lambda g: g.new_tensor([1.0]), "new_tensor copies numbers"),
    "numbers at a mask": (lambda g: g[g > 0], "as many numbers as are true"),
    "a mask and a tensor": (
        lambda g: g.clone().index_put_((g > 0,), torch.zeros((), device=g.device)),
        "as many numbers as are true",
    ),
    "eigh": (lambda g: torch.linalg.eigh(g @ g.T), "_linalg_eigh waits"),
    "solve": (lambda g: torch.linalg.solve(g @ g.T, g), "linalg_solve_ex waits"),
    "inv": (lambda g: torch.linalg.inv(g @ g.T), "linalg_inv_ex waits"),
    "index_add": (lambda g: g.index_add(1, torch.zeros_like(g[0]).long(), g), "index_add adds up in no"),
    "scatter_add": (lambda g: g.scatter_add(1, torch.zeros_like(g).long(), g), "scatter_add adds up in no"),
    "accumulate": (
        lambda g: g.index_put((torch.zeros_like(g[:, 0]).long(),), g, accumulate=True),
        "index_put adds up in no",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_it_fails_where_something_waits_copies_or_has_no_order(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    plant, message = PLANTED[name]
    steps, entry = prepared({"train": {"l2": 0.1}}), registry.get("regularizers", "l2")
    added = entry.add_gradient

    def planted(self: Any, gradient: torch.Tensor, *rest: Any) -> None:
        plant(gradient)
        added(self, gradient, *rest)

    monkeypatch.setattr(entry, "add_gradient", planted)
    with pytest.raises(AssertionError, match=message):
        watch(steps)


@pytest.mark.parametrize("name", RULES)
def test_a_step_of_an_optimizer(name: str) -> None:
    check({"train": {"optimizer": name}})


def test_optimizers_penalties_and_rates_side_by_side() -> None:
    check(
        {"train": {"optimizer": "adam", "l2": 0.1}},
        {"train": {"optimizer": "sgd", "l1": 0.1, "schedule": "step"}},
        {"train": {"optimizer": {"name": "momentum", "lr": 0.1}, "schedule": "plateau"}},
    )


@pytest.mark.parametrize("name", registry.names("schedules"))
def test_a_step_of_a_schedule(name: str) -> None:
    check({"train": {"schedule": name, "momentum_schedule": name, "optimizer": "momentum"}})


CLASSES = {"class_weights": [0.5] * 9 + [2]}
RECIPES: dict[str, list[dict[str, Any]]] = {
    "clipping": [{"clip_norm": 0.1}, {"clip_value": 0.1}, {}],
    "means of weights": [{"ema": 0.9}, {}],
    "warm-up": [{"warmup": 2}, {"warmup": {"steps": 5}, "schedule": {"name": "cosine", "over": 9}}, {}],
    "accumulated gradients": [{"accumulate": 2, "batch_size": 16, "ema": 0.5}] * 2,
    "losses": [
        {"loss": {"name": "softmax", "smoothing": 0.1}},
        {"loss": {"name": "softmax", **CLASSES}},
        {"loss": {"name": "focal", **CLASSES}},
        {"loss": "svm"},
    ],
    "momentum of sgd": [
        {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}},
        {"optimizer": "sgd"},
    ],
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_of_rows_that_differ(name: str) -> None:
    check(*({"train": train} for train in RECIPES[name]))


@pytest.mark.parametrize("name", registry.names("losses"))
def test_a_step_of_a_loss(name: str) -> None:
    check({"train": {"loss": name}})


def test_a_step_of_muon_through_convolutions() -> None:
    check({"model": "lenet5", "train": {"optimizer": "muon"}}, {"model": "lenet5", "train": {"l2": 0.1}})


@pytest.mark.parametrize("name", registry.names("regularizers"))
def test_a_step_of_a_penalty(name: str) -> None:
    check({"train": {name: 0.1}})


@pytest.mark.parametrize("name", registry.names("activations"))
def test_a_step_of_an_activation(name: str) -> None:
    check({"model": {"name": "lenet5", "activation": name}})


@pytest.mark.parametrize("name", registry.names("augmentations"))
def test_a_step_of_an_augmentation(name: str) -> None:
    data = {"name": "cifar10"} if name == "saturation" else DATA
    check({"data": data | {name: 2 if name == "pad-crop" else 0.5}})


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixed_rows_with_batches_of_their_own(name: str) -> None:
    data = DATA | {"stream": "trial", name: 0.4, "flip": 0.5}
    check({"data": data}, {"data": data, "train": {"loss": "svm"}})


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "maxout-conv", "cifar-resnet", "tdnn"])
def test_a_step_of_a_model(name: str) -> None:
    check({"model": name} | ({"data": "waveforms"} if name == "tdnn" else {}))


def test_rows_with_batches_of_their_own() -> None:
    check({"data": DATA | {"stream": "trial"}}, {"data": DATA | {"stream": "trial"}})
