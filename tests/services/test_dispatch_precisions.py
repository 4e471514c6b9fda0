"""Dispatch: a pack goes to a kind of device that has its precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from claimed_devices import claim_all
from paper_sweep import row_of, take, trials_of, write_sweep
from sqlalchemy import select, update

from services import dispatch
from services.domain.states import PackState, TrialState
from services.host import EVERYWHERE, HostDevice
from services.store import blockers, devices, endings, moves, packs, queue_order
from services.store.models import Device, Pack, Sweep
from services.store.session import Session, Store

SLOT = HostDevice("host", "cpu:0", "cpu", "slot 0")
OLD = HostDevice("host", "GPU-old", "cuda", "V100", 32 * 2**30)
NEW = HostDevice("host", "GPU-new", "cuda", "H200", 141 * 2**30, (*EVERYWHERE, "tf32", "bfloat16"))
BF16 = {"train": {"precision": "bfloat16", "epochs": 2}}


def kinds(store: Store, sweep_id: str) -> list[str]:
    """The kind of device of each pack that a round forms."""
    dispatch.form_packs(store)

    query = select(Pack.kind).where(Pack.sweep_id == sweep_id)
    return store.read(lambda session: list(session.scalars(query)))


def packs_of(store: Store, sweep_id: str) -> Sequence[Pack]:
    """All packs of a sweep."""
    return store.read(lambda session: session.scalars(select(Pack).where(Pack.sweep_id == sweep_id)).all())


def take_and_cancel(store: Store, pack: Pack) -> None:
    """Have a pack be over, and its trials without results."""
    held = take(store, pack)
    ended = [trial.id for trial in trials_of(store, pack.sweep_id) if trial.pack_id == pack.id]

    def end(session: Session) -> None:
        endings.end_trials(session, held, ended, TrialState.CANCELLED)
        endings.close(session, held, "over")

    store.write(end)


def blocked(store: Store, sweep_id: str) -> list[str]:
    """What keeps a sweep from moving."""
    sweep = row_of(store, Sweep, sweep_id)
    return [each.message for each in store.read(lambda s: blockers.of(s, sweep, True, [], False))]


def test_a_pack_of_bfloat16_goes_to_the_kind_that_has_it(store: Store) -> None:
    claim_all(store, SLOT, NEW)
    sweep_id = write_sweep(store, **BF16)
    assert set(kinds(store, sweep_id)) == {"cuda"}
    assert blocked(store, sweep_id) == []


@pytest.mark.parametrize("there", [[SLOT], [SLOT, OLD]])
def test_it_waits_where_no_device_has_it_and_the_sweep_says_so(store: Store, there: list[HostDevice]) -> None:
    claim_all(store, *there)
    sweep_id = write_sweep(store, **BF16)
    assert kinds(store, sweep_id) == []
    assert blocked(store, sweep_id) == ["no device that is alive has bfloat16"]


def test_of_the_devices_of_a_kind_only_those_that_have_it_take_its_packs(store: Store) -> None:
    """And it fills no more places than are theirs, so that the others train other sweeps."""
    claim_all(store, NEW, OLD)
    sweep_id = write_sweep(store, **BF16 | {"space": {"model.depth": [1, 2, 3, 4]}})
    for _ in range(2):
        assert kinds(store, sweep_id) == ["cuda"] * 2
    assert blocked(store, sweep_id) == []
    plain = write_sweep(store, space={"model.depth": [1, 2, 3, 4]})
    assert kinds(store, plain) == ["cuda"] * 2

    def next_of(device: HostDevice) -> str | None:
        found = store.read(partial(queue_order.next_for, device=device, plugins=""))
        return found and row_of(store, Pack, found.id).sweep_id

    assert (next_of(NEW), next_of(OLD)) == (sweep_id, plain)
    store.write(partial(devices.release, device_id=NEW.id, token=NEW.identity))
    store.write(dispatch.withdraw_stranded)
    outcomes = {row.outcome for row in packs_of(store, sweep_id)}
    assert outcomes == {"no cuda device with bfloat16 is alive"}
    assert {row.state for row in packs_of(store, plain)} == {"queued"}


def test_other_sweeps_do_not_wait_for_it(store: Store) -> None:
    claim_all(store, SLOT)
    write_sweep(store, **BF16)
    plain = write_sweep(store)
    assert set(kinds(store, plain)) == {"cpu"}


def test_with_no_worker_alive_nothing_is_formed_of_it(store: Store) -> None:
    assert kinds(store, write_sweep(store, **BF16)) == []


# bfloat16 first: 24 trials of each precision, in packs of at most 12.
BOTH: dict[str, Any] = {
    "space": {"train.precision": ["bfloat16", "float32"], "model.dropout": [i / 100 for i in range(24)]}
}


def form_all(store: Store) -> None:
    """Rounds until nothing more can be formed; the packs of each make room, and keep their trials."""
    make_room = partial(moves.move_packs_where, old=PackState.QUEUED, new=PackState.WITHDRAWN)
    while dispatch.form_packs(store).packs:
        store.write(make_room)


def places(store: Store, sweep_id: str) -> dict[int, tuple[str, str, int | None, int | None]]:
    """Each trial by its number: its precision, the kind of device of its pack, its width and row."""
    shapes = row_of(store, Sweep, sweep_id).plan.shapes
    kind = dict(store.read(lambda session: session.execute(select(Pack.id, Pack.kind)).all()))
    return {
        trial.number: (shapes[trial.shape].precision, kind[str(trial.pack_id)], trial.width, trial.row)
        for trial in trials_of(store, sweep_id)
    }


def test_a_later_part_does_not_wait_behind_one_that_no_device_trains(store: Store) -> None:
    claim_all(store, SLOT)
    sweep_id = write_sweep(store, **BOTH)
    form_all(store)
    drawn = places(store, sweep_id)
    assert list(drawn) == list(range(24, 48))
    assert {(precision, kind) for precision, kind, _, _ in drawn.values()} == {("float32", "cpu")}
    sweep = row_of(store, Sweep, sweep_id)
    assert (sweep.next_number, sweep.drawn_ahead) == (0, {"24": 48})
    claim_all(store, NEW)
    form_all(store)
    both = places(store, sweep_id)
    assert list(both) == list(range(48))
    assert {(precision, kind) for precision, kind, _, _ in list(both.values())[:24]} == {("bfloat16", "cuda")}
    assert {number: place for number, place in both.items() if number >= 24} == drawn
    sweep = row_of(store, Sweep, sweep_id)
    assert (sweep.next_number, sweep.drawn_ahead) == (48, {})


def test_trials_drawn_before_their_turn_have_the_numbers_and_places_of_those_drawn_in_it(
    sqlite_store: Store,
) -> None:
    claim_all(sqlite_store, SLOT)
    ahead, in_turn = write_sweep(sqlite_store, **BOTH), write_sweep(sqlite_store, **BOTH)
    dispatch.form_packs(sqlite_store)
    able = replace(SLOT, identity="cpu:1", precisions=(*EVERYWHERE, "bfloat16"))
    sqlite_store.write(lambda session: session.execute(update(Device).values(precisions="float32,bfloat16")))
    claim_all(sqlite_store, able)
    form_all(sqlite_store)
    assert places(sqlite_store, ahead) == places(sqlite_store, in_turn)
    values = [
        [(trial.number, trial.point, trial.seed, trial.values) for trial in trials_of(sqlite_store, each)]
        for each in (ahead, in_turn)
    ]
    assert values[0] == values[1]


def test_a_part_does_not_wait_while_the_devices_of_another_are_taken(sqlite_store: Store) -> None:
    """The window of the GPU is full of bfloat16, that of the processor is empty."""
    claim_all(sqlite_store, NEW)
    sweep_id = write_sweep(sqlite_store, **BOTH | {"space": {**BOTH["space"], "model.depth": [1, 2, 3, 4]}})
    dispatch.form_packs(sqlite_store)
    assert set(kinds(sqlite_store, sweep_id)) == {"cuda"}
    claim_all(sqlite_store, SLOT)
    assert Counter(kinds(sqlite_store, sweep_id)) == {"cuda": 2, "cpu": 2}
    precisions = {(kind, precision) for precision, kind, _, _ in places(sqlite_store, sweep_id).values()}
    assert precisions == {("cuda", "bfloat16"), ("cpu", "float32")}


def test_a_trial_that_waits_again_does_not_wait_behind_one_that_no_device_trains(store: Store) -> None:
    claim_all(store, SLOT, NEW)
    sweep_id = write_sweep(store, **BOTH)
    while dispatch.form_packs(store).packs:
        pass
    assert Counter(kinds(store, sweep_id)) == {"cuda": 1, "cpu": 2}
    store.write(lambda session: [packs.withdraw(session, pack, "no use") for pack in packs.queued(session)])
    store.write(partial(devices.release, device_id=NEW.id, token=NEW.identity))
    dispatch.form_packs(store)
    assert {pack.kind for pack in store.read(packs.queued)} == {"cpu"}
    states = [trial.state for trial in trials_of(store, sweep_id)]
    assert (set(states[:24]), set(states[24:])) == ({"pending"}, {"queued"})
    assert blocked(store, sweep_id) == ["no device that is alive has bfloat16"]


TPE: dict[str, Any] = {
    "space": {"train.precision": ["bfloat16", "float32"], "model.dropout": {"uniform": [0, 0.9]}},
    "search": "tpe",
    "max_trials": 400,
}


def waiting(store: Store, sweep_id: str) -> int:
    """How many trials of a sweep are in no pack."""
    return sum(trial.state == "pending" for trial in trials_of(store, sweep_id))


def test_a_search_by_results_asks_on_for_a_device_that_cannot_train_what_waits(sqlite_store: Store) -> None:
    """But not without end: what waits was asked for without the results of each other."""
    claim_all(sqlite_store, SLOT)
    sweep_id = write_sweep(sqlite_store, **TPE)
    formed = 0
    for _ in range(12):
        formed += dispatch.form_packs(sqlite_store).packs
        for pack in sqlite_store.read(packs.queued):
            take_and_cancel(sqlite_store, pack)
    width = row_of(sqlite_store, Sweep, sweep_id).plan.shapes[0].width
    bound = dispatch.MAX_WAITING_PER_ROW * width
    assert formed > 1
    assert bound <= waiting(sqlite_store, sweep_id) < bound + width  # of what was asked for last
    shapes = row_of(sqlite_store, Sweep, sweep_id).plan.shapes
    left = [trial for trial in trials_of(sqlite_store, sweep_id) if trial.state == "pending"]
    assert {shapes[trial.shape].precision for trial in left} == {"bfloat16"}


def test_a_budget_of_epochs_is_spent_in_the_order_of_numbers_whatever_devices_there_are(
    sqlite_store: Store,
) -> None:
    claim_all(sqlite_store, SLOT)
    sweep_id = write_sweep(sqlite_store, **BOTH, stop=[{"name": "budget", "epochs": 90}])
    assert kinds(sqlite_store, sweep_id) == []
