"""What a spec refuses by itself."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_spec

from services.domain.spec.spec import Spec


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (None, "got null"),
        ({"unifrom": [0, 1]}, "Did you mean 'uniform'"),
        ({"uniform": [1, 0]}, r"low below high, got \[1, 0\]"),
        ({"uniform": [0, 1], "step": 0}, "greater than 0"),
        ({"uniform": [True, 2]}, "must be a number"),
        ({"uniform": [0, float("nan")]}, "must be a number"),
        ({"uniform": [0]}, r"must be \[low, high\], got \[0\]"),
        ({"log_uniform": []}, r"must be \[low, high\], got \[\]"),
        ({"int": 3}, r"must be \[low, high\], got 3"),
        ({"uniform": [0, 1], "stp": 1}, "Extra inputs"),
        ({"log_uniform": [0, 1]}, "begin above 0, got 0"),
        ({"log_uniform": [1, 2], "step": 1}, "greater than 1"),
        ({"int": [1.5, 3]}, "must be an integer, got 1.5"),
        ({"int": [3, 3]}, "low below high"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(written: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        paper_spec(space={"model.dropout": written})


def test_whole_numbers_may_be_written_as_json_writes_them() -> None:
    spec = paper_spec(seeds=3.0, max_trials=6.0, seed=1.0)
    assert (spec.seeds, spec.max_trials, spec.seed) == (3, 6, 1)
    with pytest.raises(ValueError, match=r"must be an integer, got 2\.5"):
        paper_spec(seeds=2.5)


@pytest.mark.parametrize(
    "field", ["space", "train", "constraints", "zip", "objective", "description", "project"]
)
def test_a_field_with_nothing_below_it_is_left_out(field: str) -> None:
    """As where everything below it is commented out."""
    assert Spec.model_validate({"name": "x", field: None}) == Spec.model_validate({"name": "x"})
