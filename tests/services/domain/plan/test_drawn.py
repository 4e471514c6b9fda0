"""services/domain/plan/drawn.py: in whatever order shapes have their turn, each number is drawn once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.domain.plan.drawn import Drawn

# Shapes with 3, 2 and 4 trials.
PLAN: Any = SimpleNamespace(
    trials=9, asked=None, numbers_by_stretch=list(enumerate([range(3), range(3, 5), range(5, 9)]))
)
TURN = st.tuples(st.none() | st.sets(st.integers(0, 2)), st.integers(1, 4))


def draw(drawn: Drawn, shapes: set[int] | None, most: int) -> tuple[Drawn, range]:
    """Draw up to so many trials of one of these shapes."""
    first = drawn.next(PLAN, shapes)
    if first is None:
        return drawn, range(0)
    [own] = (numbers for _, numbers in PLAN.numbers_by_stretch if first in numbers)
    numbers = range(first, min(first + most, own.stop))
    return drawn.and_also(PLAN, numbers), numbers


@given(st.lists(TURN))
def test_each_number_is_drawn_once_and_each_shape_s_in_order(
    turns: list[tuple[set[int] | None, int]],
) -> None:
    drawn, found = Drawn(), list[int]()
    for shapes, most in [*turns, *[(None, 4)] * 9]:
        drawn, numbers = draw(drawn, shapes, most)
        found += numbers
        left = [number for number in range(9) if number not in found]
        assert [drawn.left(own) for _, own in PLAN.numbers_by_stretch] == [
            len(set(own).intersection(left)) for _, own in PLAN.numbers_by_stretch
        ]
        assert drawn.below == min(left, default=9)  # so "some are left" can be asked of one number
        for shape, own in PLAN.numbers_by_stretch:
            assert drawn.next(PLAN, {shape}) == next((number for number in own if number in left), None)
            assert [number for number in found if number in own] == sorted(set(found).intersection(own))
    assert sorted(found) == list(range(9))
    assert drawn == Drawn(9, {})


def test_without_a_choice_of_shapes_it_is_a_count() -> None:
    drawn = Drawn()
    for number in range(9):
        assert drawn.next(PLAN) == number
        drawn = drawn.and_also(PLAN, range(number, number + 1))
        assert drawn == Drawn(number + 1)
    assert drawn.next(PLAN) is None


def test_a_shape_drawn_ahead_is_skipped_when_its_turn_comes() -> None:
    drawn, numbers = draw(Drawn(), {1, 2}, 9)
    assert (drawn, numbers) == (Drawn(0, {3: 5}), range(3, 5))
    drawn, numbers = draw(drawn, {1, 2}, 1)
    assert (drawn, numbers) == (Drawn(0, {3: 5, 5: 6}), range(5, 6))
    drawn, numbers = draw(drawn, None, 9)
    assert (drawn, numbers) == (Drawn(6), range(3))
