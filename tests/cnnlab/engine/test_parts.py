"""cnnlab/engine/parts.py: what objects hold."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from cnnlab.engine.parts import parts


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class SlottedChild(Slotted):
    __slots__ = ("c",)

    def __init__(self) -> None:
        super().__init__()
        self.c = 3


@dataclass
class Held:
    x: int = 1

    def method(self) -> None: ...


KEY = object()


@pytest.mark.parametrize(
    ("one", "found"),
    [
        ({"a": 1, KEY: 3}, {"a": 1, 1: 3}),
        ([4, 5], {0: 4, 1: 5}),
        ((), {}),
        (partial(max, 1, key=abs), {"function": max, "arguments": (1,), "keywords": {"key": abs}}),
        (Slotted(), {"a": 1}),
        (SlottedChild(), {"a": 1, "c": 3}),
        (Held(), {"x": 1}),
        (3, None),
        (object(), None),
    ],
)
def test_what_is_held(one: Any, found: Any) -> None:
    assert parts(one) == found


def test_a_method_holds_its_function_and_its_owner() -> None:
    held = Held()
    assert parts(held.method) == {"function": Held.method, "owner": held}
