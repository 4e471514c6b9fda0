"""The application of a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from services.api.app import MAX_TURN_SECONDS, from_environment, make_app
from services.settings import Settings


@pytest.fixture(autouse=True)
def same_turns_afterwards() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_threads_that_plan_leave_the_others_their_turns(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = sqlite_settings.model_copy(update={"api_key": SecretStr("k" * 20)})
    monkeypatch.setattr(Settings, "from_environment", lambda: settings)
    assert from_environment().title == "cnnlab"
    assert sys.getswitchinterval() == pytest.approx(MAX_TURN_SECONDS)


def test_without_a_key_there_is_no_application(sqlite_settings: Settings) -> None:
    with pytest.raises(ValueError, match="CNNLAB_API_KEY is not set"):
        make_app(sqlite_settings)
