"""Form the next window of packs and announce it: the API does so after a submit, upkeep in every round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from services.domain.states import SWEEP_DISPATCHABLE, SweepState
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, packs, sweeps, trials
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store

WINDOW_PER_DEVICE = 2  # packs in Redis or running, per live device


def dispatch(store: Store, publisher: Publisher, settings: Settings) -> int:
    """Fill the window, one pack of each sweep in turn, and announce its packs; returns how many."""
    store.write(withdraw_stranded)
    waiting = list(store.read(sweeps.dispatchable_ids))
    while waiting:
        waiting = [sweep_id for sweep_id in waiting if store.write(partial(fill, sweep_id=sweep_id))]
    return announce(store, publisher, settings.redispatch)


def announce(store: Store, publisher: Publisher, resend_after: float) -> int:
    """Send a message for each queued pack that has no recent one; returns how many went out."""
    sent = 0
    for pack in store.read(lambda session: packs.unsent(session, resend_after)):
        if not publisher.send(pack.id, pack.kind):
            break
        store.write(partial(packs.mark_sent, pack_id=pack.id))
        sent += 1
    return sent


def withdraw_stranded(session: Session) -> None:
    """Take back queued packs that no worker can take, while other workers are alive.

    They would fill the window: nobody has their kind of device, or nobody has their sweep's plug-ins.
    """
    for pack in packs.queued(session) if devices.live(session) else ():
        wanted = packs.plugins_of(session, pack.id)
        if pack.kind not in devices.live(session, wanted):
            having = f" with plug-ins {wanted[:12]}" if wanted else ""
            packs.withdraw(session, pack, f"no {pack.kind} device{having} is alive")


def fill(session: Session, sweep_id: str) -> Pack | None:
    """Form one pack of a sweep, unless the window is full or no trial of the sweep waits."""
    sweep = sweeps.lock(session, sweep_id)
    kind = free_kind(session, sweep.plugins)
    if kind is None or sweep.state not in SWEEP_DISPATCHABLE:
        return None
    waiting = trials.dispatchable(session, sweep_id) or next_trials(session, sweep)
    if not waiting:
        return None
    shape = sweep.plan.shapes[waiting[0].shape]
    return packs.form(session, sweep, choose(waiting, shape.mixed), shape.width, kind)


def free_kind(session: Session, plugins: str | None) -> str | None:
    """The kind of device with the most room in the window for a sweep with these plug-ins.

    With no worker alive it is the kind that every host has. None where the window is full, and where every
    worker would refuse the sweep: the packs of others need the window.
    """
    devices_of, packs_of = devices.live(session), packs.outstanding(session)
    able = devices.live(session, plugins)
    if devices_of and not able:
        return None
    room = {kind: WINDOW_PER_DEVICE * devices_of.get(kind, 0) - packs_of.get(kind, 0) for kind in able}
    if not room:
        room = {"cpu": WINDOW_PER_DEVICE - packs_of.get("cpu", 0)}
    kind = max(room, key=lambda kind: room[kind])
    return kind if room[kind] > 0 else None


def next_trials(session: Session, sweep: Sweep) -> Sequence[Trial]:
    """Draw one pack's worth of new trials, which may all share an array, if the sweep is active."""
    if sweep.state != SweepState.ACTIVE or sweep.next_number >= sweep.total:
        return []
    plan, number = sweep.plan, sweep.next_number
    width = plan.shapes[plan.shape_of(plan.point_of(number))].width
    return trials.draw(session, sweep, min(width, plan.run_of(number)))


def choose(waiting: Sequence[Trial], mixed: bool) -> list[Trial]:
    """The trials that go into a pack with the first one: alike, each in a row of its own, and not too many.

    Trials of several replicates are alike only where the shape mixes them.
    """

    def key(trial: Trial) -> tuple[int | None, ...]:
        """What trials of one pack have in common."""
        replicate = None if mixed else trial.replicate
        return trial.shape, trial.saved_epoch, trial.epoch, trial.target_epoch, trial.most_alive, replicate

    first = waiting[0]
    chosen: dict[int, Trial] = {}  # by row
    for trial in waiting:
        if len(chosen) == first.most_alive:
            break
        if key(trial) == key(first):
            chosen.setdefault(trial.row, trial)
    return list(chosen.values())
