"""The faults: each is one function, which does its harm to a fleet and returns whether it could."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from chaos.fleet import WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos.fleet import Fleet

Fault = Callable[["Fleet", random.Random], bool]
FAULTS: dict[str, Fault] = {}


def fault(function: Fault) -> Fault:
    """Add a function to the faults, by its name."""
    FAULTS[function.__name__.replace("_", " ")] = function
    return function


def send(pid: int | None, number: signal.Signals) -> bool:
    """Send a signal, if there is such a process."""
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


@contextmanager
def still(pid: int | None) -> Iterator[bool]:
    """Hold a process still for a block."""
    held = send(pid, signal.SIGSTOP)
    try:
        yield held
    finally:
        send(pid, signal.SIGCONT)


def longer_than_a_lease(fleet: Fleet) -> float:
    """Seconds after which others may have taken what a process held."""
    return fleet.settings.lease_ttl * 1.6


@fault
def runner_killed(fleet: Fleet, choose: random.Random) -> bool:
    return send(fleet.runner(choose.choice(WORKERS)), signal.SIGKILL)


@fault
def runner_hangs(fleet: Fleet, choose: random.Random) -> bool:
    """It is never continued: the watchdog has to end it."""
    return send(fleet.runner(choose.choice(WORKERS)), signal.SIGSTOP)


@fault
def supervisor_killed(fleet: Fleet, choose: random.Random) -> bool:
    return send(fleet.supervisor(choose.choice(WORKERS)), signal.SIGKILL)


@fault
def supervisor_stopped_for_long(fleet: Fleet, choose: random.Random) -> bool:
    with still(fleet.supervisor(choose.choice(WORKERS))) as held:
        time.sleep(longer_than_a_lease(fleet) if held else 0)
    return held


@fault
def supervisor_terminated(fleet: Fleet, choose: random.Random) -> bool:
    return send(fleet.supervisor(choose.choice(WORKERS)), signal.SIGTERM)


@fault
def worker_killed(fleet: Fleet, choose: random.Random) -> bool:
    """Celery's main process; the kernel ends the others."""
    return send(fleet.servers[choose.choice(WORKERS)].pid, signal.SIGKILL)


@fault
def worker_stopped_for_long(fleet: Fleet, choose: random.Random) -> bool:
    with still(fleet.servers[choose.choice(WORKERS)].pid) as held:
        time.sleep(longer_than_a_lease(fleet))
    return held


@fault
def worker_terminated(fleet: Fleet, choose: random.Random) -> bool:
    """In good order."""
    return send(fleet.servers[choose.choice(WORKERS)].pid, signal.SIGTERM)


@fault
def worker_terminated_with_all_its_processes(fleet: Fleet, choose: random.Random) -> bool:
    """As systemd ends a control group."""
    sent = [send(pid, signal.SIGTERM) for pid in fleet.everyone(choose.choice(WORKERS))]
    return any(sent)


@fault
def both_workers_killed(fleet: Fleet, choose: random.Random) -> bool:
    sent = [send(fleet.servers[name].pid, signal.SIGKILL) for name in WORKERS]
    return all(sent)


@fault
def api_killed(fleet: Fleet, choose: random.Random) -> bool:
    return send(fleet.servers["api"].pid, signal.SIGKILL)


@fault
def upkeep_killed(fleet: Fleet, choose: random.Random) -> bool:
    return send(fleet.servers["upkeep"].pid, signal.SIGKILL)


@fault
def upkeep_stopped_for_long(fleet: Fleet, choose: random.Random) -> bool:
    with still(fleet.servers["upkeep"].pid) as held:
        time.sleep(longer_than_a_lease(fleet))
    return held


@fault
def valkey_restarted(fleet: Fleet, choose: random.Random) -> bool:
    fleet.restart_redis(empty=False, seconds=choose.uniform(0, 2))
    return True


@fault
def valkey_restarted_empty(fleet: Fleet, choose: random.Random) -> bool:
    fleet.restart_redis(empty=True, seconds=choose.uniform(0, 2))
    return True


@fault
def valkey_hangs(fleet: Fleet, choose: random.Random) -> bool:
    with fleet.redis.server.stopped():
        time.sleep(choose.uniform(1, 4))
    return True


@fault
def postgresql_restarted(fleet: Fleet, choose: random.Random) -> bool:
    fleet.restart_postgres(seconds=choose.uniform(0, 2))
    return True


@fault
def postgresql_away_for_long(fleet: Fleet, choose: random.Random) -> bool:
    fleet.restart_postgres(seconds=longer_than_a_lease(fleet))
    return True


@fault
def postgresql_hangs_for_long(fleet: Fleet, choose: random.Random) -> bool:
    with fleet.postgres.server.stopped():
        time.sleep(longer_than_a_lease(fleet))
    return True


@fault
def mlflow_restarted(fleet: Fleet, choose: random.Random) -> bool:
    fleet.restart_mlflow(seconds=choose.uniform(0, 2))
    return True


@fault
def checkpoint_damaged(fleet: Fleet, choose: random.Random) -> bool:
    return fleet.damage_a_checkpoint(choose) is not None
