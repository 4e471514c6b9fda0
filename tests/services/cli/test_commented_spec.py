"""services/cli/commented_spec.py."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from services import escaping
from services.cli.commented_spec import WIDTH, commented
from services.translation.draft import Draft

SPEC: dict[str, Any] = {
    "name": "a",
    "description": "é: {x} # y",
    "model": {"name": "cnn", "kernel": 5},
    "train": {"epochs": 3, "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": "yes"}, "batch_size": 64,
              "schedule": {"name": "cosine", "unit": "fraction", "over": 30}},
    "space": {"train.l2": [0, 1e-5], "model.hidden": {"choice": [[64, 32], 8], "when": {"model": "cnn"}}},
    "stop": [{"name": "halving", "first": 3}],
}  # fmt: skip


def test_the_text_is_the_spec_and_each_note_stands_above_its_line() -> None:
    notes = {"model": ["m1", "m2"], "train.l2": ["l"], "gone": ["g"]}
    text = commented(Draft("W&B", dict(SPEC), notes, [("a.b", "why")]), "sweep.yaml")
    assert yaml.safe_load(text) == SPEC
    lines = text.splitlines()
    assert lines[0].startswith("# Translated from sweep.yaml, a file of W&B.")
    model = lines.index("model: {name: cnn, kernel: 5}")
    assert lines[model - 2 : model] == ["# m1", "# m2"]
    assert lines[lines.index("  train.l2: [0, 1.0e-05]") - 1] == "  # l"
    assert "train:" in lines, "a long field has its keys on lines of their own"
    assert lines[-4:] == ["# g", "", "# Without a counterpart:", "#   a.b: why"]
    assert all(len(line) <= WIDTH for line in lines)
    assert text.endswith("why\n")


def test_faults_stand_above_everything_else() -> None:
    text = commented(Draft("W&B", {"name": "a"}, {"name": ["n"]}), "f", ["/name: wrong", "/model: wrong"])
    assert text.splitlines()[1:] == [
        "# cnnlab submit refuses this spec until these are changed:",
        "#   /name: wrong",
        "#   /model: wrong",
        "# n",
        "name: a",
    ]


STEERING = ["a\nname: b", "x" * 300, "\x1b[2J", "a\u2028b", "- b\r\nc", "# d", "\ufeff", ""]


@pytest.mark.parametrize("text", STEERING)
def test_no_text_leaves_its_comment(text: str) -> None:
    draft = Draft("W&B", {"name": "a"}, {"name": [text]}, [(text, text)])
    written = commented(draft, text)
    assert yaml.safe_load(written) == {"name": "a"}
    assert escaping.is_plain(written)
    assert "[2J" not in written or "\\x1b" in written


def test_a_value_that_steers_a_terminal_is_escaped() -> None:
    written = commented(Draft("W&B", {"name": "a", "description": "\x1b[2J"}), "f")
    assert escaping.is_plain(written)
    assert yaml.safe_load(written)["description"] == "\x1b[2J"
