"""A recorded choice of a way wins over the timing, and what is not chosen is computed by the default."""

from collections.abc import Callable, Mapping

import packing  # noqa: F401  (one thread)
import pytest
import torch
from torch import Tensor

from cnnlab.errors import RegistryError
from cnnlab.kernels import ways
from cnnlab.kernels.way_choices import Timer, WayChoices

TASK = "2x6x5 by 3 of 3x3 padding 1x0 stride 1"
POOLED = "2x6x5 by 3 of 3x3 padding 1x0 stride 1 max-pool relu"


def made(seconds: Mapping[str, float], asked: list[str] | None = None) -> Timer:
    """A clock that has these seconds for each way."""

    def timer(name: str, function: Callable[[], None]) -> float:
        function()
        if asked is not None:
            asked.append(name)
        return seconds[name]

    return timer


def given(needs: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    sizes = (4, 2, 2, 6, 5), (2, 3, 2, 3, 3), (2, 3)
    x, weight, bias = (torch.randn(*size, generator=random).requires_grad_(needs) for size in sizes)
    return x, weight, bias


FAST_COLUMNS = {"grouped": 2.0, "branches": 3.0, "columns": 1.0}


def test_the_fastest_is_chosen_and_kept() -> None:
    asked: list[str] = []
    choices = WayChoices()
    with choices.timing(made(FAST_COLUMNS, asked)):
        for _ in range(2):
            found = choices.convolve(*given(), (1, 0), 1)
            pooled = choices.convolve_and_pool(*given(), (1, 0), "behind")
    assert choices.chosen == {TASK: "columns", POOLED: "columns"}
    assert choices.met == [TASK, POOLED]
    assert sorted(asked) == sorted([*FAST_COLUMNS] * 2)
    assert torch.equal(found, ways.get("columns").convolve(*given(), (1, 0), 1))
    assert torch.equal(pooled, ways.get("columns").convolve_and_pool(*given(), (1, 0), "behind"))


def test_nothing_is_timed_outside_of_timing() -> None:
    choices = WayChoices()
    found = choices.convolve(*given(), (1, 0), 1)
    assert (choices.chosen, choices.met) == ({}, [])
    assert torch.equal(found, ways.get("grouped").convolve(*given(), (1, 0), 1))


def test_a_recorded_choice_is_taken_and_not_timed() -> None:
    asked: list[str] = []
    choices = WayChoices({TASK: "branches"})
    with choices.timing(made(FAST_COLUMNS, asked)):
        found = choices.convolve(*given(), (1, 0), 1)
    assert (asked, choices.chosen, choices.met) == ([], {TASK: "branches"}, [TASK])
    assert torch.equal(found, ways.get("branches").convolve(*given(), (1, 0), 1))


@pytest.mark.parametrize("needs", [True, False])
def test_a_backward_pass_is_timed_where_there_is_one(monkeypatch: pytest.MonkeyPatch, needs: bool) -> None:
    backward: list[int] = []
    honest = torch.autograd.grad

    def counted(outcome: Tensor, leaves: list[Tensor] | Tensor, *slope: Tensor) -> object:
        backward.extend([len(leaves)] if isinstance(leaves, list) else [])  # a way may have its own
        return honest(outcome, leaves, *slope)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    with (choices := WayChoices()).timing(made(FAST_COLUMNS)):
        choices.convolve(*given(needs), (1, 0), 1)
    assert backward == ([3] * 6 if needs else [])  # to compare three ways, and to time them


def test_a_way_that_computes_something_else_or_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*given: object) -> Tensor:
        return 1.02 * ways.get("grouped").convolve(*given)  # type: ignore[arg-type]

    def fails(*given: object) -> Tensor:
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(ways.get("columns"), "convolve", wrong)
    monkeypatch.setattr(ways.get("branches"), "convolve", fails)
    with (choices := WayChoices()).timing(made({"grouped": 9.0, "branches": 1.0, "columns": 1.0})):
        choices.convolve(*given(), (1, 0), 1)
    assert choices.chosen == {TASK: "grouped"}
    assert choices.left_out == {
        f"branches: {TASK}": "out of memory",
        f"columns: {TASK}": "its outputs differ from those of grouped by 2.0e-02",
    }


@pytest.mark.parametrize("wrong", range(3))
@pytest.mark.parametrize("pooled", [False, True])
def test_a_way_with_a_wrong_gradient_is_left_out(
    monkeypatch: pytest.MonkeyPatch, pooled: bool, wrong: int
) -> None:
    """Its outputs are right; the gradient of images, filters or biases is three times as large."""
    way, honest = ways.get("columns"), ways.get("columns").convolve

    def scaled(*given: Tensor) -> Tensor:
        factors = [t if k != wrong else 3 * t - 2 * t.detach() for k, t in enumerate(given[:3])]
        return honest(*factors, *given[3:])  # type: ignore[arg-type]

    monkeypatch.setattr(way, "convolve", scaled)
    with (choices := WayChoices()).timing(made(FAST_COLUMNS)):
        if pooled:
            choices.convolve_and_pool(*given(), (1, 0), "behind")
        else:
            choices.convolve(*given(), (1, 0), 1)
    task = POOLED if pooled else TASK
    assert choices.chosen == {task: "grouped"}
    assert choices.left_out == {f"columns: {task}": "its gradients differ from those of grouped by 2.0e+00"}


def test_a_failure_of_the_default_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways.get("grouped"), "convolve", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError), (choices := WayChoices()).timing(made(FAST_COLUMNS)):
        choices.convolve(*given(), (1, 0), 1)


def test_an_unknown_recorded_way_is_refused() -> None:
    with pytest.raises(
        RegistryError, match="must be one of branches, columns, fused, grouped; got 'winograd'"
    ):
        WayChoices({TASK: "winograd"})


def test_a_recorded_way_that_does_not_work_here_is_refused() -> None:
    choices = WayChoices({POOLED: "fused"})
    message = "the recorded way to convolve 2x6x5 .* must work on cpu in torch.float32, got fused"
    with pytest.raises(RegistryError, match=message):
        choices.convolve_and_pool(*given(), (1, 0), "behind")
