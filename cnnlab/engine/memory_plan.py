"""Places in one memory for tensors that live one after the other."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
ALIGNMENT = 64  # bytes: the widest vector, and a line of the cache


class Lifetime(NamedTuple):
    """A tensor's size in bytes, and the numbers of the first and the last operation that use it."""

    size: int
    first: int
    last: int


def plan(lives: Mapping[Key, Lifetime]) -> tuple[dict[Key, int], int]:
    """Return the place of each tensor in a memory, in bytes, and the size of the memory.

    Tensors of which one is used before the other's last use, or both by one operation, do not overlap. Each
    gets the lowest place that is free when it is made: what was used last is most likely in the cache, and
    lies there. Places are multiples of 64.
    """
    places: dict[Key, int] = {}
    taken: list[tuple[int, int, int]] = []  # place, end and last use of what still lives, by place
    size = 0
    for name, life in sorted(lives.items(), key=lambda item: item[1].first):
        taken = [block for block in taken if block[2] >= life.first]
        place = 0
        for start, end, _ in taken:
            if start - place >= life.size:
                break
            place = end
        end = place + -(-life.size // ALIGNMENT) * ALIGNMENT
        places[name] = place
        taken = sorted([*taken, (place, end, life.last)])
        size = max(size, end)
    return places, size
