"""Bodies that no route should see are refused in words, whatever they are; none of them is a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from migrations.apply import upgrade
from services.api import body as module
from services.api.app import make_app
from services.api.body import (
    MAX_BODY_BYTES,
    MAX_NESTING,
    MAX_TOKENS,
    GuardedBody,
    check,
    has_too_many_tokens,
)
from services.settings import Settings

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("text", "pointer", "words"),
    [
        ('{"train": {"l2": [0, NaN]}}', "/train/l2/1", "NaN is not a number"),
        ("-Infinity", "", "-Infinity is not a number"),
        ('{"a": 1e999}', "/a", "1e999 is larger"),
        ('{"a": 9223372036854775808}', "/a", "beyond 64 bits"),
        ('{"a": -9223372036854775809}', "/a", "beyond 64 bits"),
        ('{"a": ' + "1" * 5000 + "}", "/a", "beyond 64 bits"),
        ('{"a": "x\\u0000"}', "/a", "NUL character"),
        ('{"b": {"\\u0000": 1}}', "/b", "NUL character"),
        ('{"a": "\\ud800"}', "/a", "half a surrogate pair"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "/b/c", "twice"),
        ('{"a/b": {"~": NaN}}', "/a~1b/~0", "NaN"),
        ("[" * 100_000 + "]" * 100_000, "", "nested deeper than 32"),
        ("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1), "/0" * MAX_NESTING, "nested deeper than 32"),
    ],
)
def test_json_that_is_refused(text: str, pointer: str, words: str) -> None:
    [fault] = check(text.encode())
    assert fault.pointer == pointer
    assert words in fault.detail
    assert len(fault.detail) < 200


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [9223372036854775807, -9223372036854775808, 1e308, "\\ud83d\\ude00", null, true]}',
        "[" * MAX_NESTING + "]" * MAX_NESTING,
    ],
)
def test_json_that_passes(text: str) -> None:
    assert check(text.encode()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * MAX_TOKENS + b"0]",
        b"[" + b"1," * MAX_TOKENS + b"1]",
        b"[" + b'"",' * (4 * MAX_TOKENS) + b"0]",
        b"{" + b'"a":1,' * MAX_TOKENS + b"}",
        b'["' + rb"\"" * 100_000 + b'",' + b"1," * MAX_TOKENS + b"1]",
    ],
)
def test_too_many_tokens_are_413_and_not_parsed(
    sqlite_api: TestClient, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "check", None)
    answer = sqlite_api.post("/v1/sweeps", content=body, headers=JSON)
    assert answer.status_code == 413
    assert f"at most {MAX_TOKENS} values and keys" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * (MAX_TOKENS - 2) + b"1]",
        b'["' + b"[,:{" * MAX_TOKENS + b'"]',
        b'["' + rb"\",\"" * MAX_TOKENS + b'"]',
        b'["' + rb"\\" * MAX_TOKENS + b'", "a,b,c"]',
    ],
)
def test_what_stands_in_a_text_is_no_token(body: bytes) -> None:
    assert not has_too_many_tokens(body)


def structure(value: Any) -> int:
    """How many brackets, commas and colons stand before the values and keys of a document."""
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(structure, value))
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + len(value) + sum(map(structure, value.values()))
    return 0


TRICKY = st.text(alphabet='"\\\\,:[{a\u00e9\ud83d', max_size=6)
DOCUMENTS = st.recursive(
    TRICKY | st.integers() | st.booleans() | st.none(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(TRICKY, inside, max_size=4),
)


@settings(max_examples=200, deadline=None)
@given(document=DOCUMENTS, escaped=st.booleans())
def test_tokens_are_counted_without_parsing(document: Any, escaped: bool) -> None:
    text = json.dumps(document, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert module._structure(module._STRING.sub(b"", text)) == structure(document)


@pytest.mark.parametrize("body", [b"{", b'{"a": 1,}', b"\xff\xfe", b"{} {}", "{}".encode("utf-16")])
def test_what_is_not_json_is_400(sqlite_api: TestClient, body: bytes) -> None:
    answer = sqlite_api.post("/v1/sweeps", content=body, headers=JSON)
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-yaml", None])
def test_another_content_type_is_415(sqlite_api: TestClient, kind: str | None) -> None:
    answer = sqlite_api.post("/v1/sweeps", content=b"{}", headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(sqlite_api: TestClient) -> None:
    exact = b'"' + b"x" * (MAX_BODY_BYTES - 2) + b'"'
    assert sqlite_api.post("/v1/sweeps", content=exact, headers=JSON).status_code == 422
    assert sqlite_api.post("/v1/sweeps", content=exact + b" ", headers=JSON).status_code == 413


def test_a_chunked_body_of_50_mb_is_413(sqlite_api: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"[" * 1_000_000

    answer = sqlite_api.post("/v1/sweeps", content=chunks(), headers=JSON)
    assert answer.status_code == 413
    assert str(MAX_BODY_BYTES) in answer.json()["detail"]


def test_an_endless_body_is_not_read_to_its_end() -> None:
    read, sent = 0, []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        assert read < 100
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def route(*_: Any) -> None:
        raise AssertionError("no route sees this body")

    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "path": "/v1/sweeps", "headers": headers}
    asyncio.run(GuardedBody(route)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert read > 50  # a client that sends 50 MB is read to its end, or it would not hear the answer


@pytest.fixture(scope="module")
def api_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("fuzz")
    upgrade(f"sqlite:///{folder}/state.db")
    fuzzed = Settings(
        database_url=f"sqlite:///{folder}/state.db",
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        files=Path(folder),
        api_key=SecretStr("k" * 20),
        allowed_hosts="testserver",
    )
    with TestClient(make_app(fuzzed), headers={"Authorization": f"Bearer {'k' * 20}"}) as client:
        yield client


WORDS = st.sampled_from(
    ["name", "lenet5", "mlp", "adam", "lr", "model", "train", "data", "dropout", "optimizer", "l2", "epochs",
     "fashion-mnist-mini", "model.dropout", "train.optimizer", "train.optimizer.lr", "hidden", "norm",
     "activation", "relu", "batch", "strength", "validation", "", "a/b~", "\x00", "\ud800", "name.name"]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=5)
    | st.just(10**30)
    | st.just(0.5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(WORDS, inside, max_size=3),
    max_leaves=8,
)
SPECS = st.fixed_dictionaries(
    {"name": st.just("fuzz"), "space": st.dictionaries(WORDS, st.lists(VALUES, max_size=3), max_size=3)},
    optional={
        "model": st.just({"name": "lenet5"}) | VALUES,
        "data": st.just("fashion-mnist-mini") | VALUES,
        "train": st.dictionaries(WORDS, VALUES, max_size=3),
        "search": WORDS,
        "objective": VALUES,
        "max_trials": VALUES,
        "seed": VALUES,
    },
)


@settings(max_examples=60, deadline=None)
@given(body=SPECS | VALUES)
def test_no_body_is_a_500_and_none_half_a_sweep(api_of_module: TestClient, body: Any) -> None:
    before = len(api_of_module.get("/v1/sweeps?limit=200").json()["sweeps"])
    answer = api_of_module.post("/v1/sweeps", content=json.dumps(body).encode(), headers=JSON)
    assert answer.status_code in (201, 400, 422), answer.text
    after = len(api_of_module.get("/v1/sweeps?limit=200").json()["sweeps"])
    assert after - before == (answer.status_code == 201)
    if answer.status_code != 201:
        assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=200))
def test_no_bytes_are_a_500(api_of_module: TestClient, body: bytes) -> None:
    assert api_of_module.post("/v1/sweeps", content=body, headers=JSON).status_code in (400, 422)
