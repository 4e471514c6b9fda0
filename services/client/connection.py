"""One API over HTTP: requests, pages and streams, with every refusal as an `ApiError`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx2

from services.client.errors import ApiError

View = dict[str, Any]

PAGE = 200  # items of a list that are fetched at once


class Connection:
    """The API at an address, asked with a key. `httpx2.TransportError` where nobody answers there."""

    def __init__(self, url: str, key: str, timeout: float) -> None:
        self._http = httpx2.Client(
            base_url=f"{url.rstrip('/')}/v1",
            headers={b"Authorization": f"Bearer {key}".encode()},
            timeout=timeout,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, method: str, path: str, **how: Any) -> View:
        """The JSON object that answers a request."""
        answer = self._http.request(method, path, **how)
        try:
            content = answer.json()
        except ValueError:
            raise _strange(answer) from None
        if not answer.is_success:
            raise _refusal(answer)
        if not isinstance(content, dict):
            raise _strange(answer)
        return content

    def items(
        self,
        path: str,
        name: str,
        filters: Mapping[str, Any],
        limit: int | None = None,
        page: int = PAGE,
    ) -> Iterator[View]:
        """The items of a list, fetched page by page as they are wanted; at most `limit` of them.

        A filter that is None is left out.
        """
        params = {key: value for key, value in filters.items() if value is not None}
        left = limit
        while left is None or left > 0:
            answer = self.ask(
                "GET", path, params={**params, "limit": page if left is None else min(page, left)}
            )
            try:
                found, after = answer[name], answer["next"]
            except KeyError as missing:
                detail = f"{path} answers without {missing.args[0]!r}: another version of this API"
                raise ApiError({"status": 200, "detail": detail}) from None
            yield from found
            if after is None:
                return
            params["after"] = after
            left = None if left is None else left - len(found)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        silence: float | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """The body of an answer as it comes; `silence` is how many seconds may pass without a byte."""
        limit: Any = httpx2.USE_CLIENT_DEFAULT if silence is None else httpx2.Timeout(30.0, read=silence)
        with self._http.stream("GET", path, params=params, headers=headers, timeout=limit) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_bytes()


def address(*parts: str) -> str:
    """An address below /v1; an id is one step of it, whatever it contains."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _refusal(answer: httpx2.Response) -> ApiError:
    try:
        return ApiError(answer.json())
    except (ValueError, TypeError, KeyError, AttributeError):
        return _strange(answer)


def _strange(answer: httpx2.Response) -> ApiError:
    detail = f"{answer.url} answers {answer.status_code} in words that are not this API's"
    return ApiError({"status": answer.status_code, "detail": detail})
