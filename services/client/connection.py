"""One API over HTTP: requests, pages and streams; every refusal is an `ApiError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx2

from services.client.errors import ApiError

View = dict[str, Any]

PAGE_ITEMS = 200  # of a list, fetched with one request
CONNECT_SECONDS = 30.0  # that opening a stream may take
MAX_OUTAGE_SECONDS = 60.0  # that `watch` and `events` wait for an API that has gone away


class Connection:
    """The API at an address, called with a key. `httpx2.TransportError` if nothing answers there."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._http = httpx2.Client(
            base_url=f"{url.rstrip('/')}/v1",
            headers={b"Authorization": f"Bearer {key}".encode()},
            timeout=timeout,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def request(self, method: str, path: str, **how: Any) -> View:
        """Send a request; returns the JSON object that answers it."""
        answer = self._http.request(method, path, **how)
        try:
            content = answer.json()
        except ValueError:
            raise _not_the_api(answer) from None
        if not answer.is_success:
            raise _refusal(answer)
        if not isinstance(content, dict):
            raise _not_the_api(answer)
        return content

    def items(
        self,
        path: str,
        name: str,
        filters: Mapping[str, Any],
        limit: int | None = None,
        page: int = PAGE_ITEMS,
    ) -> Iterator[View]:
        """The items of a list, at most `limit`, fetched page by page while the caller iterates.

        A filter that is None is left out.
        """
        params = {key: value for key, value in filters.items() if value is not None}
        left = limit
        while left is None or left > 0:
            answer = self.request(
                "GET", path, params={**params, "limit": page if left is None else min(page, left)}
            )
            try:
                items, after = answer[name], answer["next"]
            except KeyError as missing:
                detail = (
                    f"the answer from {path} has no {missing.args[0]!r}: is it another version of the API?"
                )
                raise ApiError({"status": 200, "detail": detail}) from None
            yield from items
            if after is None:
                return
            params["after"] = after
            left = None if left is None else left - len(items)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        silence: float | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """The body of an answer as it arrives; `silence` is how many seconds may pass without a byte."""
        timeout: Any = (
            httpx2.USE_CLIENT_DEFAULT if silence is None else httpx2.Timeout(CONNECT_SECONDS, read=silence)
        )
        with self._http.stream("GET", path, params=params, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_bytes()


def address(*parts: str) -> str:
    """A path below /v1; each part is one segment of it, whatever characters it contains."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _refusal(answer: httpx2.Response) -> ApiError:
    try:
        return ApiError(answer.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        return _not_the_api(answer)


def _not_the_api(answer: httpx2.Response) -> ApiError:
    detail = f"{answer.url} answered {answer.status_code}, but not as the cnnlab API would: check the address"
    return ApiError({"status": answer.status_code, "detail": detail})
