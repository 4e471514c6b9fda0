"""services/upkeep/pace.py."""

from __future__ import annotations

from paper_sweep import write_sweep

from services.store import sweep_verbs
from services.store.session import Store
from services.upkeep.pace import Pace


def rounds(pace: Pace, number: int) -> list[tuple[bool, float]]:
    """So many rounds: whether each is done, and the pause after it."""
    return [(pace.is_due(), pace.pause) for _ in range(number)]


def test_at_rest_pauses_double_and_chores_are_done_every_ten_periods(sqlite_store: Store) -> None:
    pace = Pace(sqlite_store, 2.0)
    assert rounds(pace, 1) == [(True, 2.0)]  # the first, whatever was before
    assert rounds(pace, 4) == [(False, 4.0), (False, 8.0), (False, 10.0), (True, 10.0)]
    assert rounds(pace, 4) == [(False, 10.0), (True, 10.0)] * 2


def test_what_begins_has_the_next_round_and_one_more_after_its_end(sqlite_store: Store) -> None:
    pace = Pace(sqlite_store, 1.0)
    assert rounds(pace, 3) == [(True, 1.0), (False, 2.0), (False, 4.0)]
    sweep_id = write_sweep(sqlite_store)
    assert rounds(pace, 3) == [(True, 1.0)] * 3
    sqlite_store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert rounds(pace, 3) == [(True, 1.0), (False, 2.0), (False, 4.0)]


def test_a_database_that_does_not_answer_slows_nothing_down() -> None:
    pace = Pace(Store("sqlite:////nowhere/at/all.db"), 1.0)
    assert rounds(pace, 5) == [(True, 1.0)] * 5
