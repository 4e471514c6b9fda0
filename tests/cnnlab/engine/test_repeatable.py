"""On a GPU cuDNN is asked for the same bits each time, in every pass of an array, and only there."""

from typing import Any

import pytest
import torch

from cnnlab import registry, resolve
from cnnlab.engine.array import Array
from cnnlab.engine.net import build
from cnnlab.engine.repeatable import repeatable

ASKED = (True, False)  # deterministic, benchmark


def setting() -> tuple[bool, bool]:
    return torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark


def test_what_was_set_before_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before = setting()
    with repeatable(torch.device("cuda")):
        assert setting() == ASKED
    with repeatable(torch.device("cpu")):
        assert setting() == before
    assert setting() == before == (False, True)


def test_every_pass_of_an_array_is_made_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU is made of the processor's tensors."""
    config = resolve({"model": {"name": "mlp", "hidden": [4]}, "data": {"name": "fashion-mnist-mini"}})
    array = Array(build(config), [config] * 2, [0, 1])
    x, y = torch.zeros(4, 2, 1, 28, 28), torch.zeros(4, 2, dtype=torch.int64)
    array.device = torch.device("cuda")
    seen: list[tuple[bool, bool]] = []
    linear = registry.get("layers", "linear")
    forward = linear.forward

    def watched(self: Any, *given: Any) -> Any:
        seen.append(setting())
        return forward(self, *given)

    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(linear, "forward", watched)
    array.step(x, y)
    array.evaluate(x, y)
    array.predict(x)
    array.add_to_population(x)
    array.time_ways(x, y, lambda name, function: 0.0)
    assert {*seen} == {ASKED}
    assert len(seen) >= 10
