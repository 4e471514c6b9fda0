"""Each reason that keeps a sweep from moving: found when it is there, with its time and what to do."""

from __future__ import annotations

from functools import partial

import pytest
from paper_sweep import fill, fork_of, report, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.blocker import INFORMATIVE, Blocker, BlockerKind
from services.domain.retry import Failure
from services.domain.states import SweepState, TrialState
from services.host import HostDevice
from services.store import blockers, devices, endings, leases, packs, sweep_status, sweep_verbs, sweeps
from services.store.leases import Lease
from services.store.models import MirrorSweep, MirrorTrial, Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store


def claim(store: Store, device: str = "cpu:0", plugins: str = "", kind: str = "cpu") -> None:
    """Have a worker claim a device of its own."""
    found = HostDevice("host", device, kind, device)
    assert store.write(lambda session: devices.claim(session, [found], "w", device, 60.0, plugins))


def of(store: Store, sweep_id: str, behind: bool = False) -> list[Blocker]:
    def read(session: Session) -> list[Blocker]:
        sweep = sweeps.get(session, sweep_id)
        [status] = sweep_status.of(session, [sweep])
        return blockers.of(session, sweep, status.stalled, status.failed, behind)

    return store.read(read)


def kinds(store: Store, sweep_id: str) -> list[BlockerKind]:
    return [blocker.kind for blocker in of(store, sweep_id)]


def attempt(store: Store, sweep_id: str, failure: Failure, message: str, worker: str = "worker") -> Pack:
    """One attempt by a worker, which fails at once."""
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    pack = fill(store, sweep_id)
    held = Lease.new(pack.id)
    assert store.write(lambda session: leases.take(session, held, worker, "host/cpu:0", 60.0))
    error = {"kind": failure, "message": message, "pack": pack.id}
    store.write(lambda session: endings.give_up(session, held, failure, error))
    return pack


def test_no_worker_and_what_starts_one(store: Store) -> None:
    sweep_id = write_sweep(store)
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.message) == ("no-worker", "no worker is running")
    assert blocker.since == row_of(store, Sweep, sweep_id).created_at
    assert "cnnlab up" in blocker.remedy
    claim(store)
    assert of(store, sweep_id) == []


def test_no_worker_also_while_its_packs_are_not_yet_taken_from_one_that_fell_silent(store: Store) -> None:
    sweep_id = write_sweep(store)
    take(store, fill(store, sweep_id))
    assert kinds(store, sweep_id) == ["no-worker"]


def test_a_fork_waits_for_its_parent_and_not_for_its_turn(store: Store) -> None:
    claim(store)
    parents = write_sweep(store, train={"epochs": 4})
    held = take(store, fill(store, parents))
    parent = trials_of(store, parents)[1]
    report(store, held, 1, [trial.id for trial in trials_of(store, parents)])
    fork = fork_of(store, parent.id, lr=0.01)
    [blocker] = of(store, fork.sweep_id)
    assert (blocker.kind, blocker.kind in INFORMATIVE) == ("parent", False)
    assert blocker.message.startswith(f"it waits for trial {parent.id} to commit its next epoch, 2 of 4,")
    assert blocker.since == row_of(store, Sweep, fork.sweep_id).created_at
    report(
        store, held, 2, [trial.id for trial in trials_of(store, parents)], saved=Saved(2, "p/2", "0" * 64, 9)
    )
    assert kinds(store, fork.sweep_id) == ["turn"]


def test_no_worker_has_its_plugins(store: Store) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: setattr(sweeps.lock(session, sweep_id), "plugins", "d1"))
    claim(store)
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.message[:27]) == ("plug-ins", "no worker has the plug-ins ")
    claim(store, "cpu:1", plugins="d1")
    assert of(store, sweep_id) == []


def test_nobody_has_the_kind_of_device_that_its_packs_wait_for(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    pack = fill(store, sweep_id)
    store.write(lambda session: session.execute(update(Pack).values(kind="cuda")))
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.since) == ("no-device", row_of(store, Pack, pack.id).created_at)
    assert "no cuda device is alive" in blocker.message
    assert "trained on cpu" in blocker.remedy


def test_changed_data_is_refused_even_while_the_next_attempt_runs(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    attempt(store, sweep_id, Failure.HOST, "cats/1.jpg has changed", "a/1")
    [first] = of(store, sweep_id)
    words = "the worker that took its packs could not train it (1 attempt): cats/1.jpg has changed"
    assert first.kind == "refused"
    assert first.message in {f"{words}; the next one begins in {seconds} s" for seconds in (9, 10)}
    attempt(store, sweep_id, Failure.HOST, "cats/1.jpg has changed", "b/2")
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    take(store, fill(store, sweep_id))
    [blocker] = of(store, sweep_id)
    assert blocker.message == ("2 workers could not train it (2 attempts in a row): cats/1.jpg has changed")
    assert blocker.since == first.since
    assert f"cnnlab cancel {sweep_id}" in blocker.remedy


def test_attempts_that_crash_in_a_row_are_failing_until_one_commits_an_epoch(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    for _ in range(3):
        last = attempt(store, sweep_id, Failure.CRASHED, "out of memory")
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.message.partition(";")[0]) == (
        "failing",
        "3 attempts in a row without a new epoch: out of memory",
    )
    assert last.id in blocker.remedy
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    pack = fill(store, sweep_id)
    held = take(store, pack)
    assert kinds(store, sweep_id) == ["failing"]
    rows = store.read(lambda session: packs.rows_of(session, pack.id))
    report(store, held, 1, [trial.id for trial in rows.values()])
    assert of(store, sweep_id) == []


def test_an_epoch_that_is_only_repeated_is_no_progress(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    for number in range(3):
        store.write(lambda session: session.execute(update(Trial).values(not_before=0, most_alive=None)))
        held = take(store, fill(store, sweep_id))
        report(store, held, 1, [trial.id for trial in trials_of(store, sweep_id)])
        error = {"kind": Failure.LOST, "message": f"loss {number}"}
        store.write(lambda s, h=held, e=error: endings.give_up(s, h, Failure.LOST, e))  # type: ignore[misc]
    store.write(lambda session: session.execute(update(Trial).values(not_before=0, most_alive=None)))
    take(store, fill(store, sweep_id))
    [blocker] = of(store, sweep_id)
    assert "3 attempts in a row without a new epoch: loss 2" in blocker.message


def test_one_crash_among_progress_holds_nothing_up(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    attempt(store, sweep_id, Failure.CRASHED, "out of memory")
    take(store, fill(store, sweep_id))
    assert of(store, sweep_id) == []


def test_paused_by_a_user_or_by_the_service(store: Store) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.message) == ("paused", "a user has paused it")
    assert blocker.since is not None
    assert blocker.since >= row_of(store, Sweep, sweep_id).created_at
    assert blocker.remedy == f"`cnnlab resume {sweep_id}`"
    why = "10 attempts ended without an epoch"
    found = store.read(lambda session: blockers.paused(session, sweeps.get(session, sweep_id), why))
    assert found is not None
    assert found.message == f"the service has paused it: {why}"


def test_set_aside() -> None:
    assert blockers.set_aside(None, None) is None
    found = blockers.set_aside("its plan cannot be read: no field 'space'", 7)
    assert found is not None
    assert (found.kind, found.since) == ("set-aside", 7)
    assert "no field 'space'" in found.message


def test_its_turn_comes_when_the_devices_are_free(store: Store) -> None:
    large, small = write_sweep(store), write_sweep(store)
    claim(store)
    held = take(store, fill(store, large))
    fill(store, small)
    [blocker] = of(store, small)
    assert (blocker.kind, blocker.message) == ("turn", "another sweep trains on the only device")
    assert blocker.since == row_of(store, Sweep, small).created_at
    assert of(store, large) == []
    for trial in trials_of(store, large):
        store.write(lambda s, t=trial: endings.end_trial(s, held, t.id, TrialState.SUCCEEDED))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "reached epoch 3"))
    assert of(store, small) == []


def test_packs_that_nobody_announces(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    pack = fill(store, sweep_id)
    assert of(store, sweep_id) == [], "it was formed just now"
    long_ago = store.now() - 60_000
    store.write(lambda session: session.execute(update(Pack).values(created_at=long_ago)))
    [blocker] = of(store, sweep_id)
    assert (blocker.kind, blocker.since) == ("queue", long_ago)
    store.write(lambda session: packs.mark_sent(session, [pack.id]))
    assert of(store, sweep_id) == []


@pytest.mark.parametrize("shown", ["running", "succeeded"])
def test_mlflow_is_behind_when_an_end_is_missing_there(store: Store, shown: str) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    held = take(store, fill(store, sweep_id))
    ended = trials_of(store, sweep_id)[0]
    store.write(lambda session: endings.end_trial(session, held, ended.id, TrialState.SUCCEEDED))
    assert of(store, sweep_id, behind=True) == [], "it ended just now"
    ago = store.now() - 90_000

    def age(session: Session) -> None:
        session.execute(update(Trial).where(Trial.id == ended.id).values(finished_at=ago))
        session.execute(update(MirrorTrial).values(exported_state=shown))

    store.write(age)
    found = of(store, sweep_id, behind=True)
    if shown == "succeeded":
        assert found == []
    else:
        [blocker] = found
        assert (blocker.kind, blocker.since) == ("mlflow", ago)
        assert blocker.message == "MLflow does not show 1 trial that has ended"
    assert of(store, sweep_id) == [], "without an MLflow nothing is behind"
    lately = update(MirrorSweep).values(mirrored_at=store.now() - 10_000)
    store.write(lambda session: session.execute(lately))
    assert of(store, sweep_id, behind=True) == [], "it catches up"


def compiled(session: Session, sweep_id: str, first: int = 0) -> None:
    """Plan the sweep's nets with the operation that can be compiled, from this shape on."""
    sweep = sweeps.lock(session, sweep_id)
    shapes = [
        shape.model_copy(update={"compiled": index >= first}) for index, shape in enumerate(sweep.plan.shapes)
    ]
    sweep.plan = sweep.plan.model_copy(update={"shapes": shapes})


def test_a_worker_without_a_compiler_is_noted_where_its_nets_would_gain(store: Store) -> None:
    later_id, sweep_id = (write_sweep(store, space={"model.depth": [2, 3]}) for _ in range(2))
    store.write(lambda session: compiled(session, sweep_id))
    store.write(lambda session: compiled(session, later_id, first=1))
    claim(store)
    lacks = {"no_kernels": "there is none; with one twice as fast", "kernels_remedy": "install g++"}
    machine = {"kernels": "torch", **lacks}
    taken = [take(store, fill(store, own)) for own in (later_id, sweep_id)]
    for lease in taken:
        store.write(partial(leases.set_machine, held=lease, machine=machine))
    held = taken[1]

    def notes(of_id: str = sweep_id) -> list[Blocker]:
        return [found for found in of(store, of_id) if found.kind == "compiler"]

    assert notes(later_id) == [], "the net that trains has no such operation"

    [blocker] = notes()
    words = "worker worker trains without the compiled operation: there is none; with one twice as fast"
    assert (blocker.kind, blocker.message) == ("compiler", words)
    assert blocker.kind in INFORMATIVE
    assert blocker.remedy == "install g++, where the worker runs; then start the worker again"
    store.write(lambda session: session.execute(update(Pack).values(kind="cuda")))
    assert notes() == [], "there is no such operation on a GPU"
    store.write(lambda session: session.execute(update(Pack).values(kind="cpu")))

    [first] = trials_of(store, sweep_id)  # the other is not drawn yet
    store.write(lambda session: endings.end_trial(session, held, first.id, TrialState.SUCCEEDED))
    store.write(lambda session: endings.close(session, held, "reached epoch 3"))
    assert [blocker] == notes(), "the next pack begins at once"
    run_out = update(Pack).values(expires_at=1)
    store.write(lambda session: session.execute(run_out))
    other = take(store, fill(store, sweep_id))
    switched_off = {"kernels": "torch", "no_kernels": "", "kernels_remedy": ""}
    store.write(lambda session: leases.set_machine(session, other, switched_off))
    assert notes() == []


def test_nets_that_take_one_trial_at_a_time_are_noted_until_the_sweep_is_over(store: Store) -> None:
    sweep_id = write_sweep(store)

    def reword(session: Session) -> None:
        sweep = sweeps.lock(session, sweep_id)
        shapes = [shape.model_copy(update={"row_by_row": "no rule for gru"}) for shape in sweep.plan.shapes]
        sweep.plan = sweep.plan.model_copy(update={"shapes": shapes})

    store.write(reword)
    claim(store)
    take(store, fill(store, sweep_id))
    [blocker] = of(store, sweep_id)
    assert blocker.kind == "row-by-row"
    assert blocker.message == "the trials of an array train one after the other: no rule for gru"
    assert blocker.kind in INFORMATIVE
    store.write(lambda session: session.execute(update(Sweep).values(state=SweepState.CANCELLED)))
    assert of(store, sweep_id) == []


def test_a_sweep_that_trains_or_is_over_has_none(store: Store) -> None:
    sweep_id = write_sweep(store)
    claim(store)
    held = take(store, fill(store, sweep_id))
    assert of(store, sweep_id) == []
    for trial in trials_of(store, sweep_id):
        store.write(lambda s, t=trial: endings.end_trial(s, held, t.id, TrialState.SUCCEEDED))  # type: ignore[misc]
    assert of(store, sweep_id) == []
    store.write(lambda session: endings.close(session, held, "reached epoch 3"))
    store.write(lambda session: sweeps.settle(session, sweep_id))
    store.write(lambda session: devices.release(session, "host/cpu:0", "cpu:0"))
    assert of(store, sweep_id) == []
