"""services/cli/commands/effects.py, against a real API without workers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import update

from services.store.models import Trial
from services.store.session import Store

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


@pytest.fixture
def ended(submit: Submit, give: Give, state: Store) -> str:
    """A sweep of four points, of which one has failed."""
    sweep = submit()
    give(sweep, {0: [0.90, 0.92, 0.91], 1: [0.85, 0.86, 0.87], 2: [0.80, 0.81, 0.82], 3: [0.1, 0.1, 0.1]})
    of = update(Trial).where(Trial.sweep_id == sweep)
    state.write(lambda s: s.execute(of.values(state="succeeded", epoch=2, pack_id=None)))
    state.write(lambda s: s.execute(of.where(Trial.point == 3).values(state="failed")))
    return sweep


def test_effects_are_tables_with_what_is_left_out(at: Run, ended: str) -> None:
    code, out, _ = at("effects", ended)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert (
        lines[0]
        == "val/acc: 3 points with 3 seeds compared at their last epochs, mean 0.86; left out: 3 failed"
    )
    assert lines[1].startswith("Effects: 3 points are too few to separate 2 axes")
    assert lines[2] == "No importance: it needs 10 compared points, got 3."
    assert lines[3] == "axis value points mean effect together with"
    assert {" ".join(line.split()[:3]) for line in lines[4:]} == {
        "dropout 0 2", "dropout 0.25 1", "optimizer momentum 2", "optimizer adam 1",
    }  # fmt: skip


def test_programs_get_the_api_s_answer(at: Run, ended: str) -> None:
    view = json.loads(at("effects", ended, "--json")[1])
    assert (view["points"], view["left_out"]["failed"]) == (3, 3)


def test_an_epoch_is_sent_to_the_api(at: Run, ended: str) -> None:
    code, _, err = at("effects", ended, "--epoch", "99")
    assert code == 1
    assert "query parameter epoch must be" in err


def test_without_results_it_says_so(at: Run, submit: Submit) -> None:
    code, _, err = at("effects", submit())
    assert code == 1
    assert "has no points to compare yet" in err
