"""services/cli/commands/fork.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from services.cli.commands.fork import parse_changes
from services.cli.errors import CliError
from services.store import events
from services.store.models import Checkpoint, Pack, Trial
from services.store.session import Session, Store

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


@pytest.fixture
def trial(submit: Submit, give: Give, state: Store) -> str:
    """A trial that waits after the first of its two epochs and has a checkpoint of it."""
    sweep_id = submit()
    give(sweep_id, {})
    trial_id = f"{sweep_id}-0000"

    def write(session: Session) -> None:
        pack = {"id": sweep_id, "sweep_id": sweep_id, "kind": "cpu", "state": "closed", "shape": 0}
        session.add(Pack(**pack, width=1, start_epoch=0, target_epoch=2, created_at=0))
        session.flush()
        file = Checkpoint(pack_id=sweep_id, epoch=1, path="p/1", sha256="0" * 64, bytes=10, created_at=0)
        session.add(file)
        session.flush()
        trained = {"epoch": 1, "saved_epoch": 1, "saved_row": 0, "checkpoint_id": file.id}
        session.execute(update(Trial).where(Trial.id == trial_id).values(**trained))

    state.write(write)
    return trial_id


def test_a_trial_is_forked_shown_and_traced(at: Run, trial: str) -> None:
    code, out, _ = at("fork", trial, "--set", "train.optimizer.lr=2e-2", "--set", "l2=0.001", "--json")
    assert code == 0
    made = json.loads(out)["id"]
    code, out, _ = at("show", f"{made}-0000")
    where = f"trial {trial}, after its epoch 1, with train.optimizer.lr 0.02, train.l2.strength 0.001"
    assert f"forked from {where}" in " ".join(out.split())
    code, out, _ = at("trace", f"{made}-0000")
    again = f"cnnlab fork {trial} --set train.optimizer.lr=0.02 --set train.l2.strength=0.001"
    assert again in " ".join(out.split())
    code, out, _ = at("fork", trial)
    assert (code, out.splitlines()[0][: len(f"Forked {trial}")]) == (0, f"Forked {trial}")


def test_the_best_of_a_fork_says_what_its_spec_does_not_give(at: Run, trial: str, state: Store) -> None:
    made = json.loads(at("fork", trial, "--set", "lr=0.02", "--json")[1])["id"]

    def trained(session: Session) -> None:
        session.execute(update(Trial).where(Trial.sweep_id == made).values(best_value=0.5, best_epoch=2))
        events.add(session, made, "trial", [{}])  # without one a standing is what it was

    state.write(trained)
    code, out, _ = at("best", made, "--yaml")
    assert code == 0
    comments = [line for line in out.splitlines() if line.startswith("#")]
    where = f"it goes on from trial {trial}, after its epoch 1, with train.optimizer.lr 0.02."
    assert comments[-2] == f"# This is the result of a fork: {where}"
    assert comments[-1].endswith(f"this gives it: cnnlab fork {trial} --set train.optimizer.lr=0.02")
    out = " ".join(at("best", made)[1].split())
    assert where in out
    assert "Train its config from the first epoch with: " in out
    answer = json.loads(at("best", made, "--json")[1])
    assert answer["forked_from"] == {"trial": trial, "epoch": 1, "changed": {"train.optimizer.lr": 0.02}}
    assert f"It goes on from trial {trial}, after its epoch 1" in " ".join(at("show", made)[1].split())
    assert f"forks {made}-0000 (from epoch 1)" in " ".join(at("show", trial)[1].split())


def test_a_refusal_names_the_option(at: Run, trial: str) -> None:
    code, _, err = at("fork", trial, "--set", "train.batch_size=7", "--set", "lrr=1")
    assert code == 1
    assert "--set lrr: is not a hyperparameter of this trial" in err
    assert "--set train.batch_size: belongs to the shape" in err
    code, _, err = at("fork", trial, "--set", "lr")
    assert code == 2
    assert "--set takes PATH=VALUE such as train.optimizer.lr=0.01, got 'lr'" in err


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("lr=1e-3", "lr", 0.001),
        ("train.loss = svm", "train.loss", "svm"),
        ("schedule={name: step, every: 2}", "schedule", {"name": "step", "every": 2}),
        ("a=b=c", "a", "b=c"),
    ],
)
def test_values_are_yaml(text: str, path: str, value: Any) -> None:
    assert parse_changes([text]) == {path: value}


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        (["=1"], "takes PATH=VALUE"),
        (["lr=1", "lr=2"], "--set lr is given twice"),
        (["lr=[1"], "'[1' is not valid YAML"),
        (["lr=010"], "write 8, or put it in quotes"),
    ],
)
def test_what_is_no_change_is_refused(texts: list[str], fault: str) -> None:
    with pytest.raises(CliError) as refused:
        parse_changes(texts)
    assert fault in str(refused.value)
