"""How much of a sweep MLflow has: counted from the mirror's tables."""

from __future__ import annotations

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import update

from services.store import mirror, mirror_status
from services.store.left_out import LeftOut
from services.store.mirror import MirrorLease, TrialMark
from services.store.mirror_status import MirrorStatus
from services.store.models import Report
from services.store.session import Store


def test_runs_are_counted_until_all_are_there(store: Store) -> None:
    sweep_id, other = write_sweep(store), write_sweep(store)
    status = lambda: store.read(lambda s: mirror_status.status(s, [sweep_id, other]))[sweep_id]  # noqa: E731
    assert status() == MirrorStatus()
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    old = update(Report).where(Report.trial_id == ids[2]).values(at=Report.at - 60_000)
    store.write(lambda session: session.execute(old))
    assert (status().runs, status().of) == (0, 4)
    assert 60_000 <= status().behind_ms < 120_000  # since the oldest report that is missing
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))
    marks = [TrialMark(trial_id, f"r{trial_id}", 0, 1, "running") for trial_id in ids[1:]]
    store.write(lambda session: mirror.mark_trials(session, lease, marks))
    assert (status().runs, status().of) == (3, 4)
    assert status().behind_ms < 60_000
    store.write(lambda s: mirror.leave_out_trial(s, lease, ids[0], LeftOut.REFUSED, "too long"))
    assert status() == MirrorStatus(runs=3, of=3, behind_ms=0, left_out=1, reason="too long")
    store.write(lambda session: mirror.correct(session, sweep_id, [ids[1]]))
    assert (status().runs, status().of) == (2, 3)
    assert store.read(lambda s: mirror_status.status(s, [other])) == {other: MirrorStatus()}
