"""A step reads no number of the device and copies none to it, so it can be recorded."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cnnlab import registry, resolve
from cnnlab.batching.on_device import Part
from cnnlab.batching.streams import Streams
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.net import build
from cnnlab.engine.recorded import Recorder
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


class NeverWaits(TorchDispatchMode):
    """Refuses operations that wait for the device of the tensors, and copies between devices."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        if name in WAITING:
            raise AssertionError(f"{name} waits for the device")
        given = [each for each in tensors(args) if each.dim()]
        if name == "index" and any(each.dtype == torch.bool for each in given[1:]):
            raise AssertionError("an index of truth values has as many numbers as are true")
        out = function(*args, **kwargs)
        kinds = {each.device.type for each in [*given, *tensors([out])]}
        if len(kinds) > 1:
            raise AssertionError(f"{name} copies between {' and '.join(sorted(kinds))}")
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
    data, metrics = configs[0]["data"], {"acc": registry.get("metrics", "acc")()}
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
    with NeverWaits():
        steps.advance(32)
        steps.totals.add(array.evaluate(images, classes), 32)


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


@pytest.mark.parametrize("name", registry.names("regularizers"))
def test_a_step_of_a_penalty(name: str) -> None:
    check({"train": {name: 0.1}})


@pytest.mark.parametrize("name", registry.names("activations"))
def test_a_step_of_an_activation(name: str) -> None:
    check({"model": {"name": "lenet5", "activation": name}})


@pytest.mark.parametrize("name", registry.names("augmentations"))
def test_a_step_of_an_augmentation(name: str) -> None:
    check({"data": DATA | {name: 0.5 if name == "flip" else 2}})


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "maxout-conv", "cifar-resnet", "tdnn"])
def test_a_step_of_a_model(name: str) -> None:
    check({"model": name} | ({"data": "waveforms"} if name == "tdnn" else {}))


def test_rows_with_batches_of_their_own() -> None:
    check({"data": DATA | {"stream": "trial"}}, {"data": DATA | {"stream": "trial"}})
