"""services/api/analyses.py: what is read of a sweep is kept until something of it changes, and no longer."""

from __future__ import annotations

import pytest
from paper_sweep import fill, take, trials_of, write_sweep
from sqlalchemy import event, update

from services.api import analyses
from services.api.analyses import Analyses, SweepResults
from services.domain.errors import NotFound
from services.store import editing, reports, standings
from services.store.models import Sweep, Trial
from services.store.reports import Epoch
from services.store.session import Session, Store


class Watched:
    """A sweep of four points on paper, its results as `Analyses` has them, and the statements of a read."""

    def __init__(self, store: Store) -> None:
        self.store, self.kept = store, Analyses()
        self.id = write_sweep(store)
        self.held = take(store, fill(store, self.id))
        self.statements: list[str] = []
        event.listen(store.engine, "before_cursor_execute", lambda *given: self.statements.append(given[2]))

    def end(self, number: int, value: float) -> None:
        """Let all trials report an epoch with this value and have succeeded."""
        ids = [trial.id for trial in trials_of(self.store, self.id)]
        metrics, best = {each: {"val/acc": value} for each in ids}, dict.fromkeys(ids, (number, value))
        epoch = Epoch(number, metrics, best, None, busy_ms=1, work_ms=1)

        def write(session: Session) -> None:
            mine = update(Trial).where(Trial.sweep_id == self.id)
            session.execute(mine.values(state="running", pack_id=self.held.pack_id))
            assert reports.commit(session, self.held, epoch)
            session.execute(mine.values(state="succeeded", pack_id=None))

        self.store.write(write)

    def read(self, epoch: int | None = None) -> SweepResults:
        self.statements.clear()
        return self.kept.results(self.store, self.id, epoch)

    @property
    def reads(self) -> int:
        """How often the last read has read trials or curves."""
        return sum("FROM trials" in each for each in self.statements)


@pytest.fixture
def watched(store: Store) -> Watched:
    found = Watched(store)
    found.end(1, 0.8)
    return found


def test_trials_are_read_again_only_after_a_change(watched: Watched) -> None:
    first = watched.read()
    assert [point.mean for point in first.compared.points] == [0.8] * 4
    assert watched.reads == 2  # rows, and the values of points
    again = watched.read()
    assert (again.trials, again.compared, watched.reads) == (first.trials, first.compared, 0)
    watched.store.write(lambda session: editing.edit(session, watched.id, name="renamed"))
    assert watched.read().sweep.name == "renamed"
    watched.end(2, 0.9)
    assert [point.mean for point in watched.read().compared.points] == [0.9] * 4
    assert watched.reads == 1


def test_each_epoch_has_results_of_its_own(watched: Watched) -> None:
    assert watched.read(1).compared.epoch == 1
    assert watched.read().compared.epoch is None
    assert (watched.read(1).compared.epoch, watched.reads) == (1, 0)
    watched.end(2, 0.9)
    assert [point.mean for point in watched.read(1).compared.points] == [0.8] * 4
    assert [point.mean for point in watched.read(2).compared.points] == [0.9] * 4


def test_nothing_is_kept_while_a_transaction_may_still_change_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.read()
    monkeypatch.setattr(standings, "marks", lambda *_: {})
    for _ in range(2):
        watched.read()
        assert watched.reads == 1
    monkeypatch.undo()
    watched.read()
    assert watched.reads == 1


def test_what_was_used_longest_ago_is_forgotten(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.end(2, 0.9)
    for epoch, reads in ((1, 3), (2, 3), (1, 0), (2, 0)):
        watched.read(epoch)
        assert watched.reads == reads
    monkeypatch.setattr(analyses, "MAX_TRIALS_KEPT", 7)  # two times four are more
    for epoch, reads in ((2, 0), (2, 0), (1, 3), (1, 0), (2, 3)):
        watched.read(epoch)
        assert watched.reads == reads
    monkeypatch.setattr(analyses, "MAX_TRIALS_KEPT", 3)  # one sweep is kept, however large it is
    watched.read(2)
    assert watched.reads == 0
    monkeypatch.setattr(analyses, "MAX_KEPT", 1)
    watched.read(1)
    watched.read(2)
    assert watched.reads == 3


def test_a_sweep_that_is_deleted_is_shown_no_more(watched: Watched) -> None:
    watched.read()
    gone = update(Sweep).where(Sweep.id == watched.id).values(state="deleting")
    watched.store.write(lambda session: session.execute(gone))
    with pytest.raises(NotFound):
        watched.read()


def test_places_and_effects_are_made_again_only_for_other_points(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    for name in ("effects", "axis_places"):
        work = getattr(analyses, name)
        monkeypatch.setattr(analyses, name, lambda *given, n=name, w=work: made.append(n) or w(*given))

    def ask() -> None:
        results = watched.read()
        watched.kept.effects(results)
        watched.kept.places(results)

    ask()
    ask()
    assert made == ["effects", "axis_places"]
    watched.end(2, 0.8)  # it is no better
    ask()
    assert made == ["effects", "axis_places"]
    watched.end(3, 0.9)
    ask()
    assert made == ["effects", "axis_places"] * 2
