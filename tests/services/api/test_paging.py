"""Lists come in pages that neither repeat nor leave out anything, and can be narrowed."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from paper_sweep import write_sweep
from sqlalchemy import update

from benchmarks.tables import drawing
from services.store import sweep_verbs, sweeps
from services.store.models import Sweep, Trial
from services.store.session import Store


def pages(api: TestClient, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        answer = api.get(path, params={**params, **after})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found.append(body["trials" if path.endswith("trials") else "sweeps"])
        if body["next"] is None:
            return found
        after = {"after": body["next"]}


def test_sweeps_page_by_page_even_when_many_were_made_in_one_millisecond(
    api: TestClient, store: Store
) -> None:
    made = [write_sweep(store, name=f"number {place}") for place in range(7)]
    store.write(lambda s: s.execute(update(Sweep).where(Sweep.id.in_(made[1:5])).values(created_at=1000)))
    found = pages(api, "/v1/sweeps", limit=2)
    assert [len(page) for page in found] == [2, 2, 2, 1]
    whole = api.get("/v1/sweeps").json()
    assert [sweep["id"] for page in found for sweep in page] == [sweep["id"] for sweep in whole["sweeps"]]
    assert whole["next"] is None
    assert {sweep["id"] for page in found for sweep in page} == set(made)
    assert [sweep["id"] for sweep in whole["sweeps"][3:]] == sorted(made[1:5])


def test_a_sweep_made_between_two_pages_moves_nothing(sqlite_api: TestClient, sqlite_store: Store) -> None:
    made = [write_sweep(sqlite_store) for _ in range(4)]
    first = sqlite_api.get("/v1/sweeps?limit=2").json()
    write_sweep(sqlite_store)
    second = sqlite_api.get("/v1/sweeps", params={"limit": 2, "after": first["next"]}).json()
    assert {sweep["id"] for page in (first, second) for sweep in page["sweeps"]} == set(made)


def test_sweeps_by_state_project_and_part_of_the_name(api: TestClient, store: Store) -> None:
    first = write_sweep(store, name="Lenet 100", project="a")
    second = write_sweep(store, name="lenet-200", project="b")
    third = write_sweep(store, name="vgg_1", project="b")
    store.write(lambda session: sweep_verbs.pause(session, second))
    store.write(lambda session: sweep_verbs.cancel(session, third))

    def ids(**params: Any) -> set[str]:
        return {sweep["id"] for sweep in api.get("/v1/sweeps", params=params).json()["sweeps"]}

    assert ids(state="paused") == {second}
    assert ids(state=["paused", "cancelling"]) == {second, third}
    assert ids(project="b") == {second, third}
    assert ids(name="LENET") == {first, second}
    assert ids(name="_") == {third}  # no pattern, a character
    assert ids(name="%") == set()
    assert ids(project="b", state="active") == set()


def test_trials_page_by_page_by_state_and_by_point(api: TestClient, store: Store) -> None:
    sweep_id = write_sweep(store, seeds=2)

    def draw(session: Any) -> int:
        sweep = sweeps.lock(session, sweep_id)
        return len(drawing.draw(session, sweep, sweep.total))

    drawn = store.write(draw)
    path = f"/v1/sweeps/{sweep_id}/trials"
    assert [t["number"] for page in pages(api, path, limit=3) for t in page] == list(range(drawn))
    point = [(t["point"], t["replicate"]) for t in api.get(path, params={"point": 1}).json()["trials"]]
    assert point == [(1, 0), (1, 1)]
    failed = update(Trial).where(Trial.sweep_id == sweep_id, Trial.number.in_([1, 4])).values(state="failed")
    store.write(lambda session: session.execute(failed))
    assert [[t["number"] for t in page] for page in pages(api, path, limit=1, state="failed")] == [[1], [4]]
    assert api.get(path, params={"state": ["failed", "pending"]}).json()["next"] is None


@pytest.mark.parametrize("after", ["x", "", "W10", "é", "WyJ0cmlhbHMiLDFd" * 40])
@pytest.mark.parametrize("path", ["/v1/sweeps", "/v1/sweeps/{}/trials"])
def test_a_damaged_cursor_is_422(sqlite_api: TestClient, sqlite_store: Store, path: str, after: str) -> None:
    answer = sqlite_api.get(path.format(write_sweep(sqlite_store)), params={"after": after})
    assert answer.status_code == 422
    assert "query parameter after: must be the `next` of the previous page" in answer.json()["detail"]


def test_an_unknown_state_is_422_and_names_those_there_are(sqlite_api: TestClient) -> None:
    answer = sqlite_api.get("/v1/sweeps?state=running")
    assert answer.status_code == 422
    assert "'active'" in answer.json()["detail"]
