"""Attempts in vain: they are counted, follow each other more slowly, and pause their sweep in the end."""

from __future__ import annotations

from paper_sweep import TTL, fill, report, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services import dispatch
from services.domain.retry import MAX_FRUITLESS, Failure
from services.domain.states import TrialState
from services.store import endings, events, fruitless, leases, sweep_verbs
from services.store.events import BEGINNING
from services.store.leases import Lease
from services.store.models import Pack, Sweep, Trial
from services.store.session import Store

DEPTHS = {"model.depth": [1, 2], "model.dropout": [0.0, 0.5]}  # two packs of two


def give_back(store: Store, held: Lease, failure: Failure = Failure.PREEMPTED) -> None:
    error = {"kind": failure, "message": "stopped"}
    store.write(lambda session: endings.give_up(session, held, failure, error))


def let_time_pass(store: Store) -> None:
    """Have every trial's time come."""
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))


def attempt(store: Store, sweep_id: str, progress: bool = False) -> bool:
    """Form a pack and give it back; returns whether there was one to form."""
    let_time_pass(store)
    pack = store.write(lambda session: dispatch.fill(session, sweep_id))
    if pack is None:
        return False
    held = take(store, pack)
    if progress:
        ids = [trial.id for trial in trials_of(store, sweep_id) if trial.pack_id == pack.id]
        report(store, held, row_of(store, Trial, ids[0]).epoch + 1, ids)
    give_back(store, held)
    return True


def halt(store: Store, sweep_id: str) -> str | None:
    return store.write(lambda session: fruitless.halt(session, sweep_id))


def exhaust(store: Store, sweep_id: str) -> int:
    """Attempt and chore in turn, until none is formed; returns how many attempts there were."""
    attempts = 0
    while attempts < 50 and attempt(store, sweep_id):
        attempts += 1
        for stuck in store.read(fruitless.sweep_ids):
            halt(store, stuck)
    return attempts


def test_a_sweep_that_is_given_back_again_and_again_is_paused_with_the_reason(store: Store) -> None:
    sweep_id = write_sweep(store)
    assert exhaust(store, sweep_id) == MAX_FRUITLESS
    sweep = row_of(store, Sweep, sweep_id)
    assert sweep.state == "paused"
    assert sweep.pause_reason == (
        "10 attempts in a row at trial 0 and 3 more ended without a new epoch; "
        "the last one, by worker worker: preempted: stopped"
    )
    newest = [e for e in store.read(lambda s: events.after(s, BEGINNING)) if e.kind == "sweep"][-1]
    assert newest.data == {"state": "paused", "reason": sweep.pause_reason}


def test_a_trial_shows_that_it_was_given_back_in_vain(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    attempt(sqlite_store, sweep_id)
    before = sqlite_store.now()
    attempt(sqlite_store, sweep_id)
    after = sqlite_store.now()
    trial = trials_of(sqlite_store, sweep_id)[0]
    assert trial.failure is not None
    assert trial.failure["message"] == "given back 2 times in a row without a new epoch: stopped"
    assert before <= trial.not_before - 5000 <= after


def test_an_epoch_ends_the_row(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, train={"epochs": 30})
    for _ in range(3):
        attempt(sqlite_store, sweep_id)
    attempt(sqlite_store, sweep_id, progress=True)
    trials = trials_of(sqlite_store, sweep_id)
    assert {(trial.fruitless, trial.failure) for trial in trials} == {(0, None)}
    assert trials[0].not_before <= sqlite_store.now()


def test_what_a_user_pauses_was_not_in_vain(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    sqlite_store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    give_back(sqlite_store, held)
    assert {trial.fruitless for trial in trials_of(sqlite_store, sweep_id)} == {0}
    assert row_of(sqlite_store, Sweep, sweep_id).pause_reason is None


def test_resume_begins_anew_and_clears_the_reason(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    exhaust(sqlite_store, sweep_id)
    sqlite_store.write(lambda session: sweep_verbs.resume(session, sweep_id))
    sweep = row_of(sqlite_store, Sweep, sweep_id)
    assert (sweep.state, sweep.pause_reason) == ("active", None)
    assert {(trial.fruitless, trial.not_before) for trial in trials_of(sqlite_store, sweep_id)} == {(0, 0)}
    assert exhaust(sqlite_store, sweep_id) == MAX_FRUITLESS


def test_others_of_the_sweep_go_on_while_they_make_progress(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS, train={"epochs": 30})
    stuck = fill(store, sweep_id)
    give_back(store, take(store, stuck))
    for _ in range(MAX_FRUITLESS - 1):
        attempt(store, sweep_id)
    other = take(store, fill(store, sweep_id))  # the second architecture
    ids = [trial.id for trial in trials_of(store, sweep_id) if trial.pack_id == other.pack_id]
    report(store, other, 1, ids)
    assert halt(store, sweep_id) is None
    give_back(store, other)
    let_time_pass(store)
    assert halt(store, sweep_id) is None
    assert row_of(store, Sweep, sweep_id).state == "active"


def test_a_pack_that_is_older_than_the_attempts_is_waited_for(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS)
    older = take(sqlite_store, fill(sqlite_store, sweep_id))  # in its first, long epoch
    while attempt(sqlite_store, sweep_id):
        pass
    assert halt(sqlite_store, sweep_id) is None
    give_back(sqlite_store, older)
    assert halt(sqlite_store, sweep_id) is not None


def test_a_sweep_without_any_progress_is_paused_before_every_trial_was_tried(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS)
    assert exhaust(sqlite_store, sweep_id) < 2 * MAX_FRUITLESS
    assert row_of(sqlite_store, Sweep, sweep_id).state == "paused"


def test_a_stopping_sweep_ends_without_the_trials_that_led_nowhere(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    attempt(sqlite_store, sweep_id)
    sqlite_store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    exhaust(sqlite_store, sweep_id)
    trials = trials_of(sqlite_store, sweep_id)
    assert {trial.state for trial in trials} == {"cancelled"}
    assert trials[0].failure is not None
    assert trials[0].failure["message"].startswith("10 attempts in a row at trial 0")


def test_a_retry_of_a_trial_begins_anew(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    for _ in range(20):
        let_time_pass(sqlite_store)
        pack = sqlite_store.write(lambda session: dispatch.fill(session, sweep_id))
        if pack is None:
            break
        give_back(sqlite_store, take(sqlite_store, pack), Failure.HOST)
    assert {trial.state for trial in trials_of(sqlite_store, sweep_id)} == {"failed"}
    sqlite_store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    assert {trial.fruitless for trial in trials_of(sqlite_store, sweep_id)} == {0}
    fill(sqlite_store, sweep_id)


def test_a_pack_of_a_dead_claim_is_given_up_at_once_and_no_other(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    packs = [fill(store, sweep_id), fill(store, sweep_id)]
    for pack, claim in zip(packs, ("dead", "alive"), strict=True):
        held = Lease.new(pack.id)
        assert store.write(lambda s, h=held, c=claim: leases.take(s, h, "w", "d", TTL, c))  # type: ignore[misc]
    ended = store.write(lambda session: endings.give_up_claimed(session, "dead", "was killed"))
    assert ended == [packs[0].id]
    assert [row_of(store, Pack, pack.id).state for pack in packs] == ["lost", "running"]
    first = trials_of(store, sweep_id)[0]
    assert (first.state, first.losses, first.not_before > store.now()) == ("pending", 1, False)
    assert first.failure is not None
    assert first.failure["message"] == "worker w was killed"
    assert store.write(lambda session: endings.give_up_claimed(session, "dead", "was killed")) == []


def test_a_sweep_that_is_paused_already_is_not_proposed_again(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    while attempt(sqlite_store, sweep_id):
        pass
    assert sqlite_store.read(fruitless.sweep_ids) == [sweep_id]
    assert halt(sqlite_store, sweep_id) is not None
    assert sqlite_store.read(fruitless.sweep_ids) == []


def test_after_resume_the_next_attempt_follows_at_once(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    exhaust(sqlite_store, sweep_id)
    later = sqlite_store.now() + 60_000
    sqlite_store.write(lambda session: session.execute(update(Trial).values(not_before=later)))
    sqlite_store.write(lambda session: sweep_verbs.resume(session, sweep_id))
    assert take(sqlite_store, fill(sqlite_store, sweep_id))


def test_a_pack_that_began_after_the_attempts_in_vain_is_not_waited_for(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS)
    for _ in range(MAX_FRUITLESS):
        attempt(sqlite_store, sweep_id)
    take(sqlite_store, fill(sqlite_store, sweep_id))  # the second architecture
    assert halt(sqlite_store, sweep_id) is not None


def test_a_sweep_that_can_draw_trials_goes_on_while_others_end_well(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS | {"model.depth": [1, 2, 3]})
    for _ in range(MAX_FRUITLESS):
        attempt(sqlite_store, sweep_id)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))  # the second architecture
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id) if trial.pack_id == held.pack_id]
    report(sqlite_store, held, 1, ids)
    sqlite_store.write(lambda session: endings.end_trials(session, held, ids, TrialState.SUCCEEDED))
    assert halt(sqlite_store, sweep_id) is None  # the third one waits to be drawn


def test_progress_before_the_attempts_in_vain_does_not_count(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS, train={"epochs": 30})
    attempt(sqlite_store, sweep_id, progress=True)
    for _ in range(MAX_FRUITLESS):
        attempt(sqlite_store, sweep_id)
    assert halt(sqlite_store, sweep_id) is not None  # though the second architecture was not tried


def test_the_reason_is_that_of_the_last_attempt(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    for number in range(MAX_FRUITLESS):
        let_time_pass(sqlite_store)
        held = take(sqlite_store, fill(sqlite_store, sweep_id))
        error = {"kind": Failure.PREEMPTED, "message": f"stop {number}"}
        sqlite_store.write(
            lambda session, held=held, error=error: endings.give_up(session, held, Failure.PREEMPTED, error)  # type: ignore[misc]
        )
    assert str(halt(sqlite_store, sweep_id)).endswith(f"preempted: stop {MAX_FRUITLESS - 1}")
