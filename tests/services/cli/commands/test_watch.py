"""services/cli/commands/watch.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import select, update

from services.store.models import Trial
from services.store.session import Session, Store
from services.upkeep.settle import settle

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_a_cancelled_sweep_ends_with_exit_code_1(at: Run, submit: Submit, state: Store) -> None:
    sweep = submit()
    at("cancel", sweep)
    settle(state)
    code, out, _ = at("watch", sweep, "--json")
    assert code == 1
    assert json.loads(out.splitlines()[-1])["state"] == "cancelled"
    assert " 0/12 " in at("ls")[1], "cancelled trials are not counted as done"


def test_failed_trials_are_printed_with_their_messages(
    at: Run, submit: Submit, give: Give, state: Store
) -> None:
    sweep = submit()
    give(sweep, {})

    def fail(session: Session) -> list[str]:
        ids = list(session.scalars(select(Trial.id).where(Trial.sweep_id == sweep).order_by(Trial.number)))
        for trial, message in zip(ids, ["the loss is [nan]"] * 11 + ["no memory"], strict=True):
            failure = {"kind": "diverged", "message": message}
            values = {"state": "failed", "pack_id": None, "failure": failure}
            session.execute(update(Trial).where(Trial.id == trial).values(**values))
        return ids

    ids = state.write(fail)
    settle(state)
    for command in ("watch", "show"):
        code, out, _ = at(command, sweep)
        assert code == (command == "watch")
        assert f"11 trials failed: the loss is [nan] (see `cnnlab show {ids[0]}`)" in out
        assert f"1 trial failed: no memory (see `cnnlab show {ids[-1]}`)" in out
