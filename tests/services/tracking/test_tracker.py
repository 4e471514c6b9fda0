"""services/tracking/tracker.py, as far as it needs no MLflow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from paper_sweep import fill, take, write_sweep

from services.settings import Settings
from services.store import mirror, sweep_verbs, sweeps
from services.store.mirror import MirrorLease
from services.store.session import Store
from services.tracking import tracker
from services.tracking.duty_cycle import DutyCycle
from services.tracking.mirror_sweep import SweepMirror
from services.tracking.tracker import Tracker


def test_without_a_server_nothing_is_exported_and_nothing_is_behind_for_it(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    sweep_id = write_sweep(sqlite_store)
    take(sqlite_store, fill(sqlite_store, sweep_id))
    tracker = Tracker(sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": None}), "worker")
    assert tracker.behind() == [sweep_id]
    assert tracker.mirror(sweep_id)
    assert sqlite_store.read(lambda session: sweeps.get(session, sweep_id)).mirror.run_id is None


def test_two_trackers_of_one_name_are_two_owners(sqlite_store: Store, sqlite_settings: Settings) -> None:
    owners = {Tracker(sqlite_store, sqlite_settings, "w" * 99)._owner for _ in range(2)}
    assert len(owners) == 2
    assert all(len(owner) <= 64 for owner in owners)


class Turns:
    """Stands where sweeps are mirrored: which had a turn; `left` is how many turns each needs."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.had, self.left = store, [], dict[str, int]()
        self.clock = 1000.0

        def run(sweep: SweepMirror, is_over: object) -> bool:
            sweep_id = sweep._sweep.id
            self.had.append(sweep_id)
            self.clock += 1.0
            self.mirrored(sweep_id)
            self.left[sweep_id] = self.left.get(sweep_id, 1) - 1
            return self.left[sweep_id] <= 0

        monkeypatch.setattr(SweepMirror, "run", run)

    had: list[str]

    def mirrored(self, sweep_id: str) -> None:
        """Store that the sweep has a run, and nothing of its trials."""
        lease = MirrorLease(sweep_id, self.owner, 60.0)
        self.store.write(lambda session: mirror.store_parent(session, lease, "7", f"run-{sweep_id}"))

    def round(self, tracker: Tracker) -> bool:
        """One round."""
        self.owner = tracker._owner
        return tracker.round(lambda: False)


@pytest.fixture
def turns(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Turns are counted, not taken."""
    return Turns(sqlite_store, monkeypatch)


def paced(turns: Turns, settings: Settings) -> Tracker:
    """A tracker whose duty cycle has the clock of the turns."""
    made = Tracker(turns.store, settings.model_copy(update={"mlflow_url": "http://127.0.0.1:1"}), "upkeep")
    made._duty = DutyCycle(tracker.LIVE_SHARE, tracker.LIVE_PERIOD, 1000.0, lambda: turns.clock)
    return made


def test_a_sweep_that_goes_on_rests_and_one_that_has_ended_does_not(
    turns: Turns, sqlite_settings: Settings
) -> None:
    store, made = turns.store, paced(turns, sqlite_settings)
    going = write_sweep(store)
    turns.left[going] = 9
    assert turns.round(made)  # it has a run now, and there is more
    assert not turns.round(made)
    assert turns.had == [going, going]
    assert not turns.round(made)
    assert turns.had == [going, going]
    turns.clock += 1 / tracker.LIVE_SHARE
    assert not turns.round(made)
    assert turns.had == [going] * 3
    store.write(lambda session: sweep_verbs.cancel(session, going))
    assert store.write(lambda session: sweeps.settle(session, going))
    for _ in range(5):
        assert turns.round(made)
    assert not turns.round(made)
    assert turns.had == [going] * 9


def test_only_the_end_of_a_sweep_that_went_on_is_an_end(turns: Turns, sqlite_settings: Settings) -> None:
    store, made = turns.store, paced(turns, sqlite_settings)
    going, other = write_sweep(store), write_sweep(store)
    turns.left = dict.fromkeys([going, other], 9)
    assert not made.is_watching
    turns.round(made)
    turns.round(made)
    assert made.is_watching
    assert not made.has_ended()
    store.write(lambda session: sweep_verbs.cancel(session, going))
    assert store.write(lambda session: sweeps.settle(session, going))
    assert made.has_ended()
    turns.round(made)
    assert not made.has_ended()


def test_while_mlflow_has_everything_one_round_in_ten_looks_at_all_and_a_change_is_seen_at_once(
    turns: Turns, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = paced(turns, sqlite_settings)
    rounds: list[bool] = []
    looks: list[int] = []
    due = Tracker._due
    monkeypatch.setattr(Tracker, "_due", lambda *them: looks.append(len(rounds)) or due(*them))
    while len(rounds) < 25:
        rounds.append(turns.round(made))
    assert (looks, any(rounds)) == ([0, 10, 20], False)
    sweep_id = write_sweep(turns.store)
    turns.round(made)
    assert turns.had == [sweep_id]


def test_a_new_sweep_waits_for_no_rest(turns: Turns, sqlite_settings: Settings) -> None:
    made = paced(turns, sqlite_settings)
    first = write_sweep(turns.store)
    turns.left[first] = 9
    while turns.round(made):
        pass
    second = write_sweep(turns.store)
    turns.round(made)
    assert turns.had == [first, first, second]


def test_sweeps_that_go_on_take_turns(
    turns: Turns, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = paced(turns, sqlite_settings)
    both = [write_sweep(turns.store), write_sweep(turns.store)]
    turns.left = dict.fromkeys(both, 9)
    for _ in range(2):
        turns.round(made)
    turns.had.clear()

    def timer(_: float) -> Callable[[], bool]:
        before = len(turns.had)
        return lambda: len(turns.had) > before  # one turn takes all the time

    monkeypatch.setattr(tracker, "_timer", timer)
    for _ in range(4):
        turns.clock += 1000.0
        turns.round(made)
    assert sorted(turns.had[:2]) == sorted(both)
    assert turns.had[:2] == turns.had[2:4]


def test_a_sweep_that_another_process_mirrors_is_not_asked_for_again_at_once(
    turns: Turns, sqlite_settings: Settings
) -> None:
    sweep_id = write_sweep(turns.store)
    other = MirrorLease(sweep_id, "another", 60.0)
    assert turns.store.write(lambda session: mirror.take(session, other))
    assert not turns.round(paced(turns, sqlite_settings))
    assert turns.had == []
