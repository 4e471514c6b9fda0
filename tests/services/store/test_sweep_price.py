"""The price of a sweep, from what its packs have worked and the speeds of plain loops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.domain.results.price import Price
from services.store import sweep_price
from services.store.trials import Epochs


def status(**changes: Any) -> Any:
    """Two shapes, of 100 and of 200 images; 6 trials of 3 epochs, in 5 s."""
    shapes = [
        SimpleNamespace(key="a", images={"train": 100, "val": 10}),
        SimpleNamespace(key="b", images={"train": 200, "val": 20}),
    ]
    epochs = {0: made(trained=9), 1: made(trained=9)}
    given = {
        "plan": SimpleNamespace(origin=None, shapes=shapes),
        "standing": SimpleNamespace(epochs=epochs),
        "plain": {"a": 100.0, "b": 50.0},
        "work": 5.0,
        "sweep": SimpleNamespace(total=6),
        "all_epochs": 18,
    }
    return SimpleNamespace(**{**given, **changes})


def made(trained: int, reused: int = 0) -> Epochs:
    """Epochs of a shape, of which some were trained."""
    return Epochs(done=trained + reused, left=0, reused=reused, inherited=0)


def test_each_shape_counts_by_its_own_images_and_speed() -> None:
    # 9 epochs of 1 s and 9 of 4 s alone.
    assert sweep_price.of(status()) == Price(6, round(5 / 45, 3))


def test_reused_trials_are_on_neither_side() -> None:
    epochs = {0: made(trained=9), 1: made(trained=0, reused=9)}
    halved = status(standing=SimpleNamespace(epochs=epochs), plain={"a": 100.0})
    assert sweep_price.of(halved) == Price(3, round(5 / 9, 3))


@pytest.mark.parametrize(
    "changes",
    [
        {"plain": {"a": 100.0}},
        {"work": 0.0},
        {"standing": SimpleNamespace(epochs={0: made(trained=0), 1: made(trained=0)})},
        {"plan": SimpleNamespace(origin=object(), shapes=[])},
    ],
    ids=["a shape without a plain loop", "no work", "nothing trained", "a reproduction"],
)
def test_without_a_comparison_there_is_no_price(changes: dict[str, Any]) -> None:
    assert sweep_price.of(status(**changes)) is None
