"""Scheduled numbers: which vary, their values at a step, and the state that rows carry along."""

import packing
import pytest
import torch

from cnnlab.engine.scheduled import RowSchedules

CPU = torch.device("cpu")
STEP = {"name": "step", "every": 1, "factor": 0.5}


def schedules(*rows):
    return RowSchedules(
        [packing.config(optimizer={"name": "momentum", "lr": 0.1}, **row) for row in rows], CPU
    )


def steps(*numbers):
    return torch.tensor(numbers, dtype=torch.int32)


def test_without_a_schedule_nothing_varies():
    own = schedules({}, {})
    assert own.values(steps(5, 6), 2) == {}
    assert own.rates(steps(5, 6), 2).tolist() == [0.1, 0.1]


def test_each_row_has_its_own_schedule_and_step():
    own = schedules({}, {"schedule": STEP}, {"schedule": {**STEP, "unit": "iteration"}})
    found = own.values(steps(4, 4, 2), 2)  # two epochs of two steps; the last row has one
    assert set(found) == {"lr"}
    assert found["lr"].tolist() == pytest.approx([0.1, 0.1 / 4, 0.1 / 4])
    assert own.rates(steps(4, 4, 2), 2).tolist() == found["lr"].tolist()


def test_a_momentum_comes_with_the_next_one():
    ramp = {"name": "linear", "to": 0.5, "over": 4, "unit": "iteration"}
    found = schedules({"momentum_schedule": ramp}).values(steps(1), 1)
    assert found["momentum"].tolist() == pytest.approx([0.9 - 0.1])
    assert found["momentum_next"].tolist() == pytest.approx([0.9 - 0.2])


def test_a_row_takes_its_state_along():
    own = schedules({"schedule": "plateau"}, {"schedule": "plateau"})
    for loss in ([1.0, 1.0], [2.0, 0.5]):  # the first row has a cut, the second improves
        own.observe(torch.tensor(loss, dtype=torch.float64))
    assert own.rates(steps(0, 0), 1).tolist() == pytest.approx([0.05, 0.1])
    configs = [packing.config(optimizer={"name": "momentum", "lr": 0.1}, schedule="plateau")]
    own.keep(torch.tensor([0]), configs)
    assert own.memory.shape == (1, 2, 3)
    assert own.rates(steps(0), 1).tolist() == pytest.approx([0.05])
