"""Any spec hypothesis can think of: a valid one is never refused, a wrong one is told its place, no 500."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import numpy  # noqa: F401 (hypothesis looks at it while the API's thread is still loading it)
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from strange_names import STRANGE

from services.store.models import Sweep
from services.store.session import Store

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._/\-]{0,20}[A-Za-z0-9]", fullmatch=True) | st.sampled_from(
    STRANGE
)
RATES = st.floats(1e-5, 1.0)
SHARES = st.floats(0, 0.9)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["adam", "grid", "lenet5", "", "\x00", "\ud800", "a" * 5000, "model.dropout"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
SETTINGS = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def listed(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=3, unique=True)


def stepped(low: float, high: float) -> st.SearchStrategy[Any]:
    ends = (
        st.tuples(st.floats(low, high), st.floats(low, high)).map(sorted).filter(lambda e: e[1] - e[0] > 1e-3)
    )
    return ends.map(lambda e: {"uniform": e, "step": (e[1] - e[0]) / 2})


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec that is right."""
    random = draw(st.booleans())
    space: dict[str, Any] = {}
    if draw(st.booleans()):
        space["model.dropout"] = draw(listed(SHARES) | SHARES | stepped(0, 0.9))
        if random and draw(st.booleans()):
            space["model.dropout"] = {"uniform": [0.1, draw(st.floats(0.2, 0.9))]}
    if draw(st.booleans()):
        space["train.l2"] = draw(listed(st.floats(0, 1)) | st.just({"log_uniform": [1e-6, 1e-2], "step": 10}))
        if random and draw(st.booleans()):
            space["train.l2"] = {"log_uniform": [draw(st.floats(1e-8, 1e-5)), 0.1]}
    optimizers = draw(st.lists(st.sampled_from(["sgd", "momentum", "adam"]), min_size=1, unique=True))
    if draw(st.booleans()):
        space["train.optimizer"] = optimizers
        if "momentum" in optimizers and draw(st.booleans()):
            values = draw(listed(SHARES))
            space["momentum"] = {"choice": values, "when": {"train.optimizer": "momentum"}}
    if draw(st.booleans()):
        space["train.batch_size"] = draw(listed(st.integers(2, 512)) | st.just({"int": [16, 48], "step": 16}))
    spec: dict[str, Any] = {
        "name": draw(NAMES),
        "model": draw(
            st.sampled_from(["mlp", {"name": "mlp", "hidden": [8]}, {"name": "mlp", "hidden": "8-4"}])
        ),
        "data": draw(
            st.sampled_from(["fashion-mnist-mini", {"name": "fashion-mnist-mini", "validation": 0.2}])
        ),
        "train": draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "epochs": st.integers(1, 9),
                    "batch_size": st.integers(2, 64),
                    "l1": st.floats(0, 1),
                },
            )
        ),
        "space": space,
        "seeds": draw(st.integers(1, 7)),
        "seed": draw(st.integers(0, 2**31 - 1)),
    }
    if random:
        spec |= {"search": "random", "max_trials": draw(st.integers(spec["seeds"], 40))}
    if isinstance(space.get("model.dropout"), list) and draw(st.booleans()):
        spec["constraints"] = ["model.dropout >= 0"]
    return spec


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, itself not among them."""
    children = document.items() if isinstance(document, dict) else ()
    if isinstance(document, list):
        children = enumerate(document)  # type: ignore[assignment]
    for key, value in children:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A right spec in which something was replaced, removed, renamed or added; sometimes no spec at all."""
    spec: Any = copy.deepcopy(draw(specs()))
    if draw(st.integers(0, 19)) == 0:
        return draw(JSON)
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from(sorted(places(spec), key=str)))
        inside = spec
        for part in path:
            inside = inside[part]
        what = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
        if what == "replace" or isinstance(inside, list):
            inside[key] = draw(JSON)
        elif what == "remove":
            del inside[key]
        elif what == "rename":
            inside[draw(st.text(max_size=12))] = inside.pop(key)
        else:
            inside[draw(st.text(max_size=12) | st.sampled_from(["zip", "constraints", "when"]))] = draw(JSON)
        if not list(places(spec)):
            break
    return spec


def resolves(pointer: str, body: Any) -> bool:
    """Whether a JSON pointer leads to something, or to something missing from an object that is there."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for place, part in enumerate(parts):
        if isinstance(body, dict) and part in body:
            body = body[part]
        elif isinstance(body, list) and part.isdecimal() and int(part) < len(body):
            body = body[int(part)]
        else:
            return isinstance(body, dict) and place == len(parts) - 1
    return True


@pytest.mark.long
@SETTINGS
@given(specs())
def test_a_valid_spec_is_never_refused(sqlite_api: TestClient, spec: dict[str, Any]) -> None:
    answer = sqlite_api.post("/v1/sweeps?dry_run=true", json=spec)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seeds"] == spec["seeds"]
    assert answer.json()["trials"] <= (spec.get("max_trials") or 1000)


@SETTINGS
@given(damaged())
def test_a_damaged_spec_is_refused_at_its_place_or_is_one(sqlite_api: TestClient, spec: Any) -> None:
    body = json.dumps(spec)
    answer = sqlite_api.post(
        "/v1/sweeps?dry_run=true", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, (spec, answer.text)
    if answer.status_code == 422:
        errors = answer.json()["errors"]
        assert errors
        assert all(error["detail"] for error in errors)
        assert all(resolves(error["pointer"], spec) for error in errors), errors


@settings(SETTINGS, max_examples=15)
@given(damaged())
def test_what_is_refused_leaves_nothing_behind(
    sqlite_api: TestClient, sqlite_store: Store, spec: Any
) -> None:
    def count() -> int:
        return sqlite_store.read(lambda s: s.execute(select(func.count()).select_from(Sweep)).scalar_one())

    before = count()
    answer = sqlite_api.post(
        "/v1/sweeps", content=json.dumps(spec), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201 or 400 <= answer.status_code < 500
    assert count() == before + (answer.status_code == 201)
