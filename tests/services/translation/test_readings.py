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
