"""cnnlab/engine/step_traces.py: traced steps train as called ones, bit by bit; code of users is called."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import nn

from cnnlab import registry, resolve
from cnnlab.engine import step_traces
from cnnlab.engine.array import Array
from cnnlab.engine.step_traces import StepTraces, foreign
from cnnlab.errors import CnnlabError
from cnnlab.fit import Fit, Row
from cnnlab.optimizer import Rule

DATA: dict[str, Any] = {"name": "fashion-mnist-mini", "validation": 0.02, "fraction": 0.07}
MLP: dict[str, Any] = {"name": "mlp", "hidden": [6], "dropout": 0.3, "input_dropout": 0.1}
RULES = [
    name
    for name in registry.names("optimizers")
    if issubclass(entry := registry.get("optimizers", name), Rule) and entry.max_parameters is None
]
EPOCHS = 3
CPU = torch.device("cpu")


def rows(*configs: dict[str, Any]) -> list[Row]:
    return [Row(resolve({"data": DATA, "model": MLP} | each), seed) for seed, each in enumerate(configs)]


def of(**train: Any) -> dict[str, Any]:
    return {"train": {"batch_size": 100, **train}}


def trained(own: Sequence[Row], on: bool) -> tuple[Fit, list[Any]]:
    """A fit, and all that it reports in three epochs of four batches of 100 and a short one."""
    fit = Fit(own)
    fit._steps.traces.on = on
    return fit, [report for _ in range(EPOCHS) for report in fit.run_epoch() or []]


def check(*configs: dict[str, Any], sizes: int = 2) -> None:
    """Traced and called steps leave the same bits; every size of batch was traced."""
    (traced, reports), (called, expected) = (trained(rows(*configs), on) for on in (True, False))
    assert repr(reports) == repr(expected)
    for name, tensor in traced.state().items():
        torch.testing.assert_close(tensor, called.state()[name], rtol=0, atol=0, equal_nan=True, msg=name)
    assert (len(traced._steps.traces), traced._steps.traces.refused) == (sizes, {})
    assert len(called._steps.traces) == 0


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer(name: str) -> None:
    check(of(optimizer=name), of(optimizer=name, l2=0.01))


@pytest.mark.parametrize("name", registry.built_in("schedules"))
def test_a_schedule(name: str) -> None:
    check(of(schedule=name, momentum_schedule=name, optimizer="momentum"), of())


@pytest.mark.parametrize("name", registry.built_in("activations"))
def test_an_activation(name: str) -> None:
    check({"model": MLP | {"activation": name}, **of()})


@pytest.mark.parametrize("name", registry.built_in("regularizers"))
def test_a_regularizer(name: str) -> None:
    check(of(**{name: 0.01}), of(optimizer="adam"))


@pytest.mark.parametrize(
    "loss", ["softmax", {"name": "softmax", "smoothing": 0.1, "class_weights": "balanced"}, "focal", "svm"]
)
def test_a_loss(loss: Any) -> None:
    check(of(loss=loss), of(loss=loss))


def test_different_rows() -> None:
    check(of(optimizer="adam"), of(optimizer="momentum", l2=0.1), of(optimizer="sgd", schedule="plateau"))


def test_means_bounds_warm_ups_and_several_batches_in_a_step() -> None:
    shared = {"accumulate": 2, "batch_size": 50}
    check(
        of(ema=0.9, clip_norm=0.1, **shared), of(warmup={"steps": 2}, clip_value=0.1, **shared), of(**shared)
    )


def test_augmentations_and_streams_side_by_side() -> None:
    data = DATA | {"pad-crop": 2, "flip": 0.5, "mixup": 0.4, "random-erasing": 0.5, "stream": "trial"}
    check({"data": data, **of()}, {"data": data, **of()})


@pytest.mark.compiled
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize(
    "model",
    [
        {"name": "lenet5", "dropout": 0.2},
        {"name": "lenet5", "norm": "batch"},
        {"name": "lenet5-1998"},
        {"name": "cnn", "filters": [4, 8], "hidden": [8], "norm": "batch", "norm_statistics": "population"},
    ],
)
def test_a_convolutional_net(model: dict[str, Any], width: int) -> None:
    data = DATA | {"fraction": 0.01}
    check(*[{"model": model, "data": data, **of(batch_size=9, optimizer="momentum")}] * width)


@pytest.mark.compiled
def test_a_residual_net_whose_rows_pass_one_by_one() -> None:
    config = {"model": {"name": "cifar-resnet", "depth": 8}, "data": DATA | {"fraction": 0.002}}
    check(*[config | of(batch_size=2)] * 2, sizes=1)


def test_a_step_is_called_twice_and_then_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    honest = Array.step

    def step(self: Array, *batch: Any) -> Any:
        taken.append(len(batch[0]))
        return honest(self, *batch)

    monkeypatch.setattr(Array, "step", step)
    fit, _ = trained(rows(of()), on=True)
    short = len(fit.data.train) % 100
    assert taken == [100, 100, short, short]


def test_a_row_that_is_loaded_or_killed_meanwhile() -> None:
    ends = []
    for on in (True, False):
        source, _ = trained(rows(of(optimizer="adam"), of(l2=0.1)), on)
        fit, _ = trained(rows(of(optimizer="adam"), of(l2=0.1)), on)
        fit.run_epoch()
        for row in (0, 1):
            fit.load_row(row, {name: tensor[row] for name, tensor in source.state().items()}, EPOCHS)
        fit.kill(0)
        ends.append((repr(fit.run_epoch()), fit.state()))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(tensor, ends[1][1][name]) for name, tensor in ends[0][1].items())


def test_rows_that_diverge_leave_the_others_as_they_are() -> None:
    check(of(optimizer={"name": "sgd", "lr": 100.0}), of())


def test_what_searches_is_called() -> None:
    full = {"model": {"name": "mlp", "hidden": [4]}, "train": {"batch_size": "full", "optimizer": "lbfgs"}}
    fit, _ = trained(rows(full), on=True)
    assert (len(fit._steps.traces), fit._steps.traces.refused) == (0, {})


def test_a_large_step_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_traces, "MAX_BYTES", 1 << 20)
    fit, _ = trained(rows({"model": MLP | {"hidden": [600]}, **of()}), on=True)
    reason = "its operations make more than 1 MiB"
    assert set(fit._steps.traces.refused.values()) == {reason}
    assert (fit.execution.steps, fit.execution.reason) == ("called", reason)


def test_where_it_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNLAB_GRAPHS", raising=False)
    assert StepTraces(CPU, None).on
    assert not StepTraces(torch.device("cuda"), None).on
    assert not StepTraces(torch.device("meta"), None).on
    monkeypatch.setenv("CNNLAB_GRAPHS", "off")
    assert not StepTraces(CPU, None).on
    monkeypatch.setenv("CNNLAB_GRAPHS", "OFF")
    with pytest.raises(CnnlabError, match="must be off"):
        StepTraces(CPU, None)


class Twice(nn.Module):
    """A module of one's own; its class lies among the plug-ins, too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


Twice.__module__ = "cnnlab_plugins.models.twice"
OfPlugin = type("OfPlugin", (), {"__module__": "cnnlab_plugins.activations.twice"})


@pytest.mark.parametrize(("held", "found"), [(OfPlugin(), "OfPlugin"), (Twice(), "")])
def test_objects_of_plugins_are_found_wherever_they_are_held(held: Any, found: str) -> None:
    fit = Fit(rows(of()))
    owner = (fit.array, fit._streams)
    assert foreign(owner) == ""
    fit.array.net.planted = [{"deep": (held,)}]
    assert foreign(owner) == found


def test_what_holds_an_object_of_a_plugin_is_called() -> None:
    calls: list[int] = []
    traces = StepTraces(CPU, [OfPlugin()])
    for number in range(3):
        traces.run("steps", partial(calls.append, number))
    assert calls == [0, 1, 2]
    assert traces.refused == {"steps": "OfPlugin may do something else at each call"}
