"""What can be asked of the API: submit, look, steer, export, repeat."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Literal, Self

import httpx2

from services.client.connection import PAGE, Connection, View, address
from services.client.errors import ApiError
from services.client.events import Event, follow
from services.domain.states import SWEEP_FINAL

PATIENCE = 60.0  # seconds that watch waits for an API that has gone away
PAUSES = (0.5, 2.0, 5.0)  # seconds before a submit whose answer was lost is sent again


class Client:
    """A connection to one API, which a `with` block closes.

    Every method returns the API's JSON. `ApiError` where the API refuses, `httpx2.TransportError` where
    nobody answers at the address.
    """

    def __init__(self, url: str, key: str, timeout: float = 30.0) -> None:
        self._api = Connection(url, key, timeout)

    def __enter__(self) -> Self:
        """Open for a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def submit(self, spec: Mapping[str, Any], key: str | None = None, dry_run: bool = False) -> View:
        """Submit a sweep; returns its first view, or of a dry run what the sweep would be.

        `key` names this submission: the same key and spec again give the same sweep, another spec under it is
        refused. Without one a key is made here, so that sending again after a lost answer doubles nothing.
        """
        # What the API does not take, NaN and dates among it, is sent too: it says best what is wrong.
        body = json.dumps(dict(spec), default=str)
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid.uuid4().hex}
        params = {"dry_run": "true"} if dry_run else {}
        pauses, lost = iter(PAUSES), False
        while True:
            try:
                return self._api.ask("POST", "/sweeps", content=body, headers=headers, params=params)
            except httpx2.TransportError as error:
                # Whom nothing has reached has lost no answer.
                lost = lost or not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                pause = next(pauses, None)
                if pause is None or not lost:
                    raise
            time.sleep(pause)

    def sweeps(
        self,
        *,
        state: Sequence[str] = (),
        project: str | None = None,
        name: str | None = None,
        limit: int | None = None,
    ) -> Iterator[View]:
        """Sweeps, newest first: in one of the states, of a project, with this in their name."""
        filters = {"state": list(state) or None, "project": project, "name": name}
        return self._api.items("/sweeps", "sweeps", filters, limit)

    def sweep(self, sweep_id: str) -> View:
        """A sweep."""
        return self._api.ask("GET", address("sweeps", sweep_id))

    def pause(self, sweep_id: str) -> View:
        """Have a sweep's devices given back; what it has learned is kept."""
        return self._do("sweeps", sweep_id, "pause")

    def resume(self, sweep_id: str) -> View:
        """Let a paused sweep go on."""
        return self._do("sweeps", sweep_id, "resume")

    def stop(self, sweep_id: str) -> View:
        """Let a sweep finish what has begun and start nothing else."""
        return self._do("sweeps", sweep_id, "stop")

    def cancel(self, sweep_id: str) -> View:
        """Ask for a sweep's end."""
        return self._do("sweeps", sweep_id, "cancel")

    def retry(self, sweep_id: str) -> View:
        """Try a sweep's failed and cancelled trials again."""
        return self._do("sweeps", sweep_id, "retry")

    def leaderboard(self, sweep_id: str, limit: int | None = None) -> View:
        """A sweep's best points, at most `limit`, and how the first two compare."""
        path = address("sweeps", sweep_id, "leaderboard")
        first = self._api.ask("GET", path, params={"limit": min(limit or PAGE, PAGE)})
        left = None if limit is None else limit - PAGE
        rest = self._api.items(path, "points", {"after": first["next"]}, left)
        points = [*first["points"], *(rest if first["next"] else ())]
        return {"points": points, "comparison": first["comparison"]}

    def best(self, sweep_id: str) -> View:
        """The winning point, and a spec that trains it again."""
        return self._api.ask("GET", address("sweeps", sweep_id, "best"))

    def trials(
        self,
        sweep_id: str,
        *,
        state: Sequence[str] = (),
        point: int | None = None,
        limit: int | None = None,
    ) -> Iterator[View]:
        """A sweep's trials by number: in one of the states, of one point."""
        path = address("sweeps", sweep_id, "trials")
        return self._api.items(path, "trials", {"state": list(state) or None, "point": point}, limit, 1000)

    def trial(self, trial_id: str) -> View:
        """A trial with its config, curve and attempts."""
        return self._api.ask("GET", address("trials", trial_id))

    def cancel_trial(self, trial_id: str) -> View:
        """Ask for a trial's end."""
        return self._do("trials", trial_id, "cancel")

    def retry_trial(self, trial_id: str) -> View:
        """Try a failed or cancelled trial again."""
        return self._do("trials", trial_id, "retry")

    def reproduce(self, trial_id: str) -> View:
        """Submit a sweep of one trial that repeats this one, with its width and row."""
        return self._do("trials", trial_id, "reproduce")

    def events(self, sweep_id: str | None = None, after: str | None = None) -> Iterator[Event]:
        """What happens, as it happens: to one sweep until it is over, or to all without end.

        `after` is the id of an event: what came behind it is told first, without it of one sweep everything
        and of all sweeps nothing. A broken connection is made again, for a minute, and loses no event.
        """
        path = "/events" if sweep_id is None else address("sweeps", sweep_id, "events")
        return follow(self._api, path, after)

    def export(
        self, sweep_id: str, what: Literal["trials", "curves"], form: Literal["csv", "json"], file: IO[bytes]
    ) -> None:
        """Write a sweep's trials or curves to a file, as they come; it may be of any size."""
        path = address("sweeps", sweep_id, "export", what)
        with self._api.stream(path, params={"format": form}) as body:
            for piece in body:
                file.write(piece)

    def catalog(self) -> View:
        """What a spec can name, by kind and name."""
        return self._api.ask("GET", "/catalog")

    def entry(self, kind: str, name: str) -> View:
        """One entry of the catalog."""
        return self._api.ask("GET", address("catalog", kind, name))

    def workers(self) -> View:
        """Who trains: workers and devices."""
        return self._api.ask("GET", "/workers")

    def watch(self, sweep_id: str, every: float = 1.0) -> Iterator[View]:
        """A sweep's views, one each `every` seconds, until and with the one in which it is over.

        An API that goes away is waited for, for a minute.
        """
        heard: float | None = None
        while True:
            try:
                view = self.sweep(sweep_id)
            except (ApiError, httpx2.TransportError) as error:
                refused = isinstance(error, ApiError) and error.status < 500
                if refused or heard is None or time.monotonic() - heard > PATIENCE:
                    raise
            else:
                heard = time.monotonic()
                yield view
                if view["state"] in SWEEP_FINAL:
                    return
            time.sleep(every)

    def _do(self, noun: str, identity: str, verb: str) -> View:
        return self._api.ask("POST", address(noun, identity, verb))
