"""A fit that takes the numbers of another one goes on as that one would, on the tensors that it had."""

from collections.abc import Callable
from functools import partial
from typing import Any

import fixed_addresses
import packing  # noqa: F401  (one thread)
import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.renewal import Differs, renew
from cnnlab.fit import EpochReport, Fit, Row
from cnnlab.optimizer import Rule

DATA: dict[str, Any] = {"name": "fashion-mnist-mini", "validation": 0.5}
MLP: dict[str, Any] = {"name": "mlp", "hidden": [4], "dropout": 0.3}
LENET: dict[str, Any] = {"name": "lenet5", "dropout": 0.3}
RULES = [
    name
    for name in registry.names("optimizers")
    if issubclass(entry := registry.get("optimizers", name), Rule) and entry.max_parameters is None
]
EPOCHS = 3  # the first call makes what is kept, the second would be recorded, the third repeated
Config = dict[str, Any]


def config(data: Config | None = None, model: Config | None = None, **train: Any) -> Config:
    sections = {
        "data": DATA | (data or {}),
        "model": model if model and "name" in model else MLP | (model or {}),
    }
    return resolve(sections | {"train": {"batch_size": 1000, **train}})


def made(*configs: Config, seed: int = 0, varied: tuple[str, ...] = ("model.dropout",)) -> Fit:
    return Fit([Row(own, seed + k, data_seed=seed) for k, own in enumerate(configs)], varied=varied)


def curve(fit: Fit) -> list[EpochReport]:
    return [report for _ in range(EPOCHS) for report in fit.run_epoch() or []]


def check(
    monkeypatch: pytest.MonkeyPatch, old: list[Config], new: list[Config], started: bool = False
) -> None:
    """Train a fit, renew it, and compare with a fit of its own; recorded functions use the same memory."""
    expected = made(*new, seed=7)
    start = curve(expected) if started else []
    state = expected.state()
    curves = curve(expected)
    assert len({report.metrics["train/loss"] for report in curves}) == len(curves), (
        "training changes something"
    )

    with monkeypatch.context() as patched:
        watched = fixed_addresses.watch(patched)
        kept, fresh = made(*old), made(*new, seed=7)
        curve(kept)
        if started:
            for row in range(len(new)):
                fresh.load_row(row, {name: tensor[row] for name, tensor in state.items()}, EPOCHS)
        names = set(watched)
        renew(kept, fresh)
        assert curve(kept) == curves
        assert watched == names
    assert kept.best()[0][:2] == expected.best()[0][:2]
    for own, other in zip(kept.state().values(), expected.state().values(), strict=True):
        assert torch.equal(own, other)
    assert bool(start) == started


@pytest.mark.long
@pytest.mark.parametrize("name", RULES)
def test_an_optimizer(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    old = config(optimizer=name)
    new = config(
        optimizer={"name": name, "lr": 0.7 * old["train"]["optimizer"]["lr"]}, model={"dropout": 0.1}
    )
    check(monkeypatch, [old], [new])


@pytest.mark.long
@pytest.mark.parametrize("name", registry.names("schedules"))
def test_a_schedule_that_goes_on_from_a_checkpoint(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    own = partial(config, schedule=name, momentum_schedule=name)
    old, new = (own(optimizer={"name": "momentum", "lr": lr}) for lr in (0.1, 0.02))
    check(monkeypatch, [old, old], [new, old], started=True)


@pytest.mark.compiled
@pytest.mark.parametrize("statistics", ["ema", "population"])
def test_a_net_with_normalization_and_dropout(monkeypatch: pytest.MonkeyPatch, statistics: str) -> None:
    model = LENET | {"norm": "batch", "norm_statistics": statistics}
    old, new = (config(model=model | {"dropout": rate}) for rate in (0.3, 0.6))
    check(monkeypatch, [old, old], [old, new])


def test_bounds_means_warm_ups_and_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second row has a mean of its weights in one of the two fits only."""

    def rows(bound: float, decay: float, warmup: int, smoothing: float) -> list[Config]:
        loss = {"name": "softmax", "smoothing": smoothing, "class_weights": "balanced"}
        train = {"clip_norm": bound, "warmup": warmup, "loss": loss, "accumulate": 2, "batch_size": 500}
        return [config(**train, ema=0.9), config(**train, ema=decay)]

    check(monkeypatch, rows(1.0, 0.0, 1, 0.1), rows(0.1, 0.5, 2, 0.2))


def test_penalties_augmentations_streams_and_a_data_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DATA | {"pad-crop": 2, "flip": 0.5, "mixup": 0.4, "stream": "trial", "label_noise": 0.1}
    old = [
        config(data, optimizer="adam", l2=0.1),
        config(data, optimizer="momentum", schedule="plateau", l1=0.1),
    ]
    new = [
        config(data, optimizer="adam", l2=0.3, l1=0.01),
        config(data, optimizer={"name": "momentum", "momentum": 0.5}, schedule="plateau", l1=0.2, l2=0.01),
    ]
    check(monkeypatch, old, new)


def test_a_row_that_was_killed_lives_in_the_next_one() -> None:
    one = config()
    kept, fresh = made(one, one), made(one, one, seed=3)
    kept.run_epoch()
    kept.kill(1)
    renew(kept, fresh)
    assert (kept.live, kept.epoch) == ([0, 1], 0)
    assert [report.row for report in kept.run_epoch() or []] == [0, 1]


PLANTED: dict[str, tuple[Callable[[], Fit], str]] = {
    "width": (lambda: made(config(), config()), "shape"),
    "optimizer": (lambda: made(config(optimizer="adam")), "slots"),
    "optimizer of as many slots": (lambda: made(config(optimizer="adagrad")), "_optimizers"),
    "schedule": (lambda: made(config(schedule="step")), "_groups"),
    "penalty": (lambda: made(config(l2=0.1)), "_penalties"),
    "loss": (lambda: made(config(loss="svm")), "_losses"),
    "net": (lambda: made(config(model={"hidden": [5]})), "net"),
    "batch size": (lambda: made(config(batch_size=500)), "epoch_steps"),
    "validation": (lambda: made(config({"validation": 0.25})), "epoch_steps"),
    "augmentation": (lambda: made(config({"flip": 0.5})), "flip"),
    "mixture": (lambda: made(config({"mixup": 0.4})), "mixup"),
    "metrics": (lambda: made(config(metrics=["balanced-acc"])), "metrics"),
    "precision": (lambda: made(config(precision="float64")), "precision"),
    "a rate that is 0 in all rows": (
        lambda: made(config(model={"dropout": 0.0}), varied=()),
        "_varied|_all_zero",
    ),
    "objective": (lambda: Fit([Row(config(), 0)], objective=("val/loss", "minimize")), "_objective|_varied"),
    "mixed": (lambda: Fit([Row(config(), 0)], mixed=True, varied=("model.dropout",)), "mixed"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_a_recording_holds_must_be_equal(what: str) -> None:
    make, where = PLANTED[what]
    kept = made(config())
    kept.run_epoch()
    before = kept.state()
    with pytest.raises(Differs, match=where):
        renew(kept, make())
    assert all(
        torch.equal(own, other) for own, other in zip(before.values(), kept.state().values(), strict=True)
    )
    assert kept.epoch == 1


def test_a_recorded_way_to_convolve_must_be_equal() -> None:
    kept, fresh = made(config(model=LENET)), made(config(model=LENET))
    fresh.array.ways.use({"a task": "branches"})
    with pytest.raises(Differs, match=r"ways\.chosen"):
        renew(kept, fresh)


def test_a_number_of_python_must_be_equal() -> None:
    kept, fresh = made(config()), made(config())
    fresh.array.epoch_steps += 1
    with pytest.raises(Differs, match=r"epoch_steps is \d+, and \d+ in the other"):
        renew(kept, fresh)


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


def scaled(by: float) -> Callable[[float], float]:
    return lambda x: x * by


def moved(by: float) -> Callable[[float], float]:
    return lambda x: x + by


@pytest.mark.parametrize(
    ("kept", "fresh"),
    [
        (1, 2),
        (1, 1.0),
        (torch.zeros(2), torch.zeros(3)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(1).expand(2), torch.ones(1).expand(2)),
        (torch.zeros(2, 3), torch.zeros(3, 2).t()),
        ([1], [1, 2]),
        ({"a": 1}, {"b": 1}),
        (scaled(1.0), scaled(2.0)),
        (scaled(1.0), moved(1.0)),
        (partial(scaled, 1.0), partial(scaled, 2.0)),
        (frozenset("a"), frozenset("b")),
        (Holder([1]).held.append, Holder([2]).held.append),
        (iter([1]), iter([1])),
    ],
)
def test_what_differs_or_cannot_be_compared_is_refused(kept: Any, fresh: Any) -> None:
    with pytest.raises(Differs):
        renew(Holder(kept), Holder(fresh))


def test_equal_ones_are_accepted() -> None:
    kept, fresh = (Holder([float("nan"), scaled(1.0), {"t": torch.full((2,), x)}]) for x in (1.0, 2.0))
    renew(kept, fresh)
    assert kept.held[2]["t"].tolist() == [2.0, 2.0]
