"""The service: the stack of this folder or the API at an address, and the servers behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2

import services
from services.cli.doctor.finding import Finding, missing, ok, warn
from services.cli.invocation import command_line
from services.cli.show.formats import many
from services.client import ApiError, Client, View
from services.client.connection import is_loopback
from services.domain.states import SWEEP_FINAL, SweepState
from services.stack.folder import Folder, Running

ANSWER_TIMEOUT = 5.0  # seconds
MIGRATIONS_TIMEOUT = 60  # seconds
UNFINISHED = [state.value for state in SweepState if state not in SWEEP_FINAL]
MAX_EXAMINED_SWEEPS = 20  # the newest unfinished ones
DATABASE_REMEDY = "start the database, or correct its address"


def stack(folder: Folder, running: Running | None) -> Finding:
    """Whether a stack runs in this folder."""
    if running is None:
        return warn("stack", f"none is running in {folder.root}", f"start one with `{command_line('up')}`")
    return ok("stack", f"running in {folder.root} (process {running.pid})")


def api(url: str, key: str | None) -> Iterator[Finding]:
    """Whether the API answers, is ready and accepts the key; then its workers."""
    try:
        answer = _get(f"{url.rstrip('/')}/ready")
        body: Any = answer.json()
    except (httpx2.TransportError, ValueError) as error:
        problem = f"{url} does not answer like the API ({error})"
        yield missing("API", problem, "check the address and that the API runs there; see its log")
        return
    if answer.status_code == 200 and isinstance(body, dict) and body.get("status") == "ready":
        yield ok("API", f"{url} is ready")
    elif answer.status_code == 200 and isinstance(body, dict):
        yield warn(
            "API",
            f"{url} is {body.get('status')}: redis {body.get('redis')}",
            "start the Redis server that the API is set to use",
        )
    else:
        detail = body.get("detail") if isinstance(body, dict) else body
        yield missing(
            "API",
            f"{url} is not ready: {detail}",
            "start the database, then run python -m migrations upgrade",
        )
    if isinstance(body, dict) and body.get("plugins", "ok") != "ok":
        yield warn(
            "plug-ins", str(body["plugins"]), "fix the files; sweeps that name their entries are refused"
        )
    if key is None:
        yield missing("key", f"no key is given for {url}", "give the API's key with --key or CNNLAB_API_KEY")
        return
    yield from _workers(url, key)


def _workers(url: str, key: str) -> Iterator[Finding]:
    try:
        with Client(url, key, ANSWER_TIMEOUT) as client:
            answer = client.workers()
            newest = client.sweeps(state=UNFINISHED, limit=MAX_EXAMINED_SWEEPS)
            unfinished = [client.sweep(sweep["id"]) for sweep in newest]
    except (ApiError, httpx2.TransportError) as error:
        refused = isinstance(error, ApiError) and error.status == 401
        remedy = "use the CNNLAB_API_KEY that the API was started with" if refused else "see the API's log"
        yield missing("key" if refused else "workers", str(error), remedy)
        return
    yield ok("key", "the API accepts it")
    alive = [device for device in answer["devices"] if device["alive"]]
    if alive:
        yield ok("workers", claimed(alive))
    else:
        statuses = "; ".join(worker["says"] for worker in answer["workers"]) or "no worker was seen recently"
        yield missing(
            "workers",
            f"no device is claimed: {statuses}",
            f"run `{command_line('up')}`, or `python -m workers` on a machine that can reach the service",
        )
    yield from idle_workers(answer)
    yield from sweeps(unfinished)


def claimed(devices: Sequence[View]) -> str:
    """Which devices are claimed, and their precisions: those that all have, and who has another."""
    names = ", ".join(f"{device['id']} ({device['name']})" for device in devices)
    having: dict[str, list[str]] = {}
    for device in devices:
        for name in device["precisions"]:
            having.setdefault(name, []).append(device["id"])
    shared = [name for name, ids in having.items() if len(ids) == len(devices)]
    others = [f"; {name} on {', '.join(ids)}" for name, ids in having.items() if name not in shared]
    precisions = ", ".join(shared) + "".join(others)
    return f"{many(len(devices), 'device')} claimed: {names}; precisions: {precisions}"


def idle_workers(answer: View) -> Iterator[Finding]:
    """Workers that train nothing though they run, while others do: what each says of itself."""
    serving = {device["worker"] for device in answer["devices"] if device["alive"]}
    for worker in answer["workers"] if serving else []:
        if worker["id"] not in serving:
            problem, _, remedy = worker["says"].partition("; ")
            yield warn(f"worker {worker['id']}", problem, remedy or "see its log")


def sweeps(unfinished: Sequence[View]) -> Iterator[Finding]:
    """What keeps unfinished sweeps from moving, as the API lists it for each."""
    held = [(sweep, blocker) for sweep in unfinished for blocker in sweep["blockers"]]
    for sweep, blocker in held:
        yield warn(f"sweep {sweep['id'][:10]}", f"{sweep['name']}: {blocker['message']}", blocker["remedy"])
    if not held:
        yield ok("sweeps", f"{many(len(unfinished), 'unfinished sweep')}, none is held up")


def mlflow(url: str) -> Finding:
    """Whether MLflow answers; sweeps run without it and are written to it later."""
    try:
        answer = _get(f"{url.rstrip('/')}/health")
    except httpx2.TransportError as error:
        return warn(
            "MLflow",
            f"{url} does not answer ({error})",
            "start it; until then sweeps continue, and are written to it later",
        )
    if answer.status_code != 200:
        problem = f"{url} answers {answer.status_code}"
        return warn("MLflow", problem, "check that the address is among MLflow's --allowed-hosts")
    return ok("MLflow", f"{url} answers")


def database(url: str, environment: Mapping[str, str]) -> Finding:
    """Whether the database has the newest schema, as another process finds: this one may not use SQL."""
    sources = str(Path(services.__path__[0]).parent)
    paths = os.pathsep.join(filter(None, [sources, environment.get("PYTHONPATH", "")]))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "migrations", "current"],
            env={**environment, "CNNLAB_DATABASE_URL": url, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=MIGRATIONS_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return missing("SQL", f"no answer within {MIGRATIONS_TIMEOUT} s", DATABASE_REMEDY)
    if done.returncode == 0:
        return ok("SQL", done.stdout.strip())
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines() or ["no message"]
    outdated = bool(done.stdout.strip())
    return missing("SQL", lines[-1], "python -m migrations upgrade" if outdated else DATABASE_REMEDY)


def _get(url: str) -> httpx2.Response:
    """Ask an address; one of this machine's own is not asked through a proxy."""
    return httpx2.get(url, timeout=ANSWER_TIMEOUT, trust_env=not is_loopback(url))
