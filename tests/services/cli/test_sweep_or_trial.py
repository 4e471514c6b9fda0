"""services/cli/sweep_or_trial.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.errors import CliError
from services.cli.sweep_or_trial import sweep_or_trial
from services.client import ApiError, Client

CLIENT: Any = None


def refuse(status: int) -> Any:
    def request(client: Client, identity: str) -> Any:
        raise ApiError({"status": status, "detail": f"refused with {status}"})

    return request


def found(client: Client, identity: str) -> dict[str, Any]:
    return {"id": identity}


def test_a_trial_is_looked_up_only_if_no_sweep_has_the_id() -> None:
    assert sweep_or_trial(CLIENT, "x", found, refuse(500)) == {"id": "x"}
    assert sweep_or_trial(CLIENT, "x", refuse(404), found) == {"id": "x"}


def test_another_refusal_is_not_hidden() -> None:
    with pytest.raises(ApiError, match="refused with 409"):
        sweep_or_trial(CLIENT, "x", refuse(409), found)


def test_an_unknown_id() -> None:
    with pytest.raises(CliError) as error:
        sweep_or_trial(CLIENT, "x", refuse(404), refuse(404))
    assert str(error.value).startswith("no sweep and no trial 'x'; `cnnlab ls` lists the sweeps")
    assert error.value.code == 1
