"""Form the next window of packs and announce it: the API does so after a submit, upkeep in every round."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial

from services.domain.states import SWEEP_DISPATCHABLE, SweepState
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, packs, set_aside, sweeps, trials
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store
from services.store.sweeps import Candidate

WINDOW_PER_DEVICE = 2  # packs in Redis or running, per live device
MAX_CANDIDATES = 50  # sweeps that one query proposes for the next place in the window
CANDIDATES_PER_ROW = 8  # trials that are looked at for each row of a pack
log = logging.getLogger(__name__)


def dispatch(store: Store, publisher: Publisher, settings: Settings) -> int:
    """Fill the window, the sweep that is served least first, and announce its packs; returns how many.

    A full window still gives each sweep its share: a sweep with two queued packs more than another one gives
    a place to it.
    """
    store.write(withdraw_stranded)
    tried: list[str] = []  # in this round; each sweep gets as many packs as are its share, but fails once
    while candidate := store.read(partial(next_in_need, without=tried)):
        work = partial(give_place, candidate=candidate)
        if not set_aside.treat(store, set_aside.DISPATCH, candidate.id, work):
            tried.append(candidate.id)
    return announce(store, publisher, settings.redispatch)


def announce(store: Store, publisher: Publisher, resend_after: float) -> int:
    """Send messages until each queued pack has one; returns how many went out.

    A message wakes a worker, which takes whichever pack comes next, so it is enough that there are as many
    messages as queued packs. A pack whose message was sent a while ago is announced again only if its queue
    has become shorter than that, as when Redis was emptied.
    """
    unsent = store.read(lambda session: packs.unsent(session, resend_after))
    if not unsent:
        return 0
    missing: dict[str, int] = {}  # messages, by kind of device
    for kind, queued in Counter(pack.kind for pack in store.read(packs.queued)).items():
        there = publisher.waiting(kind)
        if there is None:
            return 0
        missing[kind] = queued - there
    sent = 0
    for pack in unsent:
        if missing.get(pack.kind, 0) <= 0:
            if pack.sent_at is None:  # a message that another pack has left behind will do
                store.write(partial(packs.mark_sent, pack_id=pack.id))
            continue
        if not publisher.send(pack.id, pack.kind):
            break
        store.write(partial(packs.mark_sent, pack_id=pack.id))
        missing[pack.kind] -= 1
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


def next_in_need(session: Session, without: Sequence[str] = ()) -> Candidate | None:
    """The sweep that gets the next place in the window, free or made free; None if nobody does."""
    full: set[tuple[str | None, int, int]] = set()  # for sweeps that are alike in this there is no place
    for candidate in sweeps.candidates(session, MAX_CANDIDATES, without):
        alike = candidate.plugins, candidate.packs, candidate.priority
        if alike in full:
            continue
        if free_kind(session, candidate.plugins) or packs.withdrawable(session, *alike):
            return candidate
        full.add(alike)
    return None


def give_place(session: Session, candidate: Candidate) -> Pack | None:
    """Form one pack of a sweep; in a full window another sweep's queued pack makes room for it."""
    if not free_kind(session, candidate.plugins):
        rival = packs.withdrawable(session, candidate.plugins, candidate.packs, candidate.priority)
        if rival is None:  # it has begun to train since
            return None
        packs.withdraw(session, rival, f"sweep {candidate.id} has its share first")
    return fill(session, candidate.id)


def fill(session: Session, sweep_id: str) -> Pack | None:
    """Form one pack of a sweep, unless the window is full or no trial of the sweep waits."""
    sweep = sweeps.lock(session, sweep_id)
    kind = free_kind(session, sweep.plugins)
    if kind is None or sweep.state not in SWEEP_DISPATCHABLE:
        return None
    first = trials.first_waiting(session, sweep_id)
    waiting: Sequence[Trial]
    if first is None:
        waiting = next_trials(session, sweep)
        if not waiting:
            return None
        first = waiting[0]
        shape = sweep.plan.shapes[first.shape]
    else:
        shape = sweep.plan.shapes[first.shape]
        waiting = trials.waiting_like(session, first, shape.mixed, CANDIDATES_PER_ROW * shape.width)
    return packs.form(session, sweep, choose(waiting, first.most_alive), shape.width, kind)


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


def choose(alike: Sequence[Trial], most: int | None) -> list[Trial]:
    """The trials that go into a pack together, of some that may: each in a row of its own, `most` of them."""
    chosen: dict[int, Trial] = {}  # by row
    for trial in alike:
        if len(chosen) == most:
            break
        chosen.setdefault(trial.row, trial)
    return list(chosen.values())
