"""Form the next window of packs: after a submit, for a worker that finds none, and by upkeep."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from services.domain.plan import cohorts, packing
from services.domain.plan.plan import Plan
from services.domain.plan.shape import Shape
from services.domain.results.race import FIRST_SEEDS
from services.domain.states import SWEEP_DISPATCHABLE, SweepState
from services.host import EVERYWHERE
from services.queue import Publisher
from services.settings import Settings
from services.store import (
    array_places,
    asked,
    budgets,
    devices,
    early_ends,
    moves,
    packs,
    reuse,
    set_aside,
    specs_and_plans,
    sweeps,
    trials,
    window,
)
from services.store.models import Pack, Sweep, Trial
from services.store.packs import PackDraft
from services.store.session import Session, Store
from services.store.sweeps import Candidate
from services.store.window import Window

T = TypeVar("T")
IDLE_RESEND_SECONDS = 5.0  # after which a message counts as lost while a device idles
MAX_CANDIDATES = 50  # sweeps that one query proposes for the next place in the window
MAX_ASKS = 8  # of a search by results for one pack, while it proposes what other sweeps have trained
# Of a search by results: how many trials may wait for each row that is asked for, for want of their devices.
MAX_WAITING_PER_ROW = 2
CANDIDATES_PER_ROW = 8  # trials that are looked at for each row of a pack
log = logging.getLogger(__name__)


def dispatch(store: Store, publisher: Publisher, settings: Settings) -> int:
    """Fill the window, the sweep that is served least first, and announce its packs; returns how many.

    A full window still gives each sweep its share: a sweep with two queued packs more than another one gives
    a place to it.
    """
    store.write(withdraw_stranded)
    form_packs(store)
    idle = store.read(window.read).idle() > 0
    return announce(store, publisher, settings.redispatch, idle)


def refill(
    store: Store, publisher: Publisher, settings: Settings, take: Callable[[Session], T | None]
) -> T | None:
    """Form packs for a worker that has found none, as many as there are places; returns what it takes.

    It takes one in the transaction that forms them. Workers that train take the next pack by themselves when
    theirs ends; only idle ones need a message.
    """
    formed = form_packs(store, take)
    if formed.packs > (formed.taken is not None) and formed.idle > 1:  # the caller's device is one of them
        announce(store, publisher, settings.redispatch, idle=True)
    return formed.taken


@dataclass
class Formed(Generic[T]):
    """What a round has formed: how many packs, what was taken of them, how many devices were idle before."""

    packs: int = 0
    taken: T | None = None
    idle: int = 0


def form_packs(store: Store, take: Callable[[Session], T | None] = lambda session: None) -> Formed[T]:
    """Fill the window, the sweep that is served least first.

    `take` is called in the transactions that form packs, or find that others just have, until it returns
    something.
    """
    formed: Formed[T] = Formed()
    tried: list[str] = []  # in this round; each sweep gets as many packs as are its share, but fails once
    while turn := store.read(partial(next_in_need, without=tried)):

        def work(session: Session, turn: Turn = turn) -> tuple[Given, T | None]:
            given = give_place(session, turn.candidate, turn.alone)
            some = given.packs or given.window.queued
            return given, take(session) if some and formed.taken is None else None

        before = turn.candidate.set_aside
        done = set_aside.treat(store, set_aside.DISPATCH, turn.candidate.id, work, before)
        if done is None:
            tried.append(turn.candidate.id)
            continue
        given, taken = done
        formed.packs += len(given.packs)
        formed.idle = given.window.idle()
        formed.taken = formed.taken or taken
        if (turn.alone and not given.withdrew) or (taken and not given.packs):
            break  # the window is full, by this or by others meanwhile, or nothing is left
        if not given.packs:
            tried.append(turn.candidate.id)
    return formed


def announce(store: Store, publisher: Publisher, resend_after: float, idle: bool) -> int:
    """Send messages until each queued pack has one; returns how many went out.

    A message wakes a worker, which takes whichever pack comes next, so it is enough that there are as many
    messages as queued packs. A pack whose message was sent a while ago is announced again only if its queue
    has become shorter than that, as when Redis was emptied. While a device is `idle` that is soon: the
    message went to a worker that ended before it took a pack.
    """
    late = min(resend_after, IDLE_RESEND_SECONDS) if idle else resend_after
    waiting = store.read(partial(packs.waiting, resend_after=late))
    unsent = [pack for pack in waiting if pack.is_due]
    if not unsent:
        return 0
    missing: dict[str, int] = {}  # messages, by kind of device
    for kind, count in Counter(pack.kind for pack in waiting).items():
        there = publisher.waiting(kind)
        if there is None:
            return 0
        missing[kind] = count - there
    sent, announced = 0, []
    for pack in unsent:
        if missing.get(pack.kind, 0) <= 0:
            if pack.is_new:  # a message that another pack has left behind will do
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

    They would fill the window: nobody has their kind of device, its memory or precision, or nobody has their
    sweep's plug-ins.
    """
    alive = devices.usable(session)
    for pack in packs.queued(session) if alive else ():
        wanted = packs.plugins_of(session, pack.id)
        if not any(device.can_take(pack, wanted) for device in alive):
            needs = [f"plug-ins {wanted[:12]}"] if wanted else []
            needs += [pack.precision] if pack.precision not in EVERYWHERE else []
            needs += [f"{pack.memory / 2**30:.1f} GiB"] if pack.memory else []
            having = f" with {', '.join(needs)}" if needs else ""
            packs.withdraw(session, pack, f"no {pack.kind} device{having} is alive")


@dataclass(frozen=True)
class Turn:
    """A sweep that gets places in the window: all that are free, if it is alone in wanting any, else one."""

    candidate: Candidate
    alone: bool


def next_in_need(session: Session, without: Sequence[str] = ()) -> Turn | None:
    """The sweep that gets the next place in the window, free or made free; None if nobody does.

    Whether there is a place for one that is alone shows once it is locked.
    """
    candidates = sweeps.candidates(session, MAX_CANDIDATES, without)
    if len(candidates) == 1 and not without:
        return Turn(candidates[0], alone=True)
    full: set[tuple[str | None, int, int]] = set()  # for sweeps that are alike in this there is no place
    now = window.read(session) if candidates else window.Window()
    for candidate in candidates:
        alike = candidate.plugins, candidate.packs, candidate.priority
        if alike in full:
            continue
        if now.free(candidate.plugins) or packs.withdrawable(session, *alike):
            return Turn(candidate, alone=False)
        full.add(alike)
    return None


@dataclass(frozen=True)
class Given:
    """The packs, by id, that a sweep got places for, and the window before; whether another made room."""

    packs: list[str]
    window: Window
    withdrew: bool = False


def give_place(session: Session, candidate: Candidate, alone: bool = False) -> Given:
    """Form packs of a sweep; in a full window another sweep's queued pack makes room for one."""
    sweep = sweeps.lock(session, candidate.id)
    now = window.read(session)
    given = Given(fill_places(session, sweep, now, None if alone else 1), now)
    if given.packs or now.free(candidate.plugins) or not now.is_shared(sweep.id):
        return given  # if not formed: nothing of it waits, or another was quicker
    rival = packs.withdrawable(session, candidate.plugins, candidate.packs, candidate.priority)
    if rival is None or rival.sweep_id == candidate.id:  # it has begun to train since
        return given
    packs.withdraw(session, rival, f"sweep {candidate.id} has its share first")
    return Given(fill_places(session, sweep, window.read(session), 1), now, withdrew=True)


def fill(session: Session, sweep_id: str) -> Pack | None:
    """Form one pack of a sweep, unless the window is full or no trial of the sweep waits."""
    sweep = sweeps.lock(session, sweep_id)
    formed = fill_places(session, sweep, window.read(session), 1)
    return session.get_one(Pack, formed[0]) if formed else None


def fill_places(session: Session, sweep: Sweep, now: Window, most: int | None) -> list[str]:
    """Form packs of a locked sweep while the window has places and trials wait: all there can be, or `most`.

    Returns their ids.
    """
    if sweep.state not in SWEEP_DISPATCHABLE:
        return []
    specs_and_plans.give(session, [sweep])
    reuse.draw(session, sweep)
    room = now.free(sweep.plugins)
    if not room:
        return []
    plan = sweep.plan
    # Asked for only by sweeps that need one which not every device has.
    offered = {} if plan.precisions.issubset(EVERYWHERE) else _places_by_precision(session)
    formed: list[str] = []
    own = sum(count for (_, owner), count in (now.queued + now.running).items() if owner == sweep.id)
    places = max(1, now.devices.total()) - own  # a search by results has no pack wait behind another
    while room.total() and len(formed) != most:
        shapes = _trainable(plan, room, offered)
        first = trials.first_waiting(session, sweep.id, shapes)
        asks = 0
        while first is None and asks < MAX_ASKS and _ask(session, sweep, room, places - len(formed)):
            first = trials.first_waiting(session, sweep.id, shapes)  # none where all of them are reused
            asks += 1
        if first is None:
            break
        kind = _take_place(room, offered, plan.shapes[first.shape])
        formed.append(_form_waiting(session, sweep, first, kind))
    if plan.asked is not None:
        return formed
    drafts: list[PackDraft] = []
    while room.total() and len(formed) + len(drafts) != most:
        if reuse.draw(session, sweep):
            break  # the others of them wait, and come first when this is called again
        number = _next_number(session, sweep, _trainable(plan, room, offered), now.now)
        if number is None:
            break
        kind = _take_place(room, offered, plan.shapes[plan.shape_of(plan.point_of(number))])
        if not (rows := next_trials(session, sweep, number, kind, now.now)):
            break
        drafts.append(PackDraft(rows, rows[0]["width"], kind))
    return formed + packs.form_new(session, sweep, drafts, now.now) if drafts else formed


def _ask(session: Session, sweep: Sweep, room: Counter[str], places: int) -> bool:
    """Draw trials of a search by results for so many places, if none waits; returns whether there are any.

    Those that wait for devices without a place do not count, unless they are many: they were asked for
    without the results of each other.
    """
    if sweep.plan.asked is None or places < 1:
        return False
    kind = max(+room, key=room.__getitem__)
    rows = min(places, room.total()) * array_places.width_on(session, sweep, 0, kind)
    if trials.count_waiting(session, sweep.id, MAX_WAITING_PER_ROW * rows) == MAX_WAITING_PER_ROW * rows:
        return False
    return asked.draw(session, sweep, rows)


def _places_by_precision(session: Session) -> dict[str, Counter[str]]:
    """How many more packs that need a precision the window takes, by the kind of device."""
    outstanding, places = packs.in_precisions(session), devices.precisions(session)
    for kind, counts in places.items():
        for precision in counts:
            counts[precision] = window.PACKS_PER_DEVICE * counts[precision] - outstanding[kind, precision]
    return places


def _take_place(room: Counter[str], offered: Mapping[str, Counter[str]], shape: Shape) -> str:
    """Take a place of the kind of device that has most of them and has the shape's precision; returns it."""
    kind = max((kind for kind in +room if _trains(kind, shape.precision, offered)), key=room.__getitem__)
    room[kind] -= 1
    if shape.precision not in EVERYWHERE:
        offered[kind][shape.precision] -= 1
    return kind


def _trains(kind: str, precision: str, offered: Mapping[str, Counter[str]]) -> bool:
    return precision in EVERYWHERE or (kind in offered and offered[kind][precision] > 0)


def _trainable(plan: Plan, room: Counter[str], offered: Mapping[str, Counter[str]]) -> frozenset[int] | None:
    """The shapes, by index, that a kind of device with places trains; None if those are all.

    So no part of a sweep waits for devices that only another part needs.
    """
    able = {each for each in plan.precisions if any(_trains(kind, each, offered) for kind in +room)}
    if plan.precisions <= able:
        return None
    return frozenset(index for index, shape in enumerate(plan.shapes) if shape.precision in able)


def _next_number(session: Session, sweep: Sweep, shapes: frozenset[int] | None, now: int) -> int | None:
    """The number of the next new trial of an active sweep, of these shapes if some are given.

    Later seeds of a race that come before it are drawn on the way, and wait for its decision. A budget of
    epochs is spent in the order of numbers: which trials it pays must not depend on devices.
    """
    if sweep.state != SweepState.ACTIVE:
        return None
    plan = sweep.plan
    while (number := sweep.drawn.next(plan, shapes)) is not None:
        if number != sweep.drawn.below and budgets.of_epochs(sweep) is not None:
            return None
        if not sweep.spec.race or plan.replicate_of(number) < FIRST_SEEDS:
            return number
        later = trials.new_held_rows(sweep, number, plan.run_of(number), now)
        moves.add_held_trials(session, sweep.id, later)
    return None


def _form_waiting(session: Session, sweep: Sweep, first: Trial, kind: str) -> str:
    """Form one pack of trials that wait, among them the first; returns its id."""
    mixed = sweep.plan.shapes[first.shape].mixed
    width = array_places.place(session, sweep, first, kind)
    waiting = trials.waiting_like(session, first, mixed, CANDIDATES_PER_ROW * width)
    return packs.form(session, sweep, array_places.choose(waiting, first.most_alive), width, kind)


def next_trials(session: Session, sweep: Sweep, number: int, kind: str, now: int) -> list[dict[str, Any]]:
    """Make a pack of new trials from a number on, which may share an array, for a kind of device."""
    plan = sweep.plan
    most = array_places.width_on(session, sweep, plan.shape_of(plan.point_of(number)), kind)
    left = plan.run_of(number)
    wanted = packing.next_rows(left, most) if kind == "cpu" else min(most, left)
    rows = _affordable(session, sweep, number, wanted)
    width = most if plan.pin else rows if kind == "cpu" else packing.on_ladder(rows)
    return trials.new_rows(sweep, number, rows, width, now) if rows else []


def _affordable(session: Session, sweep: Sweep, number: int, rows: int) -> int:
    """How many new trials from a number on the sweep's budget of epochs can pay; draws no more if none."""
    left = budgets.left(session, sweep)
    if left is None:
        return rows
    plan, stops, cost = sweep.plan, cohorts.of_sweep(sweep.spec, sweep.plan), 0
    for count in range(rows):
        point = plan.point_of(number + count)
        cost += stops.next_stop(stops.of(point), 0, plan.shapes[plan.shape_of(point)].epochs)
        if cost > left:
            break
    else:
        return rows
    if not count:
        spent = f"the budget of {budgets.of_epochs(sweep)} epochs has {left} left"
        early_ends.draw_no_more(session, sweep, "budget", spent)
    return count
