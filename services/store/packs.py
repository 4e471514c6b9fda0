"""Packs: formed by dispatch, leased once by a worker, written to behind a fence, closed or lost.

Lock order everywhere: the sweep, then the pack, then trials.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from services.domain import metrics
from services.domain.errors import Fenced, ServiceError
from services.domain.metrics import Metrics
from services.domain.retry import Failure, Record, judge
from services.domain.spec import Objective, Spec
from services.domain.states import PackState, SweepState, TrialState, move
from services.store.clock import db_now
from services.store.models import Checkpoint, Pack, PackRow, Report, Sweep, Trial


@dataclass(frozen=True)
class Lease:
    """A worker's right to run a pack."""

    pack_id: str
    token: str

    @classmethod
    def new(cls, pack_id: str) -> Lease:
        """A lease to ask for, with a token that nobody else has."""
        return cls(pack_id, secrets.token_hex(16))


@dataclass(frozen=True)
class Saved:
    """A checkpoint file that is already durable."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Epoch:
    """What one epoch of a pack adds: metrics per live trial, and the checkpoint if one was written."""

    number: int
    metrics: Mapping[str, Metrics]
    best: Mapping[str, tuple[int, float]]  # trial → (epoch, objective value)
    saved: Saved | None
    busy_ms: int


@dataclass(frozen=True)
class Wish:
    """What the user wants of a running pack: nothing, its end, or some of its rows' end."""

    cancel: bool
    cancel_trials: frozenset[str]


# ---- dispatch


def form(session: Session, sweep: Sweep, trials: Sequence[Trial], width: int, kind: str) -> Pack:
    """Queue trials that stand at one epoch as a pack; the caller holds the sweep's lock."""
    first = trials[0]
    pack = Pack(
        id=secrets.token_hex(8),
        sweep_id=sweep.id,
        shape=first.shape,
        kind=kind,
        width=width,
        start_epoch=first.saved_epoch,
        target_epoch=first.target_epoch,
        state=PackState.QUEUED,
        created_at=db_now(),
    )
    session.add(pack)
    session.flush()
    for trial in trials:
        trial.state = move(TrialState(trial.state), TrialState.QUEUED)
        trial.pack_id = pack.id
        session.add(PackRow(pack_id=pack.id, row=trial.row, trial_id=trial.id))
    session.flush()
    return pack


def withdraw(session: Session, pack: Pack, why: str) -> None:
    """Take a queued pack back; its trials wait for another."""
    taken = _rows(
        session.execute(
            update(Pack)
            .where(Pack.id == pack.id, Pack.state == PackState.QUEUED)
            .values(state=PackState.WITHDRAWN, closed_at=db_now(), outcome=why)
        )
    )
    if taken:
        session.execute(
            update(Trial)
            .where(Trial.pack_id == pack.id, Trial.state == TrialState.QUEUED)
            .values(state=TrialState.PENDING, pack_id=None)
        )


def unsent(session: Session, older_than_ms: float) -> Sequence[Pack]:
    """Queued packs that no message, or only an old one, announces."""
    return session.scalars(
        select(Pack)
        .where(Pack.state == PackState.QUEUED)
        .where(Pack.sent_at.is_(None) | (Pack.sent_at <= db_now() - int(older_than_ms)))
        .order_by(Pack.created_at)
    ).all()


def mark_sent(session: Session, pack_id: str) -> None:
    """Remember that a message went out."""
    session.execute(update(Pack).where(Pack.id == pack_id).values(sent_at=db_now(), sends=Pack.sends + 1))


def outstanding(session: Session) -> dict[str, int]:
    """Queued and running packs per kind of device."""
    rows = session.execute(
        select(Pack.kind, func.count())
        .where(Pack.state.in_([PackState.QUEUED, PackState.RUNNING]))
        .group_by(Pack.kind)
    )
    return dict(rows.all())


# ---- the worker


def lease(session: Session, held: Lease, worker: str, device: str, ttl: float) -> bool:
    """Take a queued pack under a new token; False when it is not to be had: done, withdrawn, somebody else's.

    Asked again with the same token it says whether the first time went through, so a COMMIT whose answer
    was lost is simply repeated.
    """
    taken = _rows(
        session.execute(
            update(Pack)
            .where(Pack.id == held.pack_id, Pack.state == PackState.QUEUED)
            .values(
                state=PackState.RUNNING,
                token=held.token,
                worker=worker,
                device=device,
                leased_at=db_now(),
                seen=db_now(),
                expires_at=db_now() + int(ttl * 1000),
            )
        )
    )
    if not taken:
        mine = select(Pack.id).where(
            Pack.id == held.pack_id, Pack.token == held.token, Pack.state == PackState.RUNNING
        )
        return session.scalars(mine).one_or_none() is not None
    session.execute(
        update(Trial)
        .where(Trial.pack_id == held.pack_id, Trial.state == TrialState.QUEUED)
        .values(
            state=TrialState.RUNNING,
            attempts=Trial.attempts + 1,
            started_at=func.coalesce(Trial.started_at, db_now()),
        )
    )
    sweep_id = select(Pack.sweep_id).where(Pack.id == held.pack_id).scalar_subquery()
    session.execute(
        update(Sweep).where(Sweep.id == sweep_id, Sweep.started_at.is_(None)).values(started_at=db_now())
    )
    return True


def fence(
    session: Session, held: Lease, ttl: float | None = None, machine: dict[str, Any] | None = None
) -> Pack:
    """First statement of every write under a lease: renew it and lock the pack, or raise `Fenced`."""
    values: dict[str, Any] = {"seen": db_now()}
    if ttl is not None:
        values["expires_at"] = db_now() + int(ttl * 1000)
    if machine is not None:
        values["machine"] = machine
    renewed = _rows(
        session.execute(
            update(Pack)
            .where(Pack.id == held.pack_id, Pack.token == held.token, Pack.state == PackState.RUNNING)
            .values(values)
        )
    )
    if not renewed:
        raise Fenced(f"pack {held.pack_id} is no longer held under this token")
    return session.get_one(Pack, held.pack_id, populate_existing=True)


def renew(session: Session, held: Lease, ttl: float) -> Wish:
    """The heartbeat: keep the lease and hear what the user wants."""
    pack = fence(session, held, ttl)
    state = session.scalars(select(Sweep.state).where(Sweep.id == pack.sweep_id)).one()
    flagged = session.scalars(select(Trial.id).where(Trial.pack_id == pack.id, Trial.cancel.is_(True)))
    return Wish(state == SweepState.CANCELLING, frozenset(flagged))


def rows_of(session: Session, pack_id: str) -> dict[int, Trial]:
    """The pack's trials by row."""
    pairs = session.execute(
        select(PackRow.row, Trial).join(Trial, Trial.id == PackRow.trial_id).where(PackRow.pack_id == pack_id)
    )
    return dict(pairs.all())


def commit_epoch(session: Session, held: Lease, epoch: Epoch) -> bool:
    """Write one epoch of all live trials, all or nothing; says whether it was new.

    An epoch that was reported before, because the pack went back to an older checkpoint, keeps its row and
    its time; where a value differs it is replaced and MLflow's copy is written anew.
    """
    pack = fence(session, held)
    live = list(epoch.metrics)
    trials = {t.id: t for t in session.scalars(select(Trial).where(Trial.id.in_(live)).with_for_update())}
    fresh = [trial_id for trial_id in live if trials[trial_id].epoch < epoch.number]
    objective = Spec.model_validate(session.get_one(Sweep, pack.sweep_id).spec).objective
    if fresh:
        moved = _rows(
            session.execute(
                update(Trial)
                .where(
                    Trial.pack_id == held.pack_id,
                    Trial.state == TrialState.RUNNING,
                    Trial.epoch == epoch.number - 1,
                    Trial.id.in_(fresh),
                )
                .values(epoch=epoch.number)
                .execution_options(synchronize_session=False)
            )
        )
        if moved != len(fresh):
            raise ServiceError(
                f"pack {held.pack_id}: {len(fresh)} trials report epoch {epoch.number}, "
                f"but {moved} of them stood at the one before"
            )
    for trial_id in live:
        encoded = metrics.encode(epoch.metrics[trial_id])
        if trial_id in fresh:
            report = Report(
                trial_id=trial_id, epoch=epoch.number, pack_id=held.pack_id, at=db_now(), metrics=encoded
            )
            session.add(report)
        else:
            _replace(session, trials[trial_id], epoch.number, encoded)
        _score(session, trials[trial_id], epoch, objective)
    if epoch.saved:
        _remember(session, held, epoch, live)
    session.execute(update(Pack).where(Pack.id == held.pack_id).values(busy_ms=Pack.busy_ms + epoch.busy_ms))
    return bool(fresh)


def _replace(session: Session, trial: Trial, number: int, encoded: Mapping[str, Any]) -> None:
    """Correct an epoch that came out different the second time; speeds differ always and do not count."""
    report = session.get_one(Report, (trial.id, number))
    if _curve_only(report.metrics) != _curve_only(encoded):
        report.metrics = dict(encoded)
        trial.exported_epoch = -1


def _curve_only(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in encoded.items() if not name.startswith("perf/")}


def _score(session: Session, trial: Trial, epoch: Epoch, objective: Objective) -> None:
    best = epoch.best.get(trial.id)
    last = epoch.metrics[trial.id].get(objective.metric)
    values: dict[str, Any] = {"last_value": last if last is not None and abs(last) < float("inf") else None}
    if best:
        values |= {"best_epoch": best[0], "best_value": best[1]}
    session.execute(
        update(Trial).where(Trial.id == trial.id).values(values).execution_options(synchronize_session=False)
    )


def _remember(session: Session, held: Lease, epoch: Epoch, live: Collection[str]) -> None:
    assert epoch.saved is not None
    repeated = select(Checkpoint).where(Checkpoint.pack_id == held.pack_id, Checkpoint.epoch == epoch.number)
    if session.scalars(repeated).one_or_none():
        return
    checkpoint = Checkpoint(
        pack_id=held.pack_id,
        epoch=epoch.number,
        path=epoch.saved.path,
        sha256=epoch.saved.sha256,
        bytes=epoch.saved.bytes,
        created_at=db_now(),
    )
    session.add(checkpoint)
    session.flush()
    session.execute(
        update(Trial)
        .where(Trial.id.in_(live))
        .values(saved_epoch=epoch.number, checkpoint_id=checkpoint.id)
        .execution_options(synchronize_session=False)
    )


def end_trial(session: Session, held: Lease, trial_id: str, state: TrialState, **values: Any) -> None:
    """Move one running trial of the pack to a final state."""
    fence(session, held)
    move(TrialState.RUNNING, state)
    ended = _rows(
        session.execute(
            update(Trial)
            .where(Trial.id == trial_id, Trial.pack_id == held.pack_id, Trial.state == TrialState.RUNNING)
            .values(state=state, pack_id=None, cancel=False, finished_at=db_now(), **values)
        )
    )
    if ended != 1:
        raise ServiceError(f"trial {trial_id} is not running in pack {held.pack_id}")


def close(session: Session, held: Lease, outcome: str) -> None:
    """End a pack none of whose trials is running any more."""
    fence(session, held)
    left = session.execute(
        select(func.count()).where(Trial.pack_id == held.pack_id, Trial.state == TrialState.RUNNING)
    ).scalar_one()
    if left:
        raise ServiceError(f"pack {held.pack_id} cannot close: {left} of its trials are running")
    session.execute(
        update(Pack)
        .where(Pack.id == held.pack_id)
        .values(state=PackState.CLOSED, closed_at=db_now(), outcome=outcome)
    )


def give_up(session: Session, held: Lease, failure: Failure, error: Mapping[str, Any]) -> None:
    """End a pack whose attempt failed or was given back; each of its trials is judged."""
    pack = fence(session, held)
    _disband(session, pack, failure, error)


def attempts(session: Session, trial_id: str) -> Sequence[tuple[int, Pack]]:
    """A trial's packs, oldest first, each with the trial's row in it."""
    pairs = session.execute(
        select(PackRow.row, Pack)
        .join(Pack, Pack.id == PackRow.pack_id)
        .where(PackRow.trial_id == trial_id)
        .order_by(Pack.created_at, Pack.id)
    )
    return [(row, pack) for row, pack in pairs]


# ---- rescue


def expired(session: Session) -> Sequence[str]:
    """Running packs whose lease has run out."""
    return session.scalars(
        select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.expires_at < db_now())
    ).all()


def reap(session: Session, pack_id: str) -> bool:
    """Take a pack from a worker that fell silent; says whether it still was to be taken."""
    taken = _rows(
        session.execute(
            update(Pack)
            .where(Pack.id == pack_id, Pack.state == PackState.RUNNING, Pack.expires_at < db_now())
            .values(seen=db_now())
        )
    )
    if taken:
        pack = session.get_one(Pack, pack_id, populate_existing=True)
        error = {"kind": Failure.LOST, "message": f"worker {pack.worker} fell silent", "pack": pack.id}
        _disband(session, pack, Failure.LOST, error)
    return bool(taken)


def _disband(session: Session, pack: Pack, failure: Failure, error: Mapping[str, Any]) -> None:
    """Send each running trial of a pack back to pending, or to its end, and call the pack lost or closed."""
    sweep_state = session.scalars(select(Sweep.state).where(Sweep.id == pack.sweep_id)).one()
    running = session.scalars(
        select(Trial)
        .where(Trial.pack_id == pack.id, Trial.state == TrialState.RUNNING)
        .order_by(Trial.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    now = session.execute(select(db_now())).scalar_one()
    for trial in running:
        verdict = judge(failure, Record(trial.crashes, trial.losses, trial.most_alive), len(running))
        trial.crashes, trial.losses = verdict.record.crashes, verdict.record.losses
        trial.most_alive = verdict.record.most_alive
        trial.pack_id = None
        trial.failure = dict(error)
        if trial.cancel or sweep_state == SweepState.CANCELLING:
            trial.state, trial.finished_at = move(TrialState.RUNNING, TrialState.CANCELLED), now
            trial.cancel = False
        elif verdict.again:
            trial.state, trial.not_before = (
                move(TrialState.RUNNING, TrialState.PENDING),
                now + verdict.delay * 1000,
            )
        else:
            trial.state, trial.finished_at = move(TrialState.RUNNING, TrialState.FAILED), now
    given_back = failure in (Failure.PREEMPTED, Failure.DAMAGED)
    pack.state = move(PackState(pack.state), PackState.CLOSED if given_back else PackState.LOST)
    pack.closed_at = now
    pack.outcome = f"{failure}: {error.get('message', '')}"
    session.flush()


def _rows(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
