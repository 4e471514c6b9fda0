"""Form the next window of packs: after a submit, for a worker that finds none, and by upkeep."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from services.domain.states import SWEEP_DISPATCHABLE, SweepState
from services.queue import Publisher
from services.settings import Settings
from services.store import clock, devices, packs, set_aside, specs_and_plans, sweeps, trials
from services.store.models import Pack, Sweep, Trial
from services.store.packs import PackDraft
from services.store.session import Session, Store
from services.store.sweeps import Candidate

T = TypeVar("T")
WINDOW_PER_DEVICE = 2  # packs in Redis or running, per live device
IDLE_RESEND_SECONDS = 5.0  # after which a message counts as lost while a device idles
MAX_CANDIDATES = 50  # sweeps that one query proposes for the next place in the window
CANDIDATES_PER_ROW = 8  # trials that are looked at for each row of a pack
log = logging.getLogger(__name__)


def dispatch(store: Store, publisher: Publisher, settings: Settings) -> int:
    """Fill the window, the sweep that is served least first, and announce its packs; returns how many.

    A full window still gives each sweep its share: a sweep with two queued packs more than another one gives
    a place to it.
    """
    store.write(withdraw_stranded)
    form_packs(store)
    return announce(store, publisher, settings.redispatch)


def refill(
    store: Store, publisher: Publisher, settings: Settings, take: Callable[[Session], T | None]
) -> T | None:
    """Form packs for a worker that has found none, as many as there are places; returns what it takes.

    It takes one in the transaction that forms them. Workers that train take the next pack by themselves when
    theirs ends; only idle ones need a message.
    """
    formed, taken = form_packs(store, take)
    left = formed - (taken is not None)
    if left and store.read(idle_devices) > (taken is None):  # one that has taken nothing is the caller's
        announce(store, publisher, settings.redispatch)
    return taken


def form_packs(
    store: Store, take: Callable[[Session], T | None] = lambda session: None
) -> tuple[int, T | None]:
    """Fill the window, the sweep that is served least first; returns how many packs were formed.

    `take` is called in the transactions that form them, until it returns something; that is returned, too.
    """
    formed, taken = 0, None
    tried: list[str] = []  # in this round; each sweep gets as many packs as are its share, but fails once
    while turn := store.read(partial(next_in_need, without=tried)):

        def work(session: Session, turn: Turn = turn, first: bool = taken is None) -> tuple[int, T | None]:
            packs_of_turn = give_place(session, turn.candidate, turn.alone)
            return len(packs_of_turn), take(session) if packs_of_turn and first else None

        before = turn.candidate.set_aside
        done = set_aside.treat(store, set_aside.DISPATCH, turn.candidate.id, work, before)
        count, found = done or (0, None)
        taken = taken or found
        if not count:
            tried.append(turn.candidate.id)
        formed += count
        if turn.alone and count:
            break  # the window is full, or the sweep has nothing left
    return formed, taken


def idle_devices(session: Session) -> int:
    """How many live devices train nothing."""
    return sum(devices.live(session).values()) - packs.count_running(session)


def announce(store: Store, publisher: Publisher, resend_after: float) -> int:
    """Send messages until each queued pack has one; returns how many went out.

    A message wakes a worker, which takes whichever pack comes next, so it is enough that there are as many
    messages as queued packs. A pack whose message was sent a while ago is announced again only if its queue
    has become shorter than that, as when Redis was emptied. While a device idles that is soon: the message
    went to a worker that ended before it took a pack.
    """

    def read(session: Session) -> tuple[Sequence[Pack], Sequence[Pack]]:
        soon = min(resend_after, IDLE_RESEND_SECONDS)
        unsent = packs.unsent(session, soon if idle_devices(session) > 0 else resend_after)
        return unsent, packs.queued(session)

    unsent, queued = store.read(read)
    if not unsent:
        return 0
    missing: dict[str, int] = {}  # messages, by kind of device
    for kind, waiting in Counter(pack.kind for pack in queued).items():
        there = publisher.waiting(kind)
        if there is None:
            return 0
        missing[kind] = waiting - there
    sent, announced = 0, []
    for pack in unsent:
        if missing.get(pack.kind, 0) <= 0:
            if pack.sent_at is None:  # a message that another pack has left behind will do
                announced.append(pack.id)
            continue
        if not publisher.send(pack.id, pack.kind):
            break
        announced.append(pack.id)
        missing[pack.kind] -= 1
        sent += 1
    if announced:
        store.write(partial(packs.mark_sent, pack_ids=announced))
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


@dataclass(frozen=True)
class Turn:
    """A sweep that gets places in the window: all that are free, if it is alone in wanting any, else one."""

    candidate: Candidate
    alone: bool


def next_in_need(session: Session, without: Sequence[str] = ()) -> Turn | None:
    """The sweep that gets the next place in the window, free or made free; None if nobody does."""
    full: set[tuple[str | None, int, int]] = set()  # for sweeps that are alike in this there is no place
    candidates = sweeps.candidates(session, MAX_CANDIDATES, without)
    for candidate in candidates:
        alike = candidate.plugins, candidate.packs, candidate.priority
        if alike in full:
            continue
        if free_places(session, candidate.plugins):
            return Turn(candidate, alone=len(candidates) == 1 and not without)
        if packs.withdrawable(session, *alike):
            return Turn(candidate, alone=False)
        full.add(alike)
    return None


def give_place(session: Session, candidate: Candidate, alone: bool = False) -> list[Pack]:
    """Form packs of a sweep; in a full window another sweep's queued pack makes room for one."""
    if formed := fill_places(session, candidate.id, None if alone else 1):
        return formed
    if free_places(session, candidate.plugins):
        return []  # nothing of it waits
    rival = packs.withdrawable(session, candidate.plugins, candidate.packs, candidate.priority)
    if rival is None or rival.sweep_id == candidate.id:  # it has begun to train since, or another was quicker
        return []
    packs.withdraw(session, rival, f"sweep {candidate.id} has its share first")
    return fill_places(session, candidate.id, 1)


def fill(session: Session, sweep_id: str) -> Pack | None:
    """Form one pack of a sweep, unless the window is full or no trial of the sweep waits."""
    return next(iter(fill_places(session, sweep_id, 1)), None)


def fill_places(session: Session, sweep_id: str, most: int | None) -> list[Pack]:
    """Form packs of a sweep while the window has places and trials wait: all that there can be, or `most`."""
    sweep = sweeps.lock(session, sweep_id)
    room = free_places(session, sweep.plugins)
    if not room or sweep.state not in SWEEP_DISPATCHABLE:
        return []
    specs_and_plans.give(session, [sweep])
    formed: list[Pack] = []
    while room.total() and len(formed) != most and (first := trials.first_waiting(session, sweep.id)):
        formed.append(_form_waiting(session, sweep, first, _take_place(room)))
    drafts: list[PackDraft] = []
    now = clock.read(session)
    while room.total() and len(formed) + len(drafts) != most and (rows := next_trials(sweep, now)):
        drafts.append(PackDraft(rows, sweep.plan.shapes[rows[0]["shape"]].width, _take_place(room)))
    return formed + packs.form_new(session, sweep, drafts, now) if drafts else formed


def _take_place(room: Counter[str]) -> str:
    """Take a place of the kind of device that has the most; returns the kind."""
    ((kind, _),) = room.most_common(1)
    room[kind] -= 1
    return kind


def _form_waiting(session: Session, sweep: Sweep, first: Trial, kind: str) -> Pack:
    """Form one pack of trials that wait, among them the first."""
    shape = sweep.plan.shapes[first.shape]
    waiting = trials.waiting_like(session, first, shape.mixed, CANDIDATES_PER_ROW * shape.width)
    return packs.form(session, sweep, choose(waiting, first.most_alive), shape.width, kind)


def free_places(session: Session, plugins: str | None) -> Counter[str]:
    """How many places the window has for a sweep with these plug-ins, by kind of device.

    With no worker alive they are of the kind that every host has. None where the window is full, and where
    every worker would refuse the sweep: the packs of others need the window.
    """
    devices_of, packs_of = devices.live(session), packs.outstanding(session)
    able = devices.live(session, plugins) if plugins else devices_of
    if not devices_of:
        return +Counter({"cpu": WINDOW_PER_DEVICE - packs_of.get("cpu", 0)})
    return +Counter({kind: WINDOW_PER_DEVICE * devices_of[kind] - packs_of.get(kind, 0) for kind in able})


def next_trials(sweep: Sweep, now: int) -> list[dict[str, Any]]:
    """Make one pack's worth of new trials, which may all share an array, as rows, if the sweep is active."""
    if sweep.state != SweepState.ACTIVE or sweep.next_number >= sweep.total:
        return []
    plan, number = sweep.plan, sweep.next_number
    width = plan.shapes[plan.shape_of(plan.point_of(number))].width
    return trials.new_rows(sweep, min(width, plan.run_of(number)), now)


def choose(alike: Sequence[Trial], most: int | None) -> list[Trial]:
    """The trials that go into a pack together, of some that may: each in a row of its own, `most` of them."""
    chosen: dict[int, Trial] = {}  # by row
    for trial in alike:
        if len(chosen) == most:
            break
        chosen.setdefault(trial.row, trial)
    return list(chosen.values())
