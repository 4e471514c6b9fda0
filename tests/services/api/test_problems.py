"""An error answer has the fields of RFC 9457, is short, and can always be encoded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.api.problems import MAX_FAULT_CHARS, MAX_FAULTS, PROBLEM_SCHEMA, problem, unprocessable
from services.domain.errors import Problem


def content(answer: Any) -> dict[str, Any]:
    assert answer.media_type == "application/problem+json"
    found: dict[str, Any] = json.loads(answer.body)
    assert list(found) == PROBLEM_SCHEMA["required"]
    return found


def test_status_title_and_headers() -> None:
    answer = problem(409, "no", "/v1/sweeps/x", headers={"Retry-After": "5"})
    found = content(answer)
    assert (found["status"], found["title"], found["instance"]) == (409, "Conflict", "/v1/sweeps/x")
    assert found["errors"] == []
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("faults", "detail"),
    [
        ([Problem("/a", "wrong")], "/a: wrong"),
        ([Problem("", "wrong")], "wrong"),
        ([Problem("/a", "wrong"), Problem("/b", "bad"), Problem("/c", "odd")], "/a: wrong (and 2 more)"),
    ],
)
def test_the_first_fault_is_the_detail(faults: list[Problem], detail: str) -> None:
    found = content(unprocessable(faults, "/"))
    assert found["detail"] == detail
    assert [(error["pointer"], error["detail"]) for error in found["errors"]] == [
        (fault.pointer, fault.detail) for fault in faults
    ]


def test_what_a_client_sent_is_quoted_in_part_only() -> None:
    found = content(
        problem(422, "x" * 10_000, "/" * 10_000, errors=[Problem("/p" * 5000, "y" * 10_000)] * 99)
    )
    texts = [found["detail"], found["instance"], *found["errors"][0].values()]
    assert [len(text) for text in texts] == [MAX_FAULT_CHARS] * 4
    assert found["detail"].endswith("x…")
    assert len(found["errors"]) == MAX_FAULTS


def test_half_a_surrogate_pair_can_be_encoded() -> None:
    assert content(problem(422, "got \ud800", "/"))["detail"] == "got ?"
