"""services/addresses.py, and every place that shows an address that an operator gave."""

from __future__ import annotations

import httpx2
import pytest
from pydantic import SecretStr

from services.addresses import without_passwords
from services.cli import app
from services.cli.doctor.finding import missing, ok, warn
from services.client.connection import Connection
from services.settings import Settings
from services.tracking.mlflow_server import Server, TrackingDown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@host:80/a?b#c", "http://host:80/a?b#c"),
        ("postgresql+psycopg://me:se@cret@host/db", "postgresql+psycopg://host/db"),
        ("at redis://:secret@host/0, and http://u:secret@h.", "at redis://host/0, and http://h."),
        ("http://host/a@b", "http://host/a@b"),
        ("http://host?mail=a@b", "http://host?mail=a@b"),
        ("a@b.c and //x@y", "a@b.c and //x@y"),
    ],
)
def test_an_address_is_shown_without_user_and_password(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_the_command_line_prints_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app._fail("the API at http://me:secret@host does not answer", 1)
    assert capsys.readouterr().err.split() == ["the", "API", "at", "http://host", "does", "not", "answer"]


def test_an_answer_of_another_server_names_the_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("http://me:secret@127.0.0.1:1", "key", 1.0)

    def answer(method: str, url: str) -> httpx2.Response:
        request = httpx2.Request(method, f"http://me:secret@127.0.0.1:1{url}")
        return httpx2.Response(200, text="<html>", request=request)

    monkeypatch.setattr(connection._http, "request", answer)
    with pytest.raises(Exception, match=r"^http://127\.0\.0\.1:1/sweeps answered 200, but not as"):
        connection.request("GET", "/sweeps")
    connection.close()


def test_the_doctor_shows_none() -> None:
    for finding in (
        ok("API", "http://a:b@c"),
        warn("a", "http://a:b@c", ""),
        missing("a", "http://a:b@c", ""),
    ):
        assert finding.says == "http://c"


def test_a_link_to_mlflow_holds_none(sqlite_settings: Settings) -> None:
    changes = {"mlflow_url": "http://me:secret@mlflow:5000", "redis_url": SecretStr("redis://x")}
    assert sqlite_settings.model_copy(update=changes).link_to_mlflow() == "http://mlflow:5000"


def test_an_mlflow_that_does_not_answer_is_named_without_it() -> None:
    with pytest.raises(TrackingDown) as caught:
        Server("http://me:secret@127.0.0.1:1").experiment("a", {})
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
