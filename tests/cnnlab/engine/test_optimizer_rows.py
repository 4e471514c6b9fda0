"""The constants of a step: kept while nothing moves, and otherwise those of the formula."""

import packing
import pytest
import torch

from cnnlab.engine.optimizer_rows import OptimizerRows
from cnnlab.engine.row_groups import group_rows

CPU = torch.device("cpu")


def constants(name, scheduled, steps):
    """Return the constants of two rows at each of these numbers of steps."""
    configs = [packing.config(optimizer={"name": name, "lr": lr})["train"]["optimizer"] for lr in (0.1, 0.2)]
    (group,) = group_rows("optimizers", configs, CPU)
    seen = []
    honest = group.entry.step
    group.entry.step = lambda w, slots, c: seen.append((c, len(slots))) or honest(w, slots, c)
    rows = OptimizerRows(group, group.entry.slots, torch.float32)
    theta, slots = torch.zeros(2, 3), torch.zeros(2, 2, 3)
    for count in steps:
        rows.step(theta, slots, scheduled, torch.full((2,), count, dtype=torch.int32))
    assert {number for _, number in seen} == {group.entry.slots}
    return [c for c, _ in seen]


def test_numbers_of_the_config_are_constants_that_are_kept():
    first, second = constants("momentum", {}, (1, 2))
    assert first["lr"].tolist() == torch.tensor([[0.1], [0.2]]).tolist()
    assert first["lr"].dtype == torch.float32
    assert second["lr"] is first["lr"]


def test_a_scheduled_number_takes_the_place_of_the_configs():
    moved = {"lr": torch.tensor([3.0, 4.0], dtype=torch.float64)}
    (own,) = constants("momentum", moved, (1,))
    assert own["lr"].tolist() == [[3.0], [4.0]]
    assert own["momentum"].flatten().tolist() == pytest.approx([0.9, 0.9])


def test_a_number_that_an_optimizer_does_not_have_moves_nothing():
    first, second = constants("adagrad", {"momentum": torch.zeros(2, dtype=torch.float64)}, (1, 2))
    assert set(first) == {"lr", "eps"}
    assert second["lr"] is first["lr"]


def test_constants_that_depend_on_the_step_are_made_for_it():
    first, second = constants("adam", {}, (1, 2))
    assert first["rate"].flatten().tolist() == pytest.approx([0.1 / (1 - 0.9), 0.2 / (1 - 0.9)])
    assert second["rate"].flatten().tolist() == pytest.approx([0.1 / (1 - 0.81), 0.2 / (1 - 0.81)])
