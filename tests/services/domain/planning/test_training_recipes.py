"""What sweeps of today vary in training: rows of one array, readable labels, refusals at their place."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.library import Library
from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

LIBRARY = Library()


def plan(**fields: Any) -> Plan:
    written = {"name": "a", "model": "lenet5", "data": "fashion-mnist-mini"} | fields
    return make_plan(Spec.model_validate(written), LIBRARY, limit=1000, memory=1 << 30)


def refused(**fields: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        plan(**fields)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


AXES: dict[str, tuple[list[Any], list[str]]] = {
    "train.warmup": ([0, 0.5, {"steps": 7}], ["warmup 0", "warmup 0.5", "warmup 7 steps"]),
    "train.clip_norm": (["none", 1, 0.5], ["clip_norm none", "clip_norm 1", "clip_norm 0.5"]),
    "train.clip_value": (["none", 2], ["clip_value none", "clip_value 2"]),
    "train.ema": ([0, 0.999], ["ema 0", "ema 0.999"]),
    "train.loss.smoothing": ([0, 0.1], ["smoothing 0", "smoothing 0.1"]),
    "train.loss.class_weights": (
        ["none", "balanced", [1] * 9 + [3]],
        ["class_weights none", "class_weights balanced", "class_weights [1, 1, 1, 1, 1, 1, 1, 1, 1, 3]"],
    ),
    "train.optimizer": (
        ["adamw", "lion", "muon", {"name": "sgd", "momentum": 0.9, "nesterov": True}, "radam", "nadam"],
        ["adamw", "lion", "muon", "sgd", "radam", "nadam"],
    ),
    "train.schedule": (["cosine", "one-cycle", "polynomial", "cosine-restarts"], []),
}


@pytest.mark.parametrize("axis", AXES)
def test_an_axis_of_values_is_rows_of_one_array(axis: str) -> None:
    values, labels = AXES[axis]
    made = plan(space={axis: values})
    (shape,) = made.shapes
    assert shape.points == len(values)
    shown = [made.labels.label(made.values(number)) for number in range(len(values))]
    assert shown == (labels or values)


def test_sgds_own_numbers_are_axes_from_zero_on() -> None:
    space = {"train.optimizer.momentum": [0, 0.9], "train.optimizer.dampening": [0, 0.5]}
    (shape,) = plan(train={"optimizer": "sgd"}, space=space).shapes
    assert shape.points == 4


def test_ranges_of_new_numbers() -> None:
    space = {
        "train.clip_norm": {"log_uniform": [0.01, 10]},
        "train.ema": {"uniform": [0.9, 0.999]},
        "train.loss.gamma": {"uniform": [0, 5]},
        "train.optimizer.weight_decay": {"log_uniform": [0.0001, 0.1]},
    }
    train = {"loss": "focal", "optimizer": "adamw"}
    (shape,) = plan(train=train, space=space, search="random", max_trials=5).shapes
    assert shape.points == 5


def test_batches_in_a_step_belong_to_the_shape() -> None:
    made = plan(space={"train.accumulate": [1, 4]})
    assert [shape.points for shape in made.shapes] == [1, 1]


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"train": {"clip_norm": 0}}, "/train/clip_norm", "must be none or a number from 1e-12"),
        ({"space": {"train.clip_value": [1, -1]}}, "/space/train.clip_value/1", "must be none or a number"),
        ({"space": {"ema": [0.9, 1.0]}}, "/space/ema/1", "must be a number from 0 to 0.999999, got 1.0"),
        ({"train": {"accumulate": 0}}, "/train/accumulate", "must be an integer from 1 to 4096, got 0"),
        ({"train": {"warmup": 99}}, "/train/warmup", "must be shorter than training, 10 epochs of 43 steps"),
        ({"space": {"train.warmup": [0, {"steps": 430}]}}, "/space/train.warmup", "got 430 steps"),
        ({"train": {"warmup": {"stepps": 3}}}, "/train/warmup", "n from 1 to 1000000000; got {'stepps': 3}"),
        (
            {"train": {"loss": {"name": "softmax", "class_weights": [1, 2]}}},
            "/train/loss/class_weights",
            "must have 10 weights, one for each class of the data; got 2",
        ),
        *(
            (
                {"train": {"warmup": wrong}},
                "/train/warmup",
                "must be a number of epochs from 0 to 10000, or {steps: n}, n from 1 to 1000000000; "
                f"got {wrong!r}",
            )
            for wrong in ({"steps": 0}, {"steps": 2.5}, {"steps": None}, {"steps": 5, "epochs": 1}, {}, -1)
        ),
        (
            {"train": {"accumulate": 100}},
            "/train/accumulate",
            "must be at most 43, the batches of an epoch: 5,400 images, 128 in a batch; got 100",
        ),
        (
            {"space": {"train.accumulate": [1, 100]}},
            "/space/train.accumulate",
            "must be at most 43, the batches of an epoch",
        ),
        (
            {"train": {"epochs": 30, "schedule": {"name": "cosine", "over": 10}}},
            "/train/schedule/over",
            "must be at least 30 epochs: behind it cosine leaves no rate to train with",
        ),
        (
            {"train": {"optimizer": {"name": "sgd", "nesterov": True}}},
            "/train/optimizer/nesterov",
            "must be no",
        ),
        ({"train": {"optimizer": "adamw2"}}, "/train/optimizer", "Did you mean 'adamw'"),
        ({"space": {"label_smoothing": [0, 0.1]}}, "/space/label_smoothing", "train.loss.smoothing"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_written(fields: dict[str, Any], place: str, words: str) -> None:
    found = refused(**fields)
    assert words in found.get(place, str(found))
    assert set(found) == {place}
