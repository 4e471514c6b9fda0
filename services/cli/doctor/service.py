"""The service: the stack of this folder or the API of an address, and everything that stands behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2

import services
from services.cli.doctor.finding import Finding, missing, ok, warn
from services.cli.show.tables import many
from services.cli.typed import typed
from services.client import ApiError, Client
from services.stack.folder import Folder, Running

PATIENCE = 5.0  # seconds that a server may take to answer


def stack(folder: Folder, running: Running | None) -> Finding:
    """Whether `up` runs here."""
    if running is None:
        return warn("stack", f"none is running in {folder.root}", f"start one with `{typed('up')}`")
    return ok("stack", f"runs in {folder.root} (process {running.pid})")


def api(url: str, key: str | None) -> Iterator[Finding]:
    """The API: reachable, ready, and of one mind about the key; then who trains."""
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/ready", timeout=PATIENCE)
        told: Any = answer.json()
    except (httpx2.TransportError, ValueError) as error:
        why = f"{url} does not answer as the API ({error})"
        yield missing("API", why, "is the address right, and does it run there? its log says more")
        return
    if answer.status_code == 200 and isinstance(told, dict) and told.get("status") == "ready":
        yield ok("API", f"{url} is ready")
    elif answer.status_code == 200 and isinstance(told, dict):
        yield warn(
            "API", f"{url} is {told.get('status')}: redis {told.get('redis')}", "start the Redis it names"
        )
    else:
        detail = told.get("detail") if isinstance(told, dict) else told
        yield missing(
            "API", f"{url} is not ready: {detail}", "start the database, and bring it to the newest tables"
        )
    if isinstance(told, dict) and told.get("plugins", "ok") != "ok":
        yield warn("plug-ins", str(told["plugins"]), "mend the files; sweeps that name them are refused")
    if key is None:
        yield missing("key", f"none is given for {url}", "give the API's key with --key or CNNLAB_API_KEY")
        return
    yield from _workers(url, key)


def _workers(url: str, key: str) -> Iterator[Finding]:
    try:
        with Client(url, key, PATIENCE) as client:
            found = client.workers()
    except (ApiError, httpx2.TransportError) as error:
        refused = isinstance(error, ApiError) and error.status == 401
        remedy = "take CNNLAB_API_KEY as the API has it" if refused else "the API's log says more"
        yield missing("key" if refused else "workers", str(error), remedy)
        return
    yield ok("key", "the API takes it")
    alive = [device for device in found["devices"] if device["alive"]]
    if alive:
        names = ", ".join(f"{device['id']} ({device['name']})" for device in alive)
        yield ok("workers", f"{many(len(alive), 'device')} claimed: {names}")
    else:
        says = "; ".join(worker["says"] for worker in found["workers"]) or "no worker was seen lately"
        yield missing(
            "workers", f"no device is claimed: {says}", f"`{typed('up')}`, or `python -m workers` on a host"
        )


def mlflow(url: str) -> Finding:
    """Whether MLflow answers; without it sweeps run, and it is filled in later."""
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/health", timeout=PATIENCE)
    except httpx2.TransportError as error:
        return warn(
            "MLflow",
            f"{url} does not answer ({error})",
            "start it: sweeps run on and are written there later",
        )
    if answer.status_code != 200:
        words = f"{url} answers {answer.status_code}"
        return warn("MLflow", words, "is the name in the address among its --allowed-hosts?")
    return ok("MLflow", f"{url} answers")


def database(url: str, environment: Mapping[str, str]) -> Finding:
    """Whether the tables are the newest; asked of a process, as this one has no door to SQL."""
    house = str(Path(services.__path__[0]).parent)
    paths = os.pathsep.join(filter(None, [house, environment.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "migrations", "current"],
        env={**environment, "CNNLAB_DATABASE_URL": url, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 0:
        return ok("SQL", done.stdout.strip())
    words = (done.stdout.strip() or done.stderr.strip()).splitlines() or ["it says nothing"]
    remedy = (
        "python -m migrations upgrade" if done.stdout.strip() else "start the database, or mend its address"
    )
    return missing("SQL", words[-1], remedy)
