"""services/client/connection.py and services/client/errors.py, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from services.client import ApiError
from services.client.connection import Connection, address, is_loopback


def test_an_id_is_one_segment_of_a_path() -> None:
    assert address("sweeps", "../x?a#b", "best") == "/sweeps/..%2Fx%3Fa%23b/best"


class Paged(Connection):
    """A list of numbers, answered in pages; `asked` are the limits of the requests."""

    def __init__(self, length: int) -> None:
        super().__init__("http://127.0.0.1:1", "key", 1.0)
        self.length, self.asked = length, list[int]()

    def request(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """The page behind `after`."""
        limit, after = how["params"]["limit"], how["params"].get("after", 0)
        self.asked.append(limit)
        end = min(after + limit, self.length)
        return {"numbers": list(range(after, end)), "next": end if end < self.length else None}


@pytest.mark.parametrize(
    ("limit", "count", "asked"), [(None, 7, [3, 3, 3]), (4, 4, [3, 1]), (0, 0, []), (9, 7, [3, 3, 3])]
)
def test_pages_are_fetched_up_to_the_limit(limit: int | None, count: int, asked: list[int]) -> None:
    paged = Paged(7)
    items: list[Any] = list(paged.items("/numbers", "numbers", {"state": None}, limit, page=3))
    assert items == list(range(count))
    assert paged.asked == asked
    paged.close()


def test_pages_are_fetched_only_when_they_are_wanted() -> None:
    paged = Paged(7)
    next(paged.items("/numbers", "numbers", {}, page=3))
    assert paged.asked == [3]
    paged.close()


def test_a_list_of_another_version_is_refused() -> None:
    paged = Paged(7)
    with pytest.raises(ApiError, match="the answer from /numbers has no 'rows': is it another version"):
        next(paged.items("/numbers", "rows", {}))
    paged.close()


def test_an_error_names_each_fault_or_the_whole_problem() -> None:
    faults = [{"pointer": "/seed", "detail": "too small"}, {"pointer": "/name", "detail": "empty"}]
    assert str(ApiError({"status": 422, "detail": "2 faults", "errors": faults})) == (
        "/seed: too small\n/name: empty"
    )
    assert str(ApiError({"status": 404, "detail": "no sweep"})) == "no sweep"


@pytest.mark.parametrize(
    "key", ["k" * 32 + "\r", " " + "k" * 32, "k" * 32 + "\n", "k" * 16 + "\x00" + "k" * 16]
)
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="the API key begins or ends with white space") as refused:
        Connection("http://127.0.0.1:1", key, 1.0)
    assert "kkk" not in str(refused.value)


def test_an_address_as_up_prints_it() -> None:
    connection = Connection("http://127.0.0.1:8080/#key=secret", "k" * 32, 1.0)
    assert str(connection._http.base_url) == "http://127.0.0.1:8080/v1/"
    connection.close()


def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"http://\[::1 is not an address such as http://127\.0\.0\.1:8080"):
        Connection("http://[::1", "k" * 32, 1.0)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("http://[::1]:80", True),
        ("http://127.9.9.9", True),
        ("http://lab.example:8080", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_own_addresses_are_not_asked_through_a_proxy(
    url: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert is_loopback(url) is own
    connection = Connection(url, "k" * 32, 1.0)
    assert connection._http.trust_env is not own
    connection.close()
