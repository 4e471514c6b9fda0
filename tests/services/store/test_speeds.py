"""Speeds: the latest measurement counts, and the time that packs took is summed by sweep."""

from __future__ import annotations

from functools import partial

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import text

from services.store import speeds
from services.store.session import Store
from services.store.speeds import Spent


def test_the_latest_measurement_of_a_shape_width_and_machine_is_kept(store: Store) -> None:
    for machine, width, speed in (("cpu", 1, 10.0), ("cpu", 1, 12.0), ("cpu", 8, 50.0), ("gpu", 1, 99.0)):
        store.write(partial(speeds.record, shape_key="s", machine=machine, width=width, images_per_s=speed))
    found = store.read(partial(speeds.of_shapes, shape_keys=["s", "unknown"]))
    assert {(each.machine, each.width): each.images_per_s for each in found} == {
        ("cpu", 1): 12.0,
        ("cpu", 8): 50.0,
        ("gpu", 1): 99.0,
    }
    assert store.read(lambda session: speeds.measured(session, "s", "cpu", 8)) is not None
    assert store.read(lambda session: speeds.measured(session, "s", "gpu", 8)) is None


def test_a_width_that_has_run_out_of_memory_has_no_speed_until_one_is_measured(store: Store) -> None:
    for width, machine in ((64, "a"), (128, "a"), (32, "b")):
        store.write(partial(speeds.note_too_wide, shape_key="s", machine=machine, width=width))
    store.write(partial(speeds.claim_plain, shape_key="s", machine="c"))
    assert store.read(partial(speeds.too_wide, shape_key="s")) == {"a": 64, "b": 32}
    assert store.read(partial(speeds.of_shapes, shape_keys=["s"])) == []
    assert store.read(lambda session: speeds.measured(session, "s", "a", 64)) is None
    assert store.read(partial(speeds.too_wide, shape_key="t")) == {}
    store.write(partial(speeds.record, shape_key="s", machine="a", width=64, images_per_s=1.0))
    assert store.read(partial(speeds.too_wide, shape_key="s")) == {"a": 128, "b": 32}


def test_one_of_those_that_ask_measures_the_plain_loop(store: Store) -> None:
    def claims() -> bool:
        return store.write(partial(speeds.claim_plain, shape_key="s", machine="cpu"))

    def age(seconds: float) -> None:
        ago = text("UPDATE speeds SET measured_at = measured_at - :ms")
        store.write(lambda session: session.execute(ago, {"ms": round(seconds * 1000)}))

    assert [claims(), claims()] == [True, False]
    assert store.read(lambda session: speeds.measured(session, "s", "cpu", speeds.PLAIN)) is None
    assert store.read(partial(speeds.of_shapes, shape_keys=["s"])) == []
    age(speeds.CLAIM_SECONDS - 5)
    assert not claims()
    age(10)
    assert [claims(), claims()] == [True, False]
    store.write(partial(speeds.record, shape_key="s", machine="cpu", width=speeds.PLAIN, images_per_s=9.0))
    age(speeds.CLAIM_SECONDS + 5)
    assert not claims()


def test_the_time_that_a_sweep_took_is_that_of_all_its_packs(store: Store) -> None:
    sweep_id, idle = write_sweep(store, space={"model.depth": [1, 2]}), write_sweep(store)
    for held in [take(store, fill(store, sweep_id)), take(store, fill(store, sweep_id))]:
        ids = [trial.id for trial in trials_of(store, sweep_id) if trial.pack_id == held.pack_id]
        for number in (1, 2):
            report(store, held, number, ids)
    spent = store.read(partial(speeds.spent, sweep_ids=[sweep_id, idle]))
    all_live = {"trained_rows": 4, "live_rows": 4}  # two packs of one row, two epochs each
    assert spent == {sweep_id: Spent(0.04, 0.036, **all_live, running=2), idle: Spent()}
