"""A page of a ranking comes from memory until something of its sweep changes, and is what SQL gives."""

from __future__ import annotations

from functools import partial

import pytest
from paper_sweep import fill, take, trials_of, write_sweep
from sqlalchemy import event

from services.domain.spec.objective import Objective
from services.store import leaderboard, rankings, reports
from services.store.leaderboard import RankPosition
from services.store.leases import Lease
from services.store.reports import Epoch
from services.store.session import Session, Store

ACC = Objective()


def trained(store: Store, points: int) -> tuple[str, list[Lease]]:
    """A sweep whose trials have finished an epoch; the later a point, the better it is."""
    space = {"model.dropout": [number / 1000 for number in range(points)]}
    sweep_id, held = write_sweep(store, space=space), list[Lease]()
    while len(trials_of(store, sweep_id)) < points:
        held.append(take(store, fill(store, sweep_id)))
    commit(store, sweep_id, held, 1, sign=1)
    return sweep_id, held


def commit(store: Store, sweep_id: str, leases: list[Lease], number: int, sign: int) -> None:
    for held in leases:
        mine = [trial for trial in trials_of(store, sweep_id) if trial.pack_id == held.pack_id]
        values = {trial.id: sign * trial.point / 100 for trial in mine}
        metrics = {trial_id: {"val/acc": value} for trial_id, value in values.items()}
        best = {trial_id: (number, value) for trial_id, value in values.items()}
        epoch = Epoch(number, metrics, best, None, busy_ms=1, work_ms=1)
        store.write(lambda s, held=held, epoch=epoch: reports.commit(s, held, epoch))  # type: ignore[misc]


def pages(store: Store, sweep_id: str, limit: int) -> list[int]:
    """All points, page by page."""
    found: list[int] = []
    after: RankPosition | None = None
    while True:
        read = partial(rankings.page, sweep_id=sweep_id, objective=ACC, limit=limit, after=after)
        page, after = store.read(read)
        found += [point.number for point in page]
        if after is None:
            return found


def test_a_page_from_memory_reads_only_its_own_trials(store: Store) -> None:
    sweep_id, held = trained(store, 6)
    assert pages(store, sweep_id, 2) == [5, 4, 3, 2, 1, 0]
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert pages(store, sweep_id, 4) == [5, 4, 3, 2, 1, 0]
    assert not [each for each in statements if "GROUP BY trials" in each]
    commit(store, sweep_id, held, 2, sign=-1)
    assert pages(store, sweep_id, 4) == [0, 1, 2, 3, 4, 5]
    assert len([each for each in statements if "GROUP BY trials" in each]) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_pages_go_on_behind_what_is_kept(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(rankings, "MAX_POSITIONS", 3)
    sweep_id, _ = trained(sqlite_store, 7)
    assert pages(sqlite_store, sweep_id, limit) == [6, 5, 4, 3, 2, 1, 0]


def test_no_more_sweeps_are_kept_than_there_is_room_for(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankings, "MAX_KEPT", 1)
    sweeps = [trained(sqlite_store, 2)[0] for _ in range(2)]
    kept = rankings.Rankings()

    def read(session: Session, sweep_id: str) -> list[RankPosition]:
        found = kept.positions(session, sweep_id, ACC, 2, None)
        assert list(found) == leaderboard.positions(session, sweep_id, ACC, 2)
        return list(found)

    for sweep_id in [*sweeps, *sweeps]:
        sqlite_store.read(partial(read, sweep_id=sweep_id))
    assert len(kept._kept) == 1
