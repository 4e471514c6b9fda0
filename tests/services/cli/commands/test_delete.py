"""`cnnlab delete`: asks first, says what goes, and does nothing on a dry run."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest

from services.store import sweeps
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]


@pytest.fixture
def over(at: Run, submit: Submit, state: Store) -> str:
    """A sweep that was cancelled."""
    sweep = submit()
    at("cancel", sweep)
    state.write(lambda session: sweeps.settle(session, sweep))
    return sweep


class Terminal(io.StringIO):
    """Standard input of somebody who sits there."""

    def isatty(self) -> bool:
        return True


def test_a_dry_run_says_what_would_go(at: Run, over: str) -> None:
    code, out, _ = at("delete", over[:9], "--dry-run")
    words = f"steered ({over}) with 0 trials, 0 epochs, 0 files (0 B), 0 runs in MLflow would be deleted.\n"
    assert (code, out) == (0, words)
    assert json.loads(at("delete", over, "--dry-run", "--json")[1])["deleting"] is False
    assert at("show", over)[0] == 0


def test_a_script_has_to_say_yes(at: Run, over: str) -> None:
    code, _, err = at("delete", over)
    assert code == 2
    assert "give --yes" in err
    code, out, _ = at("delete", over, "--yes")
    assert code == 0
    assert out.endswith("is deleted; upkeep does the rest.\n")
    code, _, err = at("show", over)
    assert code == 1
    assert f"no sweep and no trial '{over}'" in err


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_a_person_is_asked(
    at: Run, over: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    found, out, err = at("delete", over)
    assert found == code
    assert f"steered ({over}) with" in out
    assert "Delete it?" in err
    assert at("show", over)[0] == 1 - code


def test_a_sweep_that_goes_on_is_refused(at: Run, submit: Submit) -> None:
    code, _, err = at("delete", submit(), "--yes")
    assert code == 1
    assert "cancel it first" in err
