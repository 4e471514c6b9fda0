"""The first choice of a way to convolve is settled, for all arrays that are alike."""

from __future__ import annotations

from functools import partial

from services.store import convolution_choices
from services.store.convolution_choices import ArrayKind
from services.store.session import Store

ARRAYS = ArrayKind("shape", "NVIDIA H200", 64)


def settle(store: Store, arrays: ArrayKind = ARRAYS, **timed: str) -> dict[str, str]:
    return store.write(partial(convolution_choices.settle, arrays=arrays, timed=timed))


def test_the_first_choice_stays_and_a_new_task_is_added(store: Store) -> None:
    assert settle(store, conv1="columns", conv2="grouped") == {"conv1": "columns", "conv2": "grouped"}
    assert settle(store, conv2="branches", conv3="fused") == {"conv2": "grouped", "conv3": "fused"}
    found = store.read(partial(convolution_choices.chosen, arrays=ARRAYS))
    assert found == {"conv1": "columns", "conv2": "grouped", "conv3": "fused"}


def test_another_shape_machine_or_width_has_choices_of_its_own(store: Store) -> None:
    settle(store, conv1="columns")
    for other in (
        ArrayKind("another", "NVIDIA H200", 64),
        ArrayKind("shape", "NVIDIA H100", 64),
        ArrayKind("shape", "NVIDIA H200", 32),
    ):
        assert store.read(partial(convolution_choices.chosen, arrays=other)) == {}
        assert settle(store, other, conv1="grouped") == {"conv1": "grouped"}


def test_nothing_to_settle_writes_nothing(store: Store) -> None:
    assert settle(store) == {}
