"""The end of an epoch: metrics, divergence, best epochs and schedules, in one tensor that is read once."""

import math

import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_end import EpochEnd
from cnnlab.engine.epoch_totals import EpochTotals
from cnnlab.engine.net import build
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.row_block import Result


def ended(*parts: str, objective: str = "train/loss") -> tuple[EpochEnd, Array, dict[str, EpochTotals]]:
    """The end of two rows' epochs, with the totals of these parts beside those of training."""
    config = resolve(
        {
            "model": {"name": "mlp", "hidden": [2]},
            "data": {"name": "fashion-mnist-mini"},
            "train": {"schedule": "plateau", "optimizer": {"name": "sgd", "lr": 0.5}},
        }
    )
    metrics = {"acc": registry.get("metrics", "acc")()}
    array = Array(build(config), [config] * 2, [0, 1], metrics=metrics)
    totals = {part: EpochTotals(2, array.device, metrics) for part in ("train", *parts)}
    epoch = torch.ones((), dtype=torch.int32)
    given = {part: (own, 10) for part, own in totals.items()}
    return EpochEnd(array, epoch, given, objective, -1, Recorder(array.device)), array, totals


def fill(totals: EpochTotals, loss: list[float], right: list[int]) -> None:
    totals.reset()
    totals.add(Result(torch.tensor(loss), {"acc": torch.tensor(right)}), 10)


def test_what_is_read_are_metrics_in_the_order_of_the_parts_and_the_best_epoch() -> None:
    end, array, totals = ended("val", "test", objective="val/loss")
    fill(totals["train"], [1.0, math.nan], [5, 0])
    fill(totals["val"], [2.0, math.nan], [4, 0])
    fill(totals["test"], [3.0, math.nan], [3, 0])
    end.note()
    first, second = end.read()
    assert first.metrics == {
        "train/loss": 1.0, "train/acc": 0.5, "lr": 0.5, "val/loss": 2.0, "val/acc": 0.4,
        "test/loss": 3.0, "test/acc": 0.3,
    }  # fmt: skip
    assert [*first.metrics] == [*second.metrics]
    assert [*first.metrics][2] == "lr"
    assert (first.finite, first.best_epoch, first.best_objective) == (True, 1, 2.0)
    assert (second.finite, second.best_epoch, second.best_objective) == (False, 0, math.inf)
    array.theta[0, 0] = math.inf
    end.note()
    assert not end.read()[0].finite


@pytest.mark.parametrize(("parts", "cuts"), [(("val",), 0), ((), 1)])
def test_schedules_get_the_loss_of_the_validation_part_or_of_training(
    parts: tuple[str, ...], cuts: int
) -> None:
    """Training gets worse, validation better: a plateau cuts by one of them."""
    end, array, totals = ended(*parts)
    for epoch in (1.0, 2.0):
        fill(totals["train"], [epoch] * 2, [0, 0])
        for part in parts:
            fill(totals[part], [-epoch] * 2, [0, 0])
        end.note()
    assert array.schedules.memory[:, 0, 0].tolist() == [cuts, cuts]
    assert end.read()[0].metrics["lr"] == 0.5  # that of the epoch that has ended


def test_the_copy_that_is_kept_is_that_of_the_last_epoch() -> None:
    end, array, totals = ended()
    fill(totals["train"], [1.0, 1.0], [0, 0])
    array.theta.fill_(3.0)
    array.steps.fill_(4)
    end.note()
    array.theta.fill_(5.0)
    state = end.kept.state()
    assert (float(state["theta"].min()), float(state["theta"].max()), state["steps"].tolist()) == (
        3,
        3,
        [4, 4],
    )
