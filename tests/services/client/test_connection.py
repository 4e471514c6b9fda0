"""services/client/connection.py and services/client/errors.py, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from services.client import ApiError
from services.client.connection import Connection, address


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
