"""services/store/trial_results.py: every drawn trial with the value that the objective takes of it."""

from __future__ import annotations

from paper_sweep import fill, report, take, trials_of, write_sweep

from services.domain.spec.objective import Objective
from services.store.session import Store
from services.store.trial_results import trial_results


def test_trials_come_by_number_with_their_best_or_last_value(store: Store) -> None:
    sweep_id = write_sweep(store)
    write_sweep(store)  # another one, whose trials stay out
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2):
        report(store, held, number, ids)
    found = store.read(
        lambda session: trial_results(session, sweep_id, Objective.model_validate({"at": "last"}))
    )
    assert [each.value for each in found] == [0.52] * 4
    best = store.read(lambda session: trial_results(session, sweep_id, Objective()))
    assert [each.value for each in best] == [None] * 4  # the reports on paper have no best value
    stored = trials_of(store, sweep_id)
    assert [(each.number, each.point, each.replicate, each.state, each.epoch) for each in found] == [
        (trial.number, trial.point, trial.replicate, "running", 2) for trial in stored
    ]
    assert [each.values for each in found] == [trial.values for trial in stored]
    assert {each.finished_at for each in found} == {None}
