"""docs/submitting.md names every field of the spec, and every sweep that it shows can be submitted."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnnlab import registry
from services.api.library import Library
from services.domain.planning.planner import make_plan
from services.domain.spec.axis_forms import AXIS_FORMS
from services.domain.spec.objective import PARTS
from services.domain.spec.spec import Spec

PAGE = (Path(__file__).parents[2] / "docs" / "submitting.md").read_text(encoding="utf-8")
SPECS: list[dict[str, Any]] = [
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]
TRIALS = {
    "quarter": 9,
    "first": 30,
    "by-results": 60,
    "balanced": 2,
    "optimizers": 6,
    "momentum": 7,
    "sizes": 18,
    "augmented": 6,
    "zipped": 3,
    "constrained": 10,
    "folds": 15,
    "random": 60,
    "recipe": 8,
}


@cache
def library() -> Library:
    return Library()


@pytest.mark.parametrize("field", Spec.model_fields)
def test_every_field_has_its_line(field: str) -> None:
    assert re.search(rf"^\| `{field}` \|", PAGE, re.MULTILINE)


def test_every_field_of_train_has_its_line() -> None:
    train = {"metrics": ["balanced-acc"]}  # a field that is there only when it is not empty
    config = library().resolve({"model": "mlp", "data": "fashion-mnist-mini", "train": train})
    for field in config["train"]:
        assert re.search(rf"^\| [^|]*`train\.{field}`", PAGE, re.MULTILINE), field


def test_every_field_of_data_has_its_line_and_its_default() -> None:
    data = library().resolve({"model": "mlp", "data": "fashion-mnist-mini"})["data"]
    for field in data.keys() - {"name"}:
        (told,) = re.findall(rf"^\| `data\.{field}` \| `?([\w.-]+)", PAGE, re.MULTILINE)
        assert told == f"{data[field]:g}" if isinstance(data[field], float) else told == str(data[field])


def test_every_form_of_an_axis_and_every_metric_is_shown() -> None:
    for form in AXIS_FORMS:
        assert f"{{{form}: [" in PAGE
    for name in (*registry.built_in("metrics"), "loss"):
        assert re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE)
    for part in PARTS:
        assert f"`{part}/`" in PAGE


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["name"])
def test_every_sweep_can_be_submitted_and_is_as_large_as_the_page_says(spec: dict[str, Any]) -> None:
    plan = make_plan(Spec.model_validate(spec), library(), limit=1000, memory=2**31)
    assert plan.trials == TRIALS[spec["name"]]
