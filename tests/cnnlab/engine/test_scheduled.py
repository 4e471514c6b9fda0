"""Scheduled numbers: which vary, their values at a step, and the state that rows carry along."""

import math

import packing
import pytest
import torch
from rate_curves import CPU, SGD, values

from cnnlab.engine.scheduled import RowSchedules
from cnnlab.errors import ConfigError

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


def test_rows_warm_up_each_for_itself_and_their_epochs_count_from_there():
    step = {"name": "step", "every": 1, "factor": 0.5}
    rows = [
        {"optimizer": SGD, "warmup": 1, "schedule": step},
        {"optimizer": SGD, "schedule": step},
        {"optimizer": SGD, "warmup": {"steps": 2}, "schedule": step},
        {"optimizer": SGD},
    ]
    found = values(rows, 8, 3).T.tolist()
    assert found[0] == pytest.approx([0.8 / 3, 1.6 / 3, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4])
    assert found[1] == pytest.approx([0.8] * 3 + [0.4] * 3 + [0.2] * 2)
    assert found[2] == pytest.approx([0.4, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4])
    assert found[3] == [0.8] * 8


def test_fractions_of_epochs_move_at_every_step():
    rows = [
        {"optimizer": SGD, "schedule": {"name": "cosine", "over": 2, "unit": unit}}
        for unit in ("fraction", "epoch")
    ]
    moving, still = values(rows, 8, 4).T.tolist()
    assert moving == pytest.approx([0.4 * (1 + math.cos(math.pi * step / 8)) for step in range(8)])
    assert still == pytest.approx([0.8] * 4 + [0.4] * 4)


def test_rows_that_warm_up_train_as_they_do_alone():
    warmups = ({"steps": 5}, 3, 0, 0.5)
    packing.assert_packing_does_not_matter([packing.config(optimizer="adam", warmup=w) for w in warmups])


@pytest.mark.parametrize(
    ("warmup", "path", "words"),
    [
        (-1, "train.warmup", "must be a number of epochs from 0 to 10000, or {steps: n}, n from 1 to"),
        ("3", "train.warmup", "got '3'"),
        (True, "train.warmup", "got True"),
        (math.nan, "train.warmup", "got nan"),
        ({}, "train.warmup", "got {}"),
        ({"steps": 0}, "train.warmup", "got {'steps': 0}"),
        ({"steps": 2.5}, "train.warmup", "got {'steps': 2.5}"),
        ({"epochs": 3}, "train.warmup", "got {'epochs': 3}"),
    ],
)
def test_a_wrong_warm_up_is_refused(warmup, path, words):
    with pytest.raises(ConfigError) as caught:
        packing.config(warmup=warmup)
    assert caught.value.path == path
    assert words in caught.value.message
