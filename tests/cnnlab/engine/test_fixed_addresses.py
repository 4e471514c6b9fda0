"""What a recorded function reads and writes stays where it is, from epoch to epoch, for every entry."""

from typing import Any

import fixed_addresses
import packing  # noqa: F401  (one thread)
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.scheduled import RowSchedules
from cnnlab.fit import Fit, Row
from cnnlab.optimizer import Rule

DATA: dict[str, Any] = {"name": "fashion-mnist-mini", "validation": 0.5}
MLP: dict[str, Any] = {"name": "mlp", "hidden": [4], "dropout": 0.3}
RULES = [
    name
    for name in registry.names("optimizers")
    if issubclass(entry := registry.get("optimizers", name), Rule) and entry.max_parameters is None
]
EPOCHS = 3  # the first call makes what is kept, the second would be recorded, the third repeated


def train(monkeypatch: pytest.MonkeyPatch, *configs: dict[str, Any]) -> set[Any]:
    """Train rows of these configs; return the names of what would have been recorded."""
    watched = fixed_addresses.watch(monkeypatch)
    complete = [resolve({"data": DATA, "model": MLP, **config}) for config in configs]
    fit = Fit([Row(config, seed) for seed, config in enumerate(complete)])
    fit.recorder.records = True
    for _ in range(EPOCHS):
        fit.run_epoch()
    return watched


def of(**train: Any) -> dict[str, Any]:
    return {"train": {"batch_size": 1000, **train}}


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    train(monkeypatch, of(optimizer=name))


def test_means_bounds_warm_ups_and_several_batches_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (of(ema=0.9, clip_norm=0.1), of(warmup={"steps": 2}, clip_value=0.1), of())
    shared = {"accumulate": 2, "batch_size": 500}
    train(monkeypatch, *({"train": row["train"] | shared} for row in rows))


@pytest.mark.parametrize("name", registry.names("schedules"))
def test_a_schedule(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    watched = train(monkeypatch, of(schedule=name, momentum_schedule=name, optimizer="momentum"))
    assert watched == {("steps", 1000, 1), ("evaluation", "val"), "epoch-end"}


@pytest.mark.compiled
@pytest.mark.parametrize("statistics", ["ema", "population"])
def test_a_normalization(monkeypatch: pytest.MonkeyPatch, statistics: str) -> None:
    model = MLP | {"norm": "batch", "norm_statistics": statistics}
    watched = train(monkeypatch, {"model": model, **of(test="each-epoch")})
    population = {("population", 1000, 1)} if statistics == "population" else set()
    assert watched >= {("evaluation", "test"), *population}


def test_penalties_augmentations_and_streams_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DATA | {"pad-crop": 2, "flip": 0.5, "mixup": 0.4, "stream": "trial"}
    rows = (of(optimizer="adam", l2=0.1), of(optimizer="momentum", schedule="plateau", l1=0.1))
    train(monkeypatch, *({"data": data, **row} for row in rows))


def test_it_fails_where_the_memory_of_a_schedule_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = RowSchedules.observe

    def moving(self: RowSchedules, loss: torch.Tensor) -> None:
        self.memory = self.memory.clone()
        honest(self, loss)

    monkeypatch.setattr(RowSchedules, "observe", moving)
    with pytest.raises(AssertionError, match="uses tensors"):
        train(monkeypatch, of(schedule="plateau"))


def test_it_fails_where_buffers_move_before_the_population_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = Fit._update_population

    def moving(self: Fit) -> None:
        self.array.buffers = self.array.buffers.clone()
        honest(self)

    monkeypatch.setattr(Fit, "_update_population", moving)
    model = {"name": "mlp", "hidden": [4], "norm": "batch", "norm_statistics": "population"}
    with pytest.raises(AssertionError, match="uses tensors"):
        train(monkeypatch, {"model": model, **of()})


def test_the_copy_of_an_array_stays_while_the_array_trains() -> None:
    fit = Fit([Row(resolve({"data": DATA, "model": MLP, **of(optimizer="adam")}), 1)])
    kept = fit.array.copied()
    before = kept.state()
    fit.run_epoch()
    assert isinstance(kept, Array)
    assert all(torch.equal(before[name], tensor) for name, tensor in kept.state().items())
    assert not torch.equal(before["theta"], fit.state()["theta"])
