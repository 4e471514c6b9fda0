"""Dispatch: a pack goes to a kind of device that has its precision."""

from __future__ import annotations

import pytest
from claimed_devices import claim_all
from paper_sweep import row_of, write_sweep
from sqlalchemy import select

from services import dispatch
from services.host import EVERYWHERE, HostDevice
from services.store import blockers
from services.store.models import Pack, Sweep
from services.store.session import Store

SLOT = HostDevice("host", "cpu:0", "cpu", "slot 0")
OLD = HostDevice("host", "GPU-old", "cuda", "V100", 32 * 2**30)
NEW = HostDevice("host", "GPU-new", "cuda", "H200", 141 * 2**30, (*EVERYWHERE, "tf32", "bfloat16"))
BF16 = {"train": {"precision": "bfloat16", "epochs": 2}}


def kinds(store: Store, sweep_id: str) -> list[str]:
    """The kind of device of each pack that a round forms."""
    dispatch.form_packs(store)

    query = select(Pack.kind).where(Pack.sweep_id == sweep_id)
    return store.read(lambda session: list(session.scalars(query)))


def blocked(store: Store, sweep_id: str) -> list[str]:
    """What keeps a sweep from moving."""
    sweep = row_of(store, Sweep, sweep_id)
    return [each.message for each in store.read(lambda s: blockers.of(s, sweep, True, [], False))]


def test_a_pack_of_bfloat16_goes_to_the_kind_that_has_it(store: Store) -> None:
    claim_all(store, SLOT, NEW)
    sweep_id = write_sweep(store, **BF16)
    assert set(kinds(store, sweep_id)) == {"cuda"}
    assert blocked(store, sweep_id) == []


@pytest.mark.parametrize("there", [[SLOT], [SLOT, OLD], [SLOT, NEW, OLD]])
def test_it_waits_where_no_kind_has_it_and_the_sweep_says_so(store: Store, there: list[HostDevice]) -> None:
    """One device of the kind that lacks it is enough: any worker of a kind may take a pack of it."""
    claim_all(store, *there)
    sweep_id = write_sweep(store, **BF16)
    assert kinds(store, sweep_id) == []
    assert blocked(store, sweep_id) == ["no device that is alive has bfloat16"]


def test_other_sweeps_do_not_wait_for_it(store: Store) -> None:
    claim_all(store, SLOT)
    write_sweep(store, **BF16)
    plain = write_sweep(store)
    assert set(kinds(store, plain)) == {"cpu"}


def test_with_no_worker_alive_nothing_is_formed_of_it(store: Store) -> None:
    assert kinds(store, write_sweep(store, **BF16)) == []
