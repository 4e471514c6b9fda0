"""Warm-up and schedule must leave a rate to train with: refused at submit and in training alike."""

import pytest

from cnnlab import resolve
from cnnlab.engine.cost import inspect, point
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row


def config(**train):
    """Ten epochs of the small data set's 5,400 images in batches of 540: ten steps each."""
    return resolve(
        {
            "model": {"name": "mlp", "hidden": []},
            "data": {"name": "fashion-mnist-mini", "resize": 4},
            "train": {"epochs": 10, "batch_size": 540, **train},
        }
    )


def refused(given):
    with pytest.raises(ConfigError) as at_submit:
        point(given, inspect(given))
    with pytest.raises(ConfigError) as in_training:
        Fit([Row(given, seed=1)])
    assert str(at_submit.value) == str(in_training.value)
    return at_submit.value.path, at_submit.value.message


@pytest.mark.parametrize(
    ("warmup", "path", "came"),
    [
        (10, "train.warmup", "10 epochs"),
        (12.5, "train.warmup", "12.5 epochs"),
        ({"steps": 100}, "train.warmup", "100 steps"),
        ({"steps": 5000}, "train.warmup", "5,000 steps"),
    ],
)
def test_a_warm_up_ends_before_training_does(warmup, path, came):
    found = refused(config(warmup=warmup))
    assert found == (path, f"must be shorter than training, 10 epochs of 10 steps; got {came}")


@pytest.mark.parametrize("warmup", [9.9, {"steps": 99}, 0])
def test_a_shorter_one_is_right(warmup):
    given = config(warmup=warmup)
    assert point(given, inspect(given)) > 0


@pytest.mark.parametrize(("batch_size", "most"), [(540, 10), (1000, 6), (5399, 1), (6000, 1)])
def test_a_step_has_at_most_the_batches_of_an_epoch(batch_size, most):
    """The image that is left over of 5,400 joins the batch before it."""
    fits = config(batch_size=batch_size, accumulate=most)
    assert point(fits, inspect(fits)) > 0
    path, words = refused(config(batch_size=batch_size, accumulate=most + 1))
    assert path == "train.accumulate"
    assert words == (
        f"must be at most {most}, the batches of an epoch: 5,400 images, {batch_size} in a batch; "
        f"got {most + 1}"
    )


def test_steps_of_several_batches_are_counted_once():
    found = refused(config(warmup={"steps": 50}, accumulate=2))
    assert found[1] == "must be shorter than training, 10 epochs of 5 steps; got 50 steps"


@pytest.mark.parametrize("name", ["cosine", "linear", "polynomial", "one-cycle"])
def test_a_rate_that_rests_at_0_too_early(name):
    path, words = refused(config(schedule={"name": name, "over": 9, "unit": "epoch"}))
    assert path == "train.schedule.over"
    assert words == (
        f"must be at least 10 epochs: behind it {name} leaves no rate to train with, and training takes "
        "10 epochs of 10 steps; got 9"
    )
    for right in (
        config(schedule={"name": name, "over": 10}),
        config(schedule={"name": name, "over": 7}, warmup=3),
    ):
        assert point(right, inspect(right)) > 0


def test_by_iterations_and_behind_a_warm_up():
    _, words = refused(config(schedule={"name": "cosine", "over": 64, "unit": "iteration"}, warmup=3.5))
    assert words == (
        "must be at least 65 steps: behind it cosine leaves no rate to train with, and training takes "
        "10 epochs of 10 steps, the first 35 a warm-up; got 64"
    )


@pytest.mark.parametrize(
    "schedule",
    [
        {"name": "cosine", "over": 2, "to": 1e-5},
        {"name": "cosine-restarts", "every": 2},
        {"name": "linear", "over": 2, "to": 0.01},
        "step",
    ],
)
def test_a_rate_that_stays_above_0_is_right(schedule):
    given = config(schedule=schedule)
    assert point(given, inspect(given)) > 0
