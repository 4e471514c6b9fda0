"""One API over HTTP: requests, pages and streams; every refusal is an `ApiError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import httpx2

from services.addresses import without_passwords
from services.client.errors import ApiError

View = dict[str, Any]

PAGE_ITEMS = 200  # of a list, fetched with one request
CONNECT_SECONDS = 30.0  # that opening a stream may take
MAX_OUTAGE_SECONDS = 60.0  # that `watch` and `events` wait for an API that has gone away


class Connection:
    """The API at an address, called with a key. `httpx2.TransportError` if nothing answers there.

    An address as `cnnlab up` prints it, with the key behind `#key=`, is taken without that part. This
    machine's own addresses are never asked through a proxy. ValueError for an address or a key that cannot
    be one; it does not show the key.
    """

    def __init__(self, url: str, key: str, timeout: float) -> None:
        check_key(key)
        base = url.partition("#")[0].rstrip("/")
        try:
            self._http = httpx2.Client(
                base_url=f"{base}/v1",
                headers={b"Authorization": f"Bearer {key}".encode()},
                timeout=timeout,
                trust_env=not is_loopback(base),
            )
        except httpx2.InvalidURL as error:
            shown = without_passwords(base)
            raise ValueError(f"{shown} is not an address such as http://127.0.0.1:8080: {error}") from None

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


def check_key(key: str) -> None:
    """Raise a ValueError, which does not show the key, if an API key cannot be sent in a header."""
    if key != key.strip() or not key.isprintable():
        raise ValueError(
            "the API key begins or ends with white space, or contains a control character; "
            "a .env file with Windows line ends leaves a carriage return at its end"
        )
    if key[:1] in "'\"" and key[:1] == key[-1:] and len(key) > 1:
        raise ValueError("the API key is in quotes, which would be part of it; leave them out")


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own, which a proxy cannot reach."""
    try:
        host = httpx2.URL(url).host
        return host == "localhost" or ip_address(host).is_loopback
    except (ValueError, httpx2.InvalidURL):
        return False


def address(*parts: str) -> str:
    """A path below /v1; each part is one segment of it, whatever characters it contains."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _refusal(answer: httpx2.Response) -> ApiError:
    try:
        return ApiError(answer.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        return _not_the_api(answer)


def _not_the_api(answer: httpx2.Response) -> ApiError:
    shown = without_passwords(str(answer.url))
    detail = f"{shown} answered {answer.status_code}, but not as the cnnlab API would: check the address"
    return ApiError({"status": answer.status_code, "detail": detail})
