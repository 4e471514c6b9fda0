"""Form the next window of packs and announce it: called by the API after a submit, by upkeep always."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from services.domain.plan.plan import Plan
from services.domain.states import SweepState
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, packs, sweeps, trials
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store

WINDOW = 2  # packs in Redis or running, per live device


def dispatch(store: Store, publisher: Publisher, settings: Settings) -> int:
    """Fill the window, one pack of each sweep in turn, and send what is unsent; returns how many went out."""
    store.write(reroute)
    waiting = list(store.read(sweeps.dispatchable_ids))
    while waiting:
        waiting = [sweep_id for sweep_id in waiting if store.write(partial(fill, sweep_id=sweep_id))]
    sent = 0
    for pack in store.read(lambda session: packs.unsent(session, settings.redispatch * 1000)):
        if not publisher.send(pack.id, pack.kind):
            break
        store.write(partial(packs.mark_sent, pack_id=pack.id))
        sent += 1
    return sent


def reroute(session: Session) -> None:
    """Take back queued packs that no worker takes any more, while other workers are alive.

    They would fill the window: nobody has their kind of device, or nobody their sweep's plug-ins.
    """
    for pack in packs.queued(session) if devices.live(session) else ():
        wanted = packs.plugins_of(session, pack.id)
        if pack.kind not in devices.live(session, wanted):
            having = f" with plug-ins {wanted[:12]}" if wanted else ""
            packs.withdraw(session, pack, f"no {pack.kind} device{having} is alive")


def fill(session: Session, sweep_id: str) -> Pack | None:
    """Form one pack of a sweep, unless the window is full or nothing of the sweep waits."""
    sweep = sweeps.lock(session, sweep_id)
    slots, taken = devices.live(session), packs.outstanding(session)
    able = devices.live(session, sweep.plugins)
    if slots and not able:
        return None  # every worker would refuse it, and others' packs need the window
    kind = _kind({kind: slots[kind] for kind in able}, taken)
    if sweep.state not in (SweepState.ACTIVE, SweepState.STOPPING) or taken.get(kind, 0) >= WINDOW * max(
        slots.get(kind, 0), 1
    ):
        return None
    plan = Plan.model_validate(sweep.plan)
    waiting = trials.dispatchable(session, sweep_id)
    if not waiting and sweep.state == SweepState.ACTIVE:
        waiting = _next_trials(session, sweep, plan)
    if not waiting:
        return None
    shape = plan.shapes[waiting[0].shape]
    return packs.form(session, sweep, choose(waiting, shape.mixed), shape.width, kind)


def choose(waiting: Sequence[Trial], mixed: bool) -> list[Trial]:
    """The trials that go with the first one: same shape and epochs, of one replicate unless the shape mixes
    them, each its own row, and as few alive together as the most careful of them asks for."""
    first = waiting[0]
    chosen: list[Trial] = []
    rows: set[int] = set()
    most = first.most_alive
    for trial in waiting:
        alike = (trial.shape, trial.saved_epoch, trial.epoch, trial.target_epoch, trial.most_alive) == (
            first.shape,
            first.saved_epoch,
            first.epoch,
            first.target_epoch,
            first.most_alive,
        )
        together = mixed or trial.replicate == first.replicate
        if alike and together and trial.row not in rows and (most is None or len(chosen) < most):
            chosen.append(trial)
            rows.add(trial.row)
    return chosen


def _next_trials(session: Session, sweep: Sweep, plan: Plan) -> list[Trial]:
    """Draw one pack's worth of new trials, all of which may share an array."""
    if sweep.next_number >= sweep.total:
        return []
    shape = plan.shapes[plan.shape_of(plan.point_of(sweep.next_number))]
    return trials.draw(session, sweep, min(shape.width, plan.run_of(sweep.next_number)))


def _kind(slots: dict[str, int], taken: dict[str, int]) -> str:
    """The kind of device with the most room; with no worker alive, the kind that every host has."""
    return max(slots, key=lambda kind: WINDOW * slots[kind] - taken.get(kind, 0), default="cpu")
