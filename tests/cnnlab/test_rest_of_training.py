"""`over: rest`: the number of epochs that follows from the others, and where none does."""

import pytest

from cnnlab import resolve
from cnnlab.errors import ConfigError
from cnnlab.fit import Fit, Row, fit
from cnnlab.rest_of_training import lengths, with_lengths


def config(**train):
    own = {"epochs": 10, "batch_size": 540, **train}
    data = {"name": "fashion-mnist-mini", "resize": 4}
    return resolve({"model": {"name": "mlp", "hidden": []}, "data": data, "train": own})


@pytest.mark.parametrize("name", ["cosine", "linear", "polynomial", "one-cycle"])
@pytest.mark.parametrize(("warmup", "over"), [(0, 10), (3, 7), (2.5, 8), (9.9, 1), (12, 1)])
def test_the_rest_is_what_the_warm_up_leaves(name, warmup, over):
    given = config(schedule=name, warmup=warmup)
    assert given["train"]["schedule"]["over"] == "rest"
    assert with_lengths(given)["train"]["schedule"]["over"] == over
    assert given["train"]["schedule"]["over"] == "rest"  # is not changed itself


def test_a_number_stays():
    given = config(schedule={"name": "cosine", "over": 30})
    assert with_lengths(given) == given


def test_the_momentum_has_no_warm_up():
    ramp = {"name": "linear", "to": 0.99}
    given = config(schedule="cosine", momentum_schedule=ramp, warmup=4)
    assert lengths(given["train"]) == {"schedule": 6, "momentum_schedule": 10}
    behind_steps = config(schedule="cosine", momentum_schedule=ramp, warmup={"steps": 4})
    assert lengths(behind_steps["train"]) == {"momentum_schedule": 10}


@pytest.mark.parametrize(
    ("train", "path", "words"),
    [
        (
            {"schedule": "cosine", "warmup": {"steps": 25}},
            "train.schedule.over",
            "must be a number of epochs where train.warmup is in steps; the rest of training is 8 here, "
            "got rest",
        ),
        (
            {"schedule": {"name": "linear", "unit": "iteration"}, "warmup": 2},
            "train.schedule.over",
            "must be a number of steps where unit is iteration; the rest of training is 80 here, got rest",
        ),
        (
            {"momentum_schedule": {"name": "linear", "to": 0.99, "unit": "iteration"}, "warmup": 2},
            "train.momentum_schedule.over",
            "must be a number of steps where unit is iteration; the rest of training is 100 here, got rest",
        ),
    ],
)
def test_where_it_follows_from_the_data_a_number_is_asked_for(train, path, words):
    with pytest.raises(ConfigError) as caught:
        Fit([Row(config(**train), seed=1)])
    assert (caught.value.path, caught.value.message) == (path, words)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "all", True, None, [], {}])
def test_anything_else_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"must be an integer from 1 to 1000000000") as caught:
        config(schedule={"name": "cosine", "over": wrong})
    assert caught.value.path == "train.schedule.over"


def test_it_trains_as_the_number_does():
    given = config(epochs=3, schedule="cosine", warmup=0.5)
    losses = {
        over: [report.metrics["train/loss"] for report in fit(given if over == "rest" else explicit, seed=1)]
        for over in ("rest", 3, 9)
        for explicit in [config(epochs=3, schedule={"name": "cosine", "over": over}, warmup=0.5)]
    }
    assert losses["rest"] == losses[3] != losses[9]
