"""What the client raises when the API refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.errors import ServiceError


class ApiError(ServiceError):
    """The API refused. `problem` is its answer (RFC 9457), `status` the HTTP status."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        self.problem = dict(problem)
        self.status: int = problem["status"]
        faults = [f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ()) if e["pointer"]]
        super().__init__("\n".join(faults) or str(problem["detail"]))


class AnswerLost(ServiceError):
    """A submit was sent and its answer got lost, so the sweep may exist; `key` names that submission."""

    def __init__(self, key: str, cause: Exception) -> None:
        super().__init__(
            f"the API's answer was lost ({cause}), so the sweep may have been submitted or not; submit it "
            f"again with the idempotency key {key}, which makes no second one"
        )
        self.key, self.cause = key, cause


class AmbiguousId(ServiceError):
    """Several sweeps have an id with this beginning; `candidates` are the newest of them, as in a list.

    Where `more`, there are others that it does not hold.
    """

    def __init__(self, beginning: str, candidates: Sequence[Mapping[str, Any]], more: bool) -> None:
        shown = ", ".join(f"{sweep['id']} ({sweep['name']}, {sweep['state']})" for sweep in candidates)
        super().__init__(
            f"several sweeps have an id that begins with {beginning}: {shown}{', …' if more else ''}; "
            "write more of it"
        )
        self.beginning, self.candidates = beginning, tuple(candidates)
