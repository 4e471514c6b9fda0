"""The status of sweeps: what each waits for, and that a page of them costs no more queries than one."""

from __future__ import annotations

from typing import Any

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import event, update

from services.domain.retry import Failure
from services.domain.states import TrialState
from services.host import HostDevice
from services.store import devices, endings, speeds, sweep_status, sweep_verbs, sweeps
from services.store.models import Pack, Trial
from services.store.session import Session, Store
from services.store.sweep_status import SweepStatus
from services.store.trials import Epochs


def claim(store: Store, device: str, plugins: str = "") -> None:
    """Have a worker claim a device of its own."""
    found = HostDevice("host", device, "cpu", device)
    assert store.write(lambda session: devices.claim(session, [found], "w", device, 60.0, plugins))


def of(store: Store, *sweep_ids: str) -> list[SweepStatus]:
    def read(session: Session) -> list[SweepStatus]:
        return sweep_status.of(session, [sweeps.get(session, sweep_id) for sweep_id in sweep_ids])

    return store.read(read)


def test_a_sweep_that_trains(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    [status] = of(store, sweep_id)
    key = status.plan.shapes[0].key
    for machine, width, speed in (("a", speeds.PLAIN, 10.0), ("b", speeds.PLAIN, 12.0), ("a", 4, 99.0)):
        store.write(lambda s, m=machine, w=width, v=speed: speeds.record(s, key, m, w, v))  # type: ignore[misc]
    [status] = of(store, sweep_id)
    assert (status.standing.counts, status.standing.epochs[0].done) == ({"running": 4}, 4)
    assert (status.busy, status.work, status.plain) == (0.01, 0.009, {key: 12.0})
    assert (status.at_once, status.idle, status.refused, status.failed) == (1, True, False, [])
    claim(store, "cpu:0")
    [status] = of(store, sweep_id)
    assert (status.stalled, status.idle) == (False, False)
    assert [(commit.shape, commit.trials) for commit in status.commits] == [(0, 4)]
    assert status.sweep.mirror.run_id is None


def test_what_a_sweep_waits_for(store: Store) -> None:
    sweep_id = write_sweep(store)
    [status] = of(store, sweep_id)
    assert (status.idle, status.refused, status.at_once) == (True, False, 0)
    claim(store, "cpu:0")
    [status] = of(store, sweep_id)
    assert (status.idle, status.refused, status.at_once) == (False, False, 1)
    store.write(lambda session: setattr(sweeps.lock(session, sweep_id), "plugins", "d1"))
    [status] = of(store, sweep_id)
    assert (status.idle, status.refused) == (False, True)
    claim(store, "cpu:1", plugins="d1")
    assert not of(store, sweep_id)[0].refused
    held = take(store, fill(store, sweep_id))
    error = {"kind": Failure.CRASHED, "message": "out of memory"}
    store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, error))
    assert [attempt.message for attempt in of(store, sweep_id)[0].failed] == ["out of memory"]
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    [status] = of(store, sweep_id)
    assert (status.stalled, status.failed) == (False, [])  # it wants no worker


def test_one_attempt_that_runs_after_several_failed_is_no_progress(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store, "cpu:0")
    for failed in range(3):
        store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
        held = take(store, fill(store, sweep_id))
        [status] = of(store, sweep_id)
        assert (status.stalled, len(status.failed)) == (failed > 1, failed if failed > 1 else 0)
        error = {"kind": Failure.HOST, "message": "no room on the disk"}
        store.write(lambda s, h=held, e=error: endings.give_up(s, h, Failure.HOST, e))  # type: ignore[misc]


def read_and_note(store: Store, page: list[str]) -> tuple[list[SweepStatus], list[str]]:
    """The status of some sweeps, and the statements that it took."""
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def read(session: Session) -> list[SweepStatus]:
        found = [sweeps.get(session, sweep_id) for sweep_id in page]
        statements.clear()
        return sweep_status.of(session, found)

    event.listen(store.engine, "before_cursor_execute", count)
    shown = store.read(read)
    event.remove(store.engine, "before_cursor_execute", count)
    return shown, statements


def test_epochs_are_read_again_only_once_there_is_a_new_one(store: Store) -> None:
    claim(store, "cpu:0")
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    [first], statements = read_and_note(store, [sweep_id])
    [again], fewer = read_and_note(store, [sweep_id])
    assert (len(first.commits), len(again.commits)) == (1, 1)
    assert any("events.data" in each for each in statements)
    assert not any("events.data" in each for each in fewer)
    report(store, held, 2, ids)
    [later], _ = read_and_note(store, [sweep_id])
    assert [commit.trials for commit in later.commits] == [4, 4]


def test_each_sweep_of_a_page_has_its_own_numbers_in_as_many_queries_as_one(sqlite_store: Store) -> None:
    sweep_ids = [write_sweep(sqlite_store) for _ in range(4)]
    held = take(sqlite_store, fill(sqlite_store, sweep_ids[2]))
    report(sqlite_store, held, 1, [trial.id for trial in trials_of(sqlite_store, sweep_ids[2])])
    asked = []
    for page in (sweep_ids[2:3], sweep_ids):
        store = Store(str(sqlite_store.engine.url))  # which keeps nothing in memory yet
        shown, statements = read_and_note(store, page)
        store.close()
        asked.append(len(statements))
    assert asked[0] == asked[1]
    assert [status.sweep.id for status in shown] == sweep_ids
    assert [status.standing.counts for status in shown] == [{}, {}, {"running": 4}, {}]
    left = shown[2].plan.shapes[0].epochs * 4 - 4
    assert [status.standing.epochs for status in shown] == [{}, {}, {0: Epochs(4, left)}, {}]


def test_between_two_packs_the_progress_is_still_known(store: Store) -> None:
    sweep_id = write_sweep(store, space={"model.depth": [2, 3]})
    claim(store, "cpu:0")
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id) if trial.shape == 0]
    report(store, held, 1, ids)
    for trial_id in ids:
        store.write(lambda s, t=trial_id: endings.end_trial(s, held, t, TrialState.SUCCEEDED))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "reached epoch 3"))
    [status] = of(store, sweep_id)
    assert (len(status.commits), status.stalled) == (1, True)
    store.write(lambda s: s.execute(update(Pack).values(closed_at=Pack.closed_at - 11_000)))
    assert of(store, sweep_id)[0].commits == []
