"""Everything that keeps a sweep from moving, as one list of reasons, the most important one first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from services.domain.blocker import Blocker, BlockerKind
from services.domain.retry import Failure
from services.domain.states import (
    PACK_OUTSTANDING,
    SWEEP_FINAL,
    TRIAL_FINAL,
    PackState,
    SweepState,
    TrialState,
)
from services.host import EVERYWHERE
from services.precisions import NEEDS
from services.store import devices
from services.store.attempts import EndedAttempt
from services.store.clock import db_now, seconds_ago
from services.store.models import Event, MirrorSweep, MirrorTrial, Pack, Sweep, Trial
from services.store.workers import Worker

ANNOUNCE_SECONDS = 10.0  # in which a new pack is announced, if Redis answers and upkeep runs
MLFLOW_SECONDS = 60.0  # that a trial's end may take to reach MLflow, while MLflow takes nothing of the sweep
START_WORKER = "start one with `cnnlab up`, or `python -m workers` on a machine that reaches the service"
ANOTHER_OPERATION = (
    "results are the same; for more speed replace that operation in the module by one that torch.vmap takes"
)
NO_WORKER = "no worker is running"
SET_ASIDE = "the service has set it aside"
PAUSED_BY_SERVICE = "the service has paused it"


# Asked for whenever a sweep is shown, so they are made once.
_MACHINES = (
    select(Pack.worker, Pack.machine)
    .where(
        Pack.state.in_((PackState.RUNNING, PackState.CLOSED)),
        Pack.expires_at >= db_now(),
        Pack.sweep_id == bindparam("sweep"),
        Pack.kind == "cpu",
        Pack.shape.in_(bindparam("shapes", expanding=True)),
    )
    .order_by(Pack.worker)
)
_LATE = (
    select(func.count(), func.min(Trial.finished_at))
    .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
    .join(MirrorSweep, MirrorSweep.sweep_id == Trial.sweep_id)
    .where(
        Trial.sweep_id == bindparam("sweep"),
        Trial.state.in_(sorted(TRIAL_FINAL)),
        Trial.started_at.is_not(None),
        Trial.finished_at < seconds_ago(MLFLOW_SECONDS),
        MirrorTrial.exported_state.is_distinct_from(Trial.state),
        MirrorTrial.left_out.is_(None),
        MirrorSweep.mirrored_at < seconds_ago(MLFLOW_SECONDS),
    )
)


def of(
    session: Session, sweep: Sweep, wants: bool, failed: Sequence[EndedAttempt], behind: bool
) -> list[Blocker]:
    """The reasons for which a sweep does not move, or for which what MLflow shows of it is behind.

    `wants`: its trials may start and none of them commits epochs; `failed` are its attempts that failed in a
    row, newest first; `behind`: the service writes to an MLflow, and that lacks something of the sweep.
    """
    found: list[Blocker | None] = [
        set_aside(sweep.set_aside or sweep.fault, sweep.set_aside_at),
        paused(session, sweep, sweep.pause_reason),
    ]
    if wants:
        found += [
            _no_worker(session, sweep) or _no_plugins(session, sweep) or _no_precision(session, sweep),
            _no_device(session, sweep),
        ]
        found.append(failing(session, sweep, failed) if failed else None)
        # The rest would only repeat what one of these has caused.
        if not any(found):
            found.append(_parent(session, sweep) or _unannounced(session, sweep) or _turn(session, sweep))
    found += [_no_compiler(session, sweep), _row_by_row(sweep)]
    if behind:
        found.append(_mlflow(session, sweep))
    return [blocker for blocker in found if blocker]


def set_aside(why: str | None, since: int | None) -> Blocker | None:
    """A chore cannot treat the sweep, as when its row cannot be read; `why` and `since` are its columns."""
    if why is None:
        return None
    remedy = "cancel it, or have the version that wrote it read it again; other sweeps are not affected"
    return Blocker(BlockerKind.SET_ASIDE, f"{SET_ASIDE}: {why}", since, remedy)


def paused(session: Session, sweep: Sweep, reason: str | None) -> Blocker | None:
    """The sweep is paused; `reason` is why the service did it, None if a user did."""
    if sweep.state != SweepState.PAUSED:
        return None
    moved = select(Event.at, Event.data).where(Event.sweep_id == sweep.id, Event.kind == "sweep")
    last = session.execute(moved.order_by(Event.tx.desc(), Event.id.desc()).limit(1)).one_or_none()
    since = last.at if last is not None and last.data.get("state") == SweepState.PAUSED else None
    if reason is None:
        return Blocker(BlockerKind.PAUSED, "a user has paused it", since, f"`cnnlab resume {sweep.id}`")
    remedy = f"put that right, then `cnnlab resume {sweep.id}`"
    return Blocker(BlockerKind.PAUSED, f"{PAUSED_BY_SERVICE}: {reason}", since, remedy)


def failing(session: Session, sweep: Sweep, failed: Sequence[EndedAttempt]) -> Blocker:
    """The newest attempts of the sweep have all failed, and nothing was committed since."""
    latest, since = failed[0], failed[-1].ended
    if all(attempt.failure == Failure.HOST for attempt in failed):
        workers = len({attempt.worker for attempt in failed})
        who = "the worker that took its packs could not" if workers == 1 else f"{workers} workers could not"
        words = f"{who} train it ({_attempts(failed)}): {latest.message}"
        remedy = f"put that right where the workers run, and it goes on; or `cnnlab cancel {sweep.id}`"
        return Blocker(BlockerKind.REFUSED, words + _again(session, sweep), since, remedy)
    words = f"{_attempts(failed)} without a new epoch: {latest.message}"
    remedy = f"see the log of pack {latest.pack_id}; `cnnlab cancel {sweep.id}` ends the attempts"
    return Blocker(BlockerKind.FAILING, words + _again(session, sweep), since, remedy)


def _attempts(failed: Sequence[EndedAttempt]) -> str:
    return "1 attempt" if len(failed) == 1 else f"{len(failed)} attempts in a row"


def _again(session: Session, sweep: Sweep) -> str:
    """When the next attempt begins, if that is not now."""
    waits = Trial.sweep_id == sweep.id, Trial.state == TrialState.PENDING, Trial.attempts > 0
    in_ms = session.execute(select(func.min(Trial.not_before) - db_now()).where(*waits)).scalar_one()
    return f"; the next one begins in {round(in_ms / 1000)} s" if in_ms is not None and in_ms > 500 else ""


def _no_worker(session: Session, sweep: Sweep) -> Blocker | None:
    if devices.live(session):
        return None
    seen = session.execute(select(func.max(Worker.seen))).scalar_one()
    return Blocker(BlockerKind.NO_WORKER, NO_WORKER, max(seen or 0, sweep.created_at), START_WORKER)


def missing_plugins(sweep: Sweep) -> str:
    """Say that no worker has the sweep's plug-ins."""
    return f"no worker has the plug-ins {(sweep.plugins or '')[:12]} that the sweep was planned with"


def _no_plugins(session: Session, sweep: Sweep) -> Blocker | None:
    if not sweep.plugins or devices.live(session, sweep.plugins):
        return None
    return Blocker(
        BlockerKind.PLUGINS,
        missing_plugins(sweep),
        sweep.created_at,
        "set CNNLAB_PLUGINS to the same folder for the API and the workers, and restart the workers",
    )


def _no_precision(session: Session, sweep: Sweep) -> Blocker | None:
    """A shape of it has a precision that no live device has."""
    shapes = [] if sweep.fault else sweep.plan.shapes
    wanted = {shape.precision for shape in shapes}.difference(EVERYWHERE)
    alive = {name for names in devices.precisions(session).values() for name in names} if wanted else set()
    lacking = next((name for name in sorted(wanted) if name not in alive), None)
    if lacking is None:
        return None
    remedy = f"start a worker where it is; it needs {NEEDS[lacking]}"
    return Blocker(BlockerKind.NO_DEVICE, f"no device that is alive has {lacking}", sweep.created_at, remedy)


def _no_device(session: Session, sweep: Sweep) -> Blocker | None:
    """Its packs wait for a kind of device that nobody has, while workers with another kind are there."""
    alive = devices.live(session)
    rows = session.execute(
        select(Pack.kind, func.min(Pack.created_at))
        .where(Pack.sweep_id == sweep.id, Pack.state == PackState.QUEUED)
        .group_by(Pack.kind)
    )
    missing = {kind: since for kind, since in rows if alive and kind not in alive}
    if not missing:
        return None
    kinds = " or ".join(sorted(missing))
    others = " or ".join(sorted(alive))
    remedy = f"start a worker on a machine with one; otherwise upkeep has them trained on {others}"
    return Blocker(BlockerKind.NO_DEVICE, f"no {kinds} device is alive", min(missing.values()), remedy)


def _parent(session: Session, sweep: Sweep) -> Blocker | None:
    """Its trial is a fork, and the checkpoint that it begins with is still to be written."""
    if sweep.fault or sweep.plan.fork is None:
        return None
    parent = aliased(Trial)
    waits = Trial.sweep_id == sweep.id, Trial.start_epoch.is_(None)
    columns = select(parent.id, parent.epoch, parent.target_epoch)
    row = session.execute(columns.join(Trial, Trial.forked_from == parent.id).where(*waits)).one_or_none()
    if row is None:
        return None
    message = (
        f"it waits for trial {row.id} to commit its next epoch, {row.epoch + 1} of {row.target_epoch}, "
        "whose checkpoint it begins with"
    )
    remedy = "it begins by itself then, or from an earlier checkpoint if that one is not written"
    return Blocker(BlockerKind.PARENT, message, sweep.created_at, remedy)


def _unannounced(session: Session, sweep: Sweep) -> Blocker | None:
    """Its packs wait, and no message about them has gone out."""
    oldest: int | None = session.execute(
        select(func.min(Pack.created_at)).where(
            Pack.sweep_id == sweep.id,
            Pack.state == PackState.QUEUED,
            Pack.sent_at.is_(None),
            Pack.created_at < seconds_ago(ANNOUNCE_SECONDS),
        )
    ).scalar_one()
    if oldest is None:
        return None
    remedy = "start the Redis that the service is set to use, and upkeep; `cnnlab doctor` checks both"
    return Blocker(BlockerKind.QUEUE, "its packs cannot be announced to workers", oldest, remedy)


def _turn(session: Session, sweep: Sweep) -> Blocker | None:
    """None of its packs trains, because those of other sweeps are on the devices."""
    rows = session.execute(
        select(Pack.sweep_id, Pack.state, func.count())
        .where(Pack.state.in_(PACK_OUTSTANDING))
        .group_by(Pack.sweep_id, Pack.state)
    ).all()
    if any(sweep_id == sweep.id and state == PackState.RUNNING for sweep_id, state, _ in rows):
        return None
    running = sum(count for _, state, count in rows if state == PackState.RUNNING)
    slots = sum(devices.live(session).values())
    if running < slots:
        return None
    others = len({sweep_id for sweep_id, _, _ in rows if sweep_id != sweep.id})
    what = "another sweep trains" if others == 1 else f"{others} other sweeps train"
    where = "the only device" if slots == 1 else f"all {slots} devices"
    remedy = f"its turn comes; `cnnlab priority {sweep.id} 5` brings it forward, or pause what may wait"
    last = select(func.max(Pack.closed_at)).where(Pack.sweep_id == sweep.id)
    since = session.execute(last).scalar_one() or sweep.created_at
    return Blocker(BlockerKind.TURN, f"{what} on {where}", since, remedy)


def _no_compiler(session: Session, sweep: Sweep) -> Blocker | None:
    """Its packs train, or did under leases that would still hold, without what their nets could use."""
    compiled = [] if sweep.fault else [i for i, shape in enumerate(sweep.plan.shapes) if shape.compiled]
    if not compiled or sweep.state in SWEEP_FINAL:
        return None
    rows = session.execute(_MACHINES, {"sweep": sweep.id, "shapes": compiled})
    slow = {worker: machine for worker, machine in rows if machine and machine.get("no_kernels")}
    if not slow:
        return None
    who = f"worker {next(iter(slow))} trains" if len(slow) == 1 else f"{len(slow)} workers train"
    machine = next(iter(slow.values()))
    message = f"{who} without the compiled operation: {machine['no_kernels']}"
    remedy = f"{machine['kernels_remedy']}, where the worker runs; then start the worker again"
    return Blocker(BlockerKind.COMPILER, message, None, remedy)


def _row_by_row(sweep: Sweep) -> Blocker | None:
    """A net of its plan takes one trial at a time, because of an operation in it."""
    reasons = [] if sweep.fault else [shape.row_by_row for shape in sweep.plan.shapes if shape.row_by_row]
    if not reasons or sweep.state in SWEEP_FINAL:
        return None
    message = f"the trials of an array train one after the other: {reasons[0]}"
    return Blocker(BlockerKind.ROW_BY_ROW, message, None, ANOTHER_OPERATION)


def _mlflow(session: Session, sweep: Sweep) -> Blocker | None:
    """Trials whose end MLflow does not show, long after it, and not because it is catching up."""
    count, since = session.execute(_LATE, {"sweep": sweep.id}).one()
    if not count:
        return None
    trials = "1 trial that has" if count == 1 else f"{count} trials that have"
    remedy = "nothing is lost, MLflow catches up; if it does not answer, start it (`cnnlab doctor` checks it)"
    return Blocker(BlockerKind.MLFLOW, f"MLflow does not show {trials} ended", since, remedy)
