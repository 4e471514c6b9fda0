"""Health asks nobody; ready checks SQL and Redis, and says what is away."""

from __future__ import annotations

from fastapi.testclient import TestClient

NO_KEY = {"Authorization": ""}


def test_health_needs_no_key(sqlite_api: TestClient) -> None:
    assert sqlite_api.get("/health", headers=NO_KEY).json() == {"status": "up"}


def test_without_redis_the_api_is_degraded(sqlite_api: TestClient) -> None:
    answer = sqlite_api.get("/ready", headers=NO_KEY)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["sql"], found["plugins"]) == ("degraded", "ok", "ok")
    assert found["redis"] == "away: sweeps are accepted and wait until it is back"
