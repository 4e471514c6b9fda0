"""services/translation/readings.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.translation import readings
from services.translation.readings import Reader, UnreadableValue


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (readings.number, "0.01", 0.01),
        (readings.whole, "64", 64),
        (readings.whole, 64.0, 64),
        (readings.batch, "full", "full"),
        (readings.widths, [16, "32"], [16, 32]),
        (readings.widths, 0, "none"),
        (readings.widths, "none", "none"),
        (readings.widths, "16-32", [16, 32]),
        (readings.widths, "16, 32,64", [16, 32, 64]),
        (readings.widths, "16", 16),
        (readings.folds, "1", 0),
        (readings.folds, 5, 5),
        (readings.bound, 0, "none"),
        (readings.bound, 0.0, "none"),
        (readings.bound, None, "none"),
        (readings.bound, "none", "none"),
        (readings.bound, "0.5", 0.5),
        (readings.class_weights, "balanced", "balanced"),
        (readings.class_weights, True, "balanced"),
        (readings.class_weights, None, "none"),
        (readings.class_weights, False, "none"),
        (readings.class_weights, [1, "2"], [1, 2]),
        (readings.pieces, [[4, "0.1"]], [[4, 0.1]]),
        (readings.yes_no, True, "yes"),
        (readings.yes_no, "False", "no"),
        (readings.yes_no, 1, "yes"),
        (readings.norm, "batch_norm", "batch"),
        (readings.norm, False, "none"),
        (readings.norm, None, "none"),
        (readings.average, True, "average"),
        (readings.average, "no", "none"),
        (readings.steps, 500, "500 steps"),
        (readings.steps, 0, 0),
        (readings.kept, 0.9, 0.1),
        (readings.named("train.optimizer"), "torch.optim.SGD", "sgd"),
        (readings.named("model"), "ResNet-18", {"name": "resnet", "depth": 18}),
        (readings.named("data"), "Fashion_MNIST", "fashion-mnist"),
    ],
)
def test_a_value_is_read(read: Reader, given: Any, expected: Any) -> None:
    assert read(given) == expected


@pytest.mark.parametrize(
    ("read", "given", "words"),
    [
        (readings.number, "high", "is no number"),
        (readings.number, True, "is no number"),
        (readings.whole, 1.5, "is no integer"),
        (readings.batch, "all", "is no number"),
        (readings.widths, [16, "a"], "is no number"),
        (readings.yes_no, "perhaps", "is neither true nor false"),
        (readings.norm, "group", "is no normalization of a model: batch, local-response or none"),
        (readings.word({"max": "max", "avg": "average"}), "min", "is none of max, avg"),
        (readings.named("train.optimizer"), "adadelta", "is no name .* catalog optimizers"),
        (readings.named("train.optimizer"), 3, "is no name"),
    ],
)
def test_a_value_that_cannot_stand_there_says_why(read: Reader, given: Any, words: str) -> None:
    with pytest.raises(UnreadableValue, match=words):
        read(given)


def test_an_entry_that_is_changed_later_leaves_the_table_as_it_is() -> None:
    read = readings.named("train.schedule")
    read("cosine")["over"] = 3
    assert read("cosine") == {"name": "cosine", "unit": "fraction"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [(True, True), ("yes", True), ("False", False), ("off", False), (1, None), (0.0, None), ("x", None)],
)
def test_what_is_a_switch(given: Any, expected: bool | None) -> None:
    assert readings.switch(given) is expected


@pytest.mark.parametrize(
    ("read", "given", "words"),
    [
        (readings.class_weights, "heavy", "neither balanced nor a list"),
        (readings.pieces, [4, 8], "is no list of pairs"),
        (readings.bound, "x", "is no number"),
        (readings.widths, "16-", "is no number"),
    ],
)
def test_what_cannot_be_read_says_so(read: Reader, given: Any, words: str) -> None:
    with pytest.raises(UnreadableValue, match=words):
        read(given)
