"""services/cli/commands/submit.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.client import AnswerLost, Client

Run = Callable[..., tuple[int, str, str]]


def test_the_new_sweep_and_how_to_watch_it(at: Run, spec: Path) -> None:
    code, out, _ = at("submit", str(spec))
    assert code == 0
    first, second = out.splitlines()
    sweep = first.split()[3].removesuffix(":")
    assert first == f"Submitted steered as {sweep}: 12 trials."
    assert second == f"Watch it with: cnnlab watch {sweep}"


def test_a_dry_run_shows_sizes_and_stores_nothing(at: Run, spec: Path) -> None:
    before = at("ls", "--json")[1]
    code, out, _ = at("submit", str(spec), "--dry-run")
    assert code == 0
    assert out.startswith("12 trials (4 points × 3 seeds) in ")
    assert "Nothing was submitted." in out
    assert json.loads(at("submit", str(spec), "--dry-run", "--json")[1])["points"] == 4
    assert at("ls", "--json")[1] == before


def test_the_same_key_and_file_return_the_same_sweep(at: Run, spec: Path) -> None:
    first, second = (
        json.loads(at("submit", str(spec), "--json", "--idempotency-key", "mine")[1])["id"] for _ in range(2)
    )
    assert first == second


def test_every_fault_has_its_line(at: Run, spec: Path) -> None:
    text = spec.read_text()
    spec.write_text(text.replace("adam", "adamm").replace("seeds: 3", "seeds: 300"))
    code, _, err = at("submit", str(spec))
    assert code == 1
    assert f"{spec}, line 7: /seeds: " in err
    spec.write_text(text.replace("adam", "adamm"))
    code, _, err = at("submit", str(spec))
    assert code == 1
    assert f"{spec}, line 6: /space/train.optimizer/1" in err
    assert "Did you mean 'adam'" in err


def test_a_missing_file(at: Run) -> None:
    code, _, err = at("submit", "none.yaml")
    assert code == 2
    assert "no file none.yaml: give a YAML or JSON file" in err


def test_a_lost_answer_is_followed_by_a_command_that_adds_no_sweep(
    at: Run, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Any) -> None:
        raise AnswerLost("f00", TimeoutError("timed out"))

    monkeypatch.setattr(Client, "submit", lose)
    code, _, err = at("submit", str(spec))
    assert code == 1
    assert "may have been submitted or not" in err
    assert f"`cnnlab submit {spec} --idempotency-key f00`" in err


def test_a_long_wait_is_explained(at: Run, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = Client.submit

    def slowly(client: Client, sweep: Any, key: str, dry_run: bool, on_wait: Callable[[str], None]) -> Any:
        on_wait("The API has been planning this sweep for 20 s; waiting for it.")
        return submit(client, sweep, key, dry_run, on_wait)

    monkeypatch.setattr(Client, "submit", slowly)
    _, out, err = at("submit", str(spec), "--json", "--dry-run")
    assert json.loads(out)["points"] == 4
    assert "planning this sweep for 20 s" in err
