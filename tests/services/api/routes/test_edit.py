"""PATCH of a sweep: its name and description, whatever its state, and what is refused."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from strange_names import STRANGE

from services.store import events, sweeps
from services.store.session import Store


def submit(api: TestClient, spec: dict[str, Any], **changes: Any) -> str:
    answer = api.post("/v1/sweeps", json=spec | changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_what_is_given_changes_and_the_rest_stays(
    api: TestClient, store: Store, spec: dict[str, Any]
) -> None:
    sweep_id = submit(api, spec, description="first")
    before = api.get(f"/v1/sweeps/{sweep_id}").json()
    assert before["description"] == "first"
    place = store.read(events.newest)
    changed = api.patch(f"/v1/sweeps/{sweep_id}", json={"name": "Größe"})
    assert changed.status_code == 200, changed.text
    found = changed.json()
    assert (found["name"], found["description"]) == ("Größe", "first")
    assert {**found, "name": before["name"]} == before
    cleared = api.patch(f"/v1/sweeps/{sweep_id}", json={"description": ""}).json()
    assert (cleared["name"], cleared["description"]) == ("Größe", "")
    kinds = [event.kind for event in store.read(lambda session: events.after(session, place, sweep_id))]
    assert kinds == ["sweep", "sweep"], "watchers read it again"
    assert api.patch(f"/v1/sweeps/{sweep_id}", json={"name": "Größe"}).status_code == 200
    assert len(store.read(lambda session: events.after(session, place, sweep_id))) == 2, "nothing changed"


def test_what_is_made_of_a_renamed_sweep_has_its_new_name(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    sweep_id = submit(sqlite_api, spec)
    sqlite_api.patch(f"/v1/sweeps/{sweep_id}", json={"name": "新/new", "description": "why"})
    sqlite_api.post(f"/v1/sweeps/{sweep_id}/cancel")
    sqlite_store.write(lambda session: sweeps.settle(session, sweep_id))
    made = sqlite_api.post(f"/v1/sweeps/{sweep_id}/extend", json={"seeds": 2}).json()
    assert (made["name"], made["description"]) == ("新/new", "why")


def test_upper_and_lower_case_are_one_in_a_filter(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    """PostgreSQL goes by its database's locale."""
    api = sqlite_api
    submit(api, spec, name="Größe Ελλάς")
    for part in ("GRÖSS", "grö", "GRÖ", "ελλ", "ΕΛΛ"):
        found = api.get("/v1/sweeps", params={"name": part}).json()["sweeps"]
        assert len(found) == (part != "GRÖSS"), part


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({}, "", "must have name, description or both, got neither"),
        ({"name": None}, "", "got neither"),
        ({"name": ""}, "/name", "must have a letter, a digit or another sign"),
        ({"name": " a"}, "/name", "must neither begin nor end with a space"),
        ({"name": "a\nb"}, "/name", "U+000A at character 2"),
        ({"name": "a" * 101}, "/name", "at most 100 characters"),
        ({"name": 7}, "/name", "valid string"),
        ({"description": "x" * 2001}, "/description", "at most 2000 characters"),
        ({"description": "\x07"}, "/description", "U+0007"),
        ({"project": "p"}, "", "no field 'project' here. Known: name, description"),
        ({"nam": "p"}, "", "Did you mean 'name'"),
    ],
)
def test_what_cannot_be_is_refused(
    sqlite_api: TestClient, spec: dict[str, Any], body: dict[str, Any], pointer: str, words: str
) -> None:
    sweep_id = submit(sqlite_api, spec)
    answer = sqlite_api.patch(f"/v1/sweeps/{sweep_id}", json=body)
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]
    assert sqlite_api.get(f"/v1/sweeps/{sweep_id}").json()["name"] == "small"


def test_nobody_has_no_name(sqlite_api: TestClient) -> None:
    assert sqlite_api.patch("/v1/sweeps/none", json={"name": "a"}).status_code == 404


@pytest.mark.parametrize("name", STRANGE)
def test_any_name_goes_through_the_api(api: TestClient, spec: dict[str, Any], name: str) -> None:
    sweep_id = submit(api, spec, name=name, project=name)
    shown = api.get(f"/v1/sweeps/{sweep_id}").json()
    assert (shown["name"], shown["project"]) == (name, name)
    submit(api, spec, name="other", project="other")
    for filters in ({"project": name}, {"name": name[1:-1] or name}):
        found = api.get("/v1/sweeps", params=filters).json()["sweeps"]
        assert [each["id"] for each in found] == [sweep_id], filters
    disposition = api.get(f"/v1/sweeps/{sweep_id}/export/trials").headers["content-disposition"]
    assert disposition.isascii()
    plain, encoded = re.fullmatch(
        r"""attachment; filename="([\w.-]+)"; filename\*=UTF-8''([\w.%~-]+)""", disposition
    ).groups()  # type: ignore[union-attr]
    for written in (plain, unquote(encoded)):
        assert written.endswith(f"{sweep_id}-trials.csv")
        assert not set(written) & set('/\\:*?"<>|')
        assert written[0] not in "-. "
