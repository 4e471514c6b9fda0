"""The Python client of the HTTP API: submit, watch, look, cancel."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from services.domain.errors import ServiceError
from services.domain.states import SWEEP_FINAL

View = dict[str, Any]

PATIENCE = 60.0  # seconds that watch waits for an API that has gone away


class ApiError(ServiceError):
    """The API said no. `problem` is its answer (RFC 9457), `status` the HTTP status."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        self.problem = dict(problem)
        self.status: int = problem["status"]
        faults = [f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ()) if e["pointer"]]
        super().__init__("\n".join(faults) or str(problem["detail"]))


class Client:
    """A connection to one API, which a `with` block closes.

    Every method returns the API's JSON. `ApiError` where the API refuses, `httpx2.TransportError` where
    nobody answers at the address.
    """

    def __init__(self, url: str, key: str, timeout: float = 30.0) -> None:
        self._http = httpx2.Client(
            base_url=f"{url.rstrip('/')}/v1",
            headers={b"Authorization": f"Bearer {key}".encode()},
            timeout=timeout,
        )

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
        self._http.close()

    def submit(self, spec: Mapping[str, Any]) -> View:
        """Submit a sweep; returns its first view."""
        # What the API does not take, NaN and dates among it, is sent too: it says best what is wrong.
        body = json.dumps(dict(spec), default=str)
        return self._ask("POST", "/sweeps", content=body, headers={"Content-Type": "application/json"})

    def sweeps(self, limit: int = 50) -> list[View]:
        """The newest sweeps, newest first."""
        return list(self._ask("GET", "/sweeps", params={"limit": limit})["sweeps"])

    def sweep(self, sweep_id: str) -> View:
        """A sweep."""
        return self._ask("GET", _path("sweeps", sweep_id))

    def trials(self, sweep_id: str, limit: int = 100, offset: int = 0) -> list[View]:
        """A page of a sweep's trials, best first."""
        params = {"limit": limit, "offset": offset}
        return list(self._ask("GET", _path("sweeps", sweep_id, "trials"), params=params)["trials"])

    def trial(self, trial_id: str) -> View:
        """A trial with its config, curve and attempts."""
        return self._ask("GET", _path("trials", trial_id))

    def cancel(self, sweep_id: str) -> View:
        """Ask for a sweep's end."""
        return self._ask("POST", _path("sweeps", sweep_id, "cancel"))

    def catalog(self) -> View:
        """What a spec can name, by kind and name."""
        return self._ask("GET", "/catalog")

    def workers(self) -> View:
        """Who trains: workers and devices."""
        return self._ask("GET", "/workers")

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

    def _ask(self, method: str, path: str, **how: Any) -> View:
        answer = self._http.request(method, path, **how)
        try:
            content = answer.json()
            if answer.is_success and isinstance(content, dict):
                return content
            raise ApiError(content)
        except (ValueError, TypeError, KeyError, AttributeError):
            detail = f"{answer.url} answers {answer.status_code} in words that are not this API's"
            raise ApiError({"status": answer.status_code, "detail": detail}) from None


def _path(*parts: str) -> str:
    """An address below /v1; an id is one step of it, whatever it contains."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)
