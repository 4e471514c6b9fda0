"""Ids by their beginning: one request for each beginning, and none for a whole id."""

from __future__ import annotations

from typing import Any

import pytest

from services.client.errors import AmbiguousId
from services.client.ids import Ids


class Lists:
    """A connection that answers every list of sweeps with those of some ids."""

    def __init__(self, *ids: str, more: str | None = None) -> None:
        self.ids, self.more = ids, more
        self.asked: list[str] = []

    def request(self, method: str, path: str, *, params: dict[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("GET", "/sweeps")
        self.asked.append(params["id"])
        return {
            "sweeps": [{"id": each, "name": "a", "state": "active"} for each in self.ids],
            "next": self.more,
        }


def ids_of(connection: Any) -> Ids:
    return Ids(connection)


def test_a_beginning_is_looked_up_once() -> None:
    connection = Lists("3f81c09a2e")
    ids = ids_of(connection)
    assert ids.full("3f8") == "3f81c09a2e"
    assert ids.full("3f8-0007") == "3f81c09a2e-0007"
    assert ids.full("3f8") == "3f81c09a2e"
    assert connection.asked == ["3f8"]


@pytest.mark.parametrize(
    "identity", ["3f81c09a2e", "3f81c09a2e-0007", "a sweep", "3F8", "", "3f81c09a2e0", "-7"]
)
def test_what_is_no_beginning_is_left_to_the_api(identity: str) -> None:
    connection = Lists("3f81c09a2e")
    assert ids_of(connection).full(identity) == identity
    assert connection.asked == []


def test_an_unknown_beginning_is_left_to_the_api() -> None:
    assert ids_of(Lists()).full("3f8-0001") == "3f8-0001"


def test_several_sweeps_with_one_beginning_are_named() -> None:
    with pytest.raises(AmbiguousId) as caught:
        ids_of(Lists("3f81c09a2e", "3f8aaaaaaa", more="next")).full("3f8")
    assert str(caught.value) == (
        "several sweeps have an id that begins with 3f8: 3f81c09a2e (a, active), 3f8aaaaaaa (a, active), …; "
        "write more of it"
    )
    assert [sweep["id"] for sweep in caught.value.candidates] == ["3f81c09a2e", "3f8aaaaaaa"]
