"""services/upkeep/pace.py."""

from __future__ import annotations

from paper_sweep import write_sweep

from services.store import sweep_verbs
from services.store.session import Store
from services.upkeep.pace import REST_ROUNDS, Pace


def test_at_rest_one_round_in_ten_is_done(sqlite_store: Store) -> None:
    pace = Pace(sqlite_store)
    assert pace.is_due()  # the first, whatever was before
    done = [pace.is_due() for _ in range(3 * REST_ROUNDS)]
    assert [number for number, each in enumerate(done, 1) if each] == [
        REST_ROUNDS,
        2 * REST_ROUNDS,
        3 * REST_ROUNDS,
    ]


def test_what_begins_has_the_next_round_and_one_more_after_its_end(sqlite_store: Store) -> None:
    pace = Pace(sqlite_store)
    assert [pace.is_due() for _ in range(3)] == [True, False, False]
    sweep_id = write_sweep(sqlite_store)
    assert [pace.is_due() for _ in range(3)] == [True] * 3
    sqlite_store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert [pace.is_due() for _ in range(3)] == [True, False, False]


def test_a_database_that_does_not_answer_slows_nothing_down() -> None:
    pace = Pace(Store("sqlite:////nowhere/at/all.db"))
    assert all(pace.is_due() for _ in range(5))
