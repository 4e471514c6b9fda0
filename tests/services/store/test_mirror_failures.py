"""What fails is tried again after growing pauses, and left out in the end."""

from __future__ import annotations

from functools import partial

import pytest
from paper_sweep import fill, trials_of, write_sweep

from services.store import mirror, mirror_failures
from services.store.mirror import MirrorLease
from services.store.models import MirrorSweep, MirrorTrial
from services.store.session import Store

PAUSES = (5, 30, 180, 1080, 6480)  # seconds, the first five


@pytest.mark.parametrize("table", [MirrorSweep, MirrorTrial])
def test_pauses_grow_until_it_is_left_out(store: Store, table: type[MirrorSweep | MirrorTrial]) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    trial_id = trials_of(store, sweep_id)[0].id
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))
    fail = (
        partial(mirror_failures.fail_sweep, lease=lease, reason="no")
        if table is MirrorSweep
        else partial(mirror_failures.fail_trial, lease=lease, trial_id=trial_id, reason="no")
    )
    for count in range(1, mirror_failures.MAX_FAILURES + 1):
        before = store.now()
        assert store.write(fail) == count
        after = store.now()
        own = store.read(lambda s: s.get_one(table, sweep_id if table is MirrorSweep else trial_id))
        if count <= len(PAUSES):
            assert before <= own.not_before - 1000 * PAUSES[count - 1] <= after
        assert (own.reason, own.left_out) == (
            "no",
            "failed" if count == mirror_failures.MAX_FAILURES else None,
        )


def test_a_reason_is_one_line() -> None:
    assert mirror_failures.reason_of(ValueError("a\n  b")) == "ValueError: a b"
    assert len(mirror_failures.reason_of(ValueError("x" * 9999))) == mirror_failures.MAX_REASON_CHARS
