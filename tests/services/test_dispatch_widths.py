"""Dispatch: how wide packs are on each kind of device, and in which rows new trials go."""

from __future__ import annotations

from functools import partial

from claimed_devices import claim_all
from paper_sweep import fill, row_of, trials_of, write_sweep

from services import dispatch
from services.host import HostDevice
from services.store import devices, packs, speeds
from services.store.models import Pack, Sweep
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


def test_trials_that_wait_keep_width_and_row_whichever_device_is_free(store: Store) -> None:
    claim_all(store, SLOT, GPUS[0])
    sweep_id = write_sweep(store, **MANY)
    while dispatch.form_packs(store).packs:
        pass
    before = {trial.id: (trial.width, trial.row) for trial in trials_of(store, sweep_id)}
    assert len({width for width, _ in before.values()}) == 2
    store.write(lambda session: [packs.withdraw(session, pack, "no use") for pack in packs.queued(session)])
    store.write(partial(devices.release, device_id=GPUS[0].id, token=GPUS[0].identity))
    while dispatch.form_packs(store).packs:
        pass
    queued = store.read(packs.queued)
    assert {pack.kind for pack in queued} == {"cpu"}
    for pack in queued:
        rows = store.read(partial(packs.rows_of, pack_id=pack.id))
        assert {trial.width for trial in rows.values()} == {pack.width}
        assert all(before[trial.id] == (pack.width, row) for row, trial in rows.items())


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
    assert store.read(partial(devices.of_kind, kind="cuda")).memory == GPUS[0].memory


def test_what_was_counted_for_gpus_decides_there_how_many_rows_fit(store: Store) -> None:
    claim_all(store, GPUS[0])
    sweep_id = write_sweep(store, **MANY)

    def count(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        own = sweep.plan.shapes[0].model_copy(update={"gpu_bytes_per_row": 2**31})
        sweep.plan = sweep.plan.model_copy(update={"shapes": [own]})

    store.write(count)
    assert fill(store, sweep_id).width == 32  # of 80 GiB, of which four fifths are for rows
