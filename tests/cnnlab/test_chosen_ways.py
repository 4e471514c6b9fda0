"""A fit whose convolutions are computed in chosen ways: chosen before its first step, and then kept."""

from collections.abc import Callable
from typing import Any

import packing  # noqa: F401  (one thread)
import pytest
import torch

from cnnlab import resolve
from cnnlab.errors import RegistryError
from cnnlab.fit import Fit, Row
from cnnlab.kernels.way_choices import Timer

CONFIG = resolve(
    {
        "model": {"name": "maxout-conv", "maps": [3, 2], "hidden": [6]},
        "data": {"name": "fashion-mnist-mini"},
        "train": {"batch_size": 20},
    }
)


def fastest(way: str) -> Timer:
    """A clock by which one way is the fastest."""

    def timer(name: str, function: Callable[[], None]) -> float:
        function()
        return 1.0 if name == way else 2.0

    return timer


def never(name: str, function: Callable[[], None]) -> float:
    pytest.fail(f"{name} is timed, though a choice was recorded")


def make() -> Fit:
    return Fit([Row(CONFIG, seed) for seed in (1, 2)])


def weights(fit: Fit) -> torch.Tensor:
    """The parameters after two steps."""
    fit._steps.begin(1)
    for _ in range(2):
        fit._steps.advance(20)
    return fit.array.theta


def test_on_a_processor_nothing_is_chosen() -> None:
    assert make().choose_ways() == {}


@pytest.mark.parametrize(
    "model", [CONFIG["model"], {"name": "lenet5", "norm": "batch"}], ids=["maxout", "lenet5"]
)
def test_choosing_changes_no_number_of_the_rows(model: dict[str, Any]) -> None:
    config = resolve(CONFIG | {"model": model})
    plain, chosen = (Fit([Row(config, seed) for seed in (1, 2)]) for _ in range(2))
    assert set(chosen.choose_ways(timer=fastest("grouped")).values()) == {"grouped"}
    before, after = plain.state(), chosen.state()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(weights(chosen), weights(plain))


def test_the_same_choices_have_the_same_bits_and_others_round_differently() -> None:
    first, again, other = make(), make(), make()
    chosen = first.choose_ways(timer=fastest("columns"))
    assert set(chosen.values()) == {"columns"}
    assert len(chosen) > 1
    assert again.choose_ways(chosen, timer=never) == chosen
    other.choose_ways(timer=fastest("branches"))
    ends = [weights(fit) for fit in (first, again, other)]
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])
    torch.testing.assert_close(ends[0], ends[2], rtol=1e-3, atol=1e-4)


def test_what_is_not_recorded_is_timed_and_what_is_recorded_of_other_arrays_is_not_reported() -> None:
    task, *_ = make().choose_ways(timer=fastest("columns"))
    found = make().choose_ways({task: "branches", "another": "columns"}, timer=fastest("grouped"))
    assert found[task] == "branches"
    assert {*found.values()} == {"branches", "grouped"}
    assert "another" not in found


def test_an_unknown_recorded_way_is_refused() -> None:
    with pytest.raises(RegistryError, match=r"a way to convolve must be one of .*; got 'winograd'"):
        make().choose_ways({"task": "winograd"})
