"""cnnlab/engine/memory_plan.py: places that are used again, and never by two at once."""

from hypothesis import given
from hypothesis import strategies as st

from cnnlab.engine.memory_plan import ALIGNMENT, Lifetime, plan

LIVES = st.lists(
    st.builds(
        lambda size, first, more: Lifetime(size, first, first + more),
        st.integers(0, 1000),
        st.integers(0, 20),
        st.integers(0, 6),
    ),
    max_size=30,
)


@given(LIVES)
def test_what_lives_at_once_does_not_overlap(lives: list[Lifetime]) -> None:
    places, size = plan(dict(enumerate(lives)))
    assert all(place % ALIGNMENT == 0 for place in places.values())
    assert all(places[at] + life.size <= size for at, life in enumerate(lives))
    for at, life in enumerate(lives):
        for other in range(at):
            together = life.first <= lives[other].last and lives[other].first <= life.last
            start, begin = places[at], places[other]
            apart = start + life.size <= begin or begin + lives[other].size <= start
            assert apart or not together


@given(LIVES)
def test_it_is_as_large_as_what_lives_at_once_needs(lives: list[Lifetime]) -> None:
    """At least that, and at most all of them."""
    _, size = plan(dict(enumerate(lives)))
    whole = [-(-life.size // ALIGNMENT) * ALIGNMENT for life in lives]
    at_once = [
        sum(each for each, life in zip(whole, lives, strict=True) if life.first <= now <= life.last)
        for now in range(30)
    ]
    assert max(at_once) <= size <= sum(whole)


def test_the_lowest_free_place_is_taken() -> None:
    lives = {
        "a": Lifetime(100, 0, 1),
        "b": Lifetime(64, 1, 4),
        "c": Lifetime(60, 2, 3),  # where a was
        "d": Lifetime(65, 2, 2),  # too large for what is left of a's place
        "e": Lifetime(10, 3, 3),
    }
    assert plan(lives) == ({"a": 0, "b": 128, "c": 0, "d": 192, "e": 64}, 320)


def test_nothing_takes_nothing() -> None:
    assert plan({}) == ({}, 0)
