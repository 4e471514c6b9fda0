"""services/store/array_places.py; test_rungs.py gives places to trials that go on."""

from __future__ import annotations

from services.store import array_places
from services.store.models import Trial


def test_of_trials_with_one_row_the_first_is_chosen() -> None:
    waiting = [Trial(id=name, row=row) for name, row in (("a", 1), ("b", 1), ("c", 0), ("d", 2))]
    assert [trial.id for trial in array_places.choose(waiting, None)] == ["a", "c", "d"]
    assert [trial.id for trial in array_places.choose(waiting, 2)] == ["a", "c"]
