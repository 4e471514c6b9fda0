"""Dispatch: how wide packs are on each kind of device, and in which rows new trials go."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from claimed_devices import claim_all
from paper_sweep import fill, report, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services import dispatch
from services.domain.plan import packing
from services.domain.retry import Failure
from services.domain.states import PackState
from services.host import HostDevice
from services.store import devices, endings, leases, moves, packs, queue_order, speeds
from services.store.models import Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store

MANY = {"space": {"model.dropout": [i / 1000 for i in range(400)]}}
SLOT = HostDevice("host", "cpu:0", "cpu", "slot 0")
GPUS = [HostDevice("host", f"GPU-{i}", "cuda", "H200", 80 * 2**30) for i in range(2)]


def rows_by_pack(store: Store, sweep_id: str) -> list[tuple[int, list[int]]]:
    """The width of each pack of a sweep, in order, with the rows of its trials, which agree with it."""
    found: dict[str, tuple[int, list[int]]] = {}
    for trial in trials_of(store, sweep_id):
        pack = row_of(store, Pack, str(trial.pack_id))
        assert trial.width == pack.width
        found.setdefault(pack.id, (pack.width, []))[1].append(trial.row)
    return list(found.values())


def test_the_kind_of_device_decides_the_width_of_a_pack(store: Store) -> None:
    claim_all(store, SLOT, GPUS[0])
    sweep_id = write_sweep(store, **MANY)
    while dispatch.form_packs(store).packs:
        pass
    on_cpu, wide = row_of(store, Sweep, sweep_id).plan.shapes[0].width, 64
    found = rows_by_pack(store, sweep_id)
    assert {width for width, _ in found} == {on_cpu, wide}
    assert all(rows == list(range(len(rows))) for _, rows in found)


def test_a_gpu_s_width_is_settled_with_the_first_pack_of_a_sweep(store: Store) -> None:
    """What is measured meanwhile is for the next sweep: the number of workers changes no curve."""
    claim_all(store, *GPUS)
    first = write_sweep(store, **MANY)
    key = row_of(store, Sweep, first).plan.shapes[0].key
    formed = [fill(store, first)]
    for width, speed in ((64, 100.0), (12, 1.0)):
        store.write(partial(speeds.record, shape_key=key, machine="H200", width=width, images_per_s=speed))
    store.write(partial(speeds.record, shape_key=key, machine="another", width=128, images_per_s=1.0))
    formed.append(fill(store, first))
    formed.append(fill(store, write_sweep(store, **MANY)))
    assert [pack.width for pack in formed] == [64, 64, 128]


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        (65, [(64, 64), (1, 1)]),
        (70, [(64, 64), (8, 6)]),
        (400, [(64, 64)] * 6 + [(16, 16)]),
    ],
)
@pytest.mark.parametrize("waits", [False, True], ids=["drawn", "waiting"])
def test_the_last_pack_on_a_gpu_is_as_narrow_as_the_ladder_allows(
    sqlite_store: Store, trials: int, expected: list[tuple[int, int]], waits: bool
) -> None:
    """Of trials that are drawn for it, and of those that have lost their places."""
    claim_all(sqlite_store, *GPUS)
    sweep_id = write_sweep(sqlite_store, space={"model.dropout": [i / 1000 for i in range(trials)]})
    form_all(sqlite_store)
    if waits:
        lost = update(Trial).values(state="pending", pack_id=None, width=None, row=None)
        sqlite_store.write(lambda session: session.execute(lost))
        form_all(sqlite_store)
    found = [trial.width for trial in trials_of(sqlite_store, sweep_id)]
    assert sorted(Counter(found).items(), reverse=True) == sorted(sizes(expected).items(), reverse=True)


def sizes(arrays: list[tuple[int, int]]) -> Counter[int]:
    """How many trials have each width."""
    found: Counter[int] = Counter()
    for width, rows in arrays:
        found[width] += rows
    return found


def form_all(store: Store) -> None:
    """Rounds until every trial has a place; the packs of each make room, and keep their trials."""
    make_room = partial(moves.move_packs_where, old=PackState.QUEUED, new=PackState.WITHDRAWN)
    while dispatch.form_packs(store).packs:
        store.write(make_room)


def withdraw_all(store: Store) -> None:
    """Take all queued packs back."""
    store.write(lambda session: [packs.withdraw(session, pack, "no use") for pack in packs.queued(session)])


def change_devices(store: Store, gone: HostDevice, come: HostDevice) -> None:
    """Have a device be released, and another one claimed; what was queued for the first is taken back."""
    store.write(partial(devices.release, device_id=gone.id, token=gone.identity))
    claim_all(store, come)
    store.write(dispatch.withdraw_stranded)


@pytest.mark.parametrize(("before", "after"), [(GPUS[0], SLOT), (SLOT, GPUS[0])])
def test_what_has_not_trained_gets_places_for_another_kind_of_device(
    sqlite_store: Store, before: HostDevice, after: HostDevice
) -> None:
    claim_all(sqlite_store, before)
    sweep_id = write_sweep(sqlite_store, **MANY)
    fill(sqlite_store, sweep_id), fill(sqlite_store, sweep_id)
    drawn = len(trials_of(sqlite_store, sweep_id))
    change_devices(sqlite_store, before, after)
    pack = fill(sqlite_store, sweep_id)
    own = row_of(sqlite_store, Sweep, sweep_id).plan.shapes[0].width
    width = packing.width_after_rung(drawn, own) if after is SLOT else packing.on_ladder(drawn)
    rows = sqlite_store.read(partial(packs.rows_of, pack_id=pack.id))
    assert (pack.kind, pack.width, sorted(rows)) == (after.kind, width, list(range(min(width, drawn))))


@pytest.mark.parametrize(("device", "another"), [(GPUS[0], GPUS[1]), (SLOT, replace(SLOT, identity="cpu:1"))])
def test_with_the_same_kind_of_device_trials_that_wait_keep_their_places(
    sqlite_store: Store, device: HostDevice, another: HostDevice
) -> None:
    """Twelve rows on a CPU would be two arrays of six if they got new places."""
    claim_all(sqlite_store, device)
    sweep_id = write_sweep(sqlite_store, **MANY)
    fill(sqlite_store, sweep_id)
    before = [(trial.width, trial.row) for trial in trials_of(sqlite_store, sweep_id)]
    change_devices(sqlite_store, device, another)
    withdraw_all(sqlite_store)
    fill(sqlite_store, sweep_id)
    assert [(trial.width, trial.row) for trial in trials_of(sqlite_store, sweep_id)] == before


def begun_on_a_gpu(store: Store, space: dict[str, Any]) -> tuple[str, Pack]:
    """A sweep of which a GPU has trained a pack for an epoch and saved it; the pack was given back."""
    claim_all(store, GPUS[0])
    sweep_id = write_sweep(store, space=space)
    pack = fill(store, sweep_id)
    held, mine = take(store, pack), [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, mine, saved=Saved(1, "packs/p/1", "0" * 64, 5))
    store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, {"message": "stopped"}))
    return sweep_id, pack


@pytest.mark.parametrize(("trials", "width"), [(64, 8), (4, 4)])
def test_what_has_trained_on_a_gpu_keeps_its_place_where_a_cpu_has_memory_for_the_width(
    sqlite_store: Store, trials: int, width: int
) -> None:
    """64 rows are gathered anew, in arrays that are no wider than the plan has for CPUs."""
    space = {"model.dropout": [i / 1000 for i in range(trials)]}
    sweep_id, _ = begun_on_a_gpu(sqlite_store, space)
    change_devices(sqlite_store, GPUS[0], SLOT)
    own = row_of(sqlite_store, Sweep, sweep_id).plan.shapes[0].width
    again = fill(sqlite_store, sweep_id)
    assert (again.kind, again.width, again.start_epoch, again.memory) == ("cpu", width, 1, 0)
    assert width <= own
    kept = {(trial.saved_row, trial.saved_epoch) for trial in trials_of(sqlite_store, sweep_id)}
    assert kept == {(row, 1) for row in range(trials)}


def run_out_of_memory(store: Store, pack: Pack, name: str = "H200") -> None:
    """Have a pack end for lack of memory, as a worker on this kind of GPU writes it."""
    held = take(store, pack)
    key = row_of(store, Sweep, pack.sweep_id).plan.shapes[pack.shape].key

    def end(session: Session) -> None:
        speeds.note_too_wide(session, key, name, pack.width)
        endings.give_up(session, held, Failure.MEMORY, {"message": "out of memory"})

    store.write(end)


def test_after_a_lack_of_memory_packs_are_half_as_wide_until_they_fit(sqlite_store: Store) -> None:
    claim_all(sqlite_store, GPUS[0])
    sweep_id = write_sweep(sqlite_store, **MANY)
    widths = []
    for _ in range(7):
        pack = fill(sqlite_store, sweep_id)
        rows = sqlite_store.read(partial(packs.rows_of, pack_id=pack.id))
        widths.append((pack.width, len(rows)))
        run_out_of_memory(sqlite_store, pack)
    assert widths == [(width, width) for width in (64, 32, 16, 8, 4, 2, 1)]
    assert sorted(Counter(trial.crashes for trial in trials_of(sqlite_store, sweep_id)).items()) == [
        (0, 63),
        (1, 1),
    ]


def test_dead_rows_count_where_the_memory_was_not_enough(sqlite_store: Store) -> None:
    claim_all(sqlite_store, GPUS[0])
    sweep_id = write_sweep(sqlite_store, space={"model.dropout": [i / 1000 for i in range(40)]})
    run_out_of_memory(sqlite_store, fill(sqlite_store, sweep_id))
    assert {trial.most_alive for trial in trials_of(sqlite_store, sweep_id)} == {32}


def test_a_pack_that_has_run_out_of_memory_is_not_formed_as_wide_for_a_larger_gpu(
    sqlite_store: Store,
) -> None:
    claim_all(sqlite_store, GPUS[0], replace(GPUS[1], name="another"))
    sweep_id = write_sweep(sqlite_store, **MANY)
    run_out_of_memory(sqlite_store, fill(sqlite_store, sweep_id), "another")
    assert fill(sqlite_store, sweep_id).width == 32


def test_neither_new_packs_nor_other_sweeps_get_a_width_that_has_run_out_of_memory(
    sqlite_store: Store,
) -> None:
    claim_all(sqlite_store, GPUS[0])
    first = write_sweep(sqlite_store, **MANY)
    run_out_of_memory(sqlite_store, fill(sqlite_store, first))
    form_all(sqlite_store)
    assert {trial.width for trial in trials_of(sqlite_store, first)} == {32, 16}
    assert fill(sqlite_store, write_sweep(sqlite_store, **MANY)).width == 32
    withdraw_all(sqlite_store)
    change_devices(sqlite_store, GPUS[0], replace(GPUS[1], name="another"))
    assert fill(sqlite_store, write_sweep(sqlite_store, **MANY)).width == 64


def test_what_has_trained_on_a_gpu_goes_on_in_a_narrower_array_for_lack_of_memory(
    sqlite_store: Store,
) -> None:
    sweep_id, _ = begun_on_a_gpu(sqlite_store, {"model.dropout": [i / 1000 for i in range(64)]})
    pack = fill(sqlite_store, sweep_id)
    assert (pack.width, pack.start_epoch) == (64, 1)
    run_out_of_memory(sqlite_store, pack)
    pack = fill(sqlite_store, sweep_id)
    assert (pack.width, pack.start_epoch) == (32, 1)


BIG, SMALL = GPUS[0], replace(GPUS[1], name="A2", memory=16 * 2**30)


def rows_of_a_gibibyte(store: Store, sweep_id: str) -> None:
    """Have a row of a sweep take a GiB on a GPU, and its data another."""

    def count(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        changes = {"gpu_bytes_per_row": 2**30, "bytes_beside": 2**30}
        own = sweep.plan.shapes[0].model_copy(update=changes)
        sweep.plan = sweep.plan.model_copy(update={"shapes": [own]})

    store.write(count)


def test_a_smaller_gpu_that_joins_takes_no_pack_that_is_too_wide_for_it(store: Store) -> None:
    """New packs fit all live GPUs, and what waits goes to it once no larger one is there."""
    claim_all(store, BIG)
    sweep_id = write_sweep(store, **MANY)
    rows_of_a_gibibyte(store, sweep_id)
    wide = fill(store, sweep_id)
    assert wide.width == 32  # and the data in 64 GiB
    claim_all(store, SMALL)

    def next_for(device: HostDevice) -> str | None:
        found = store.read(partial(queue_order.next_for, device=device, plugins=""))
        return found and found.id

    def taken_by(device: HostDevice) -> str | None:
        lease = {"worker": "w", "ttl": 60.0, "claim": "c", "plugins": "", "machine": None}
        store.write(lambda session: session.execute(update(Sweep).values(started_at=1)))
        with store.engine.connect() as connection, Session(connection) as session:
            found = leases.take_next(session, "token", device=device, **lease)  # type: ignore[arg-type]
            session.rollback()
        return found and found.id

    assert (next_for(SMALL), next_for(BIG)) == (None, wide.id)
    assert (taken_by(SMALL), taken_by(BIG)) == (None, wide.id)
    assert fill(store, sweep_id).width == 8
    change_devices(store, BIG, SMALL_AGAIN)
    assert row_of(store, Pack, wide.id).outcome == "no cuda device with 41.2 GiB is alive"
    assert fill(store, sweep_id).width == 8


SMALL_AGAIN = replace(SMALL, identity="GPU-small-again")


def test_a_pack_of_one_replicate_is_no_wider_than_its_points(store: Store) -> None:
    """The replicates of a shape that does not mix them never share an array."""
    claim_all(store, GPUS[0])
    sweep_id = write_sweep(store, space={"model.dropout": [i / 100 for i in range(18)]}, seeds=5)
    assert not row_of(store, Sweep, sweep_id).plan.shapes[0].mixed
    assert fill(store, sweep_id).width == 32


def test_a_device_that_was_claimed_before_shows_its_memory(store: Store) -> None:
    without = HostDevice(GPUS[0].host, GPUS[0].identity, "cuda", "H200")
    for device in (without, GPUS[0]):
        claim_all(store, device)
        store.write(partial(devices.release, device_id=device.id, token=device.identity))
    claim_all(store, GPUS[0])
    assert [device.memory for device in store.read(devices.usable)] == [GPUS[0].memory]


@pytest.mark.parametrize(("beside", "width"), [(0, 32), (1, 16)])
def test_what_was_counted_for_gpus_decides_there_how_many_rows_fit(
    sqlite_store: Store, beside: int, width: int
) -> None:
    store = sqlite_store
    claim_all(store, GPUS[0])
    sweep_id = write_sweep(store, **MANY)

    def count(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        own = sweep.plan.shapes[0].model_copy(update={"gpu_bytes_per_row": 2**31, "bytes_beside": beside})
        sweep.plan = sweep.plan.model_copy(update={"shapes": [own]})

    store.write(count)
    assert fill(store, sweep_id).width == width  # of 80 GiB, of which four fifths are for data and rows
