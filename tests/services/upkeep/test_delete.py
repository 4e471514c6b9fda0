"""The chore that deletes sweeps: whatever it is cut off at, the next one finishes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import select

from services import pack_folders
from services.domain.states import TrialState
from services.settings import Settings
from services.store import deletion, endings, set_aside, sweeps
from services.store.models import Sweep
from services.store.session import Store
from services.tracking import erase
from services.tracking.mlflow_server import TrackingDown
from services.upkeep.delete import Delete


class Killed(BaseException):
    """Stands for SIGKILL: nothing handles it."""


def deleted_sweep(store: Store, settings: Settings) -> tuple[str, Path]:
    """A sweep that was trained and then deleted by its user, and the folder of its one pack."""
    held = take(store, fill(store, sweep_id := write_sweep(store)))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    for trial_id in ids:
        store.write(lambda s, i=trial_id: endings.end_trial(s, held, i, TrialState.SUCCEEDED))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "done"))
    store.write(lambda session: sweeps.settle(session, sweep_id))
    folder = settings.files / "packs" / held.pack_id
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("log")
    store.write(lambda session: deletion.begin(session, sweep_id))
    return sweep_id, folder


def is_gone(store: Store, folder: Path) -> bool:
    return not folder.exists() and not store.read(lambda session: session.scalars(select(Sweep.id)).all())


def test_files_and_rows_go(store: Store, settings: Settings) -> None:
    _, folder = deleted_sweep(store, settings)
    chore = Delete(store, settings)
    assert chore.round() == 1
    assert is_gone(store, folder)
    assert chore.round() == 0


@pytest.mark.parametrize("step", range(8))
def test_a_kill_at_any_step_leaves_nothing(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed before or behind each deletion of files, and before or behind each transaction."""
    store, settings = sqlite_store, sqlite_settings
    _, folder = deleted_sweep(store, settings)
    monkeypatch.setattr(deletion, "TRIALS_PER_ERASE", 2)
    left = step

    def killing(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*given: Any, **named: Any) -> Any:
            nonlocal left
            for behind in (False, True):
                if left == 0:
                    left = -1
                    raise Killed
                left -= 1
                if not behind:
                    result = work(*given, **named)
            return result

        return wrapped

    monkeypatch.setattr(pack_folders, "remove", killing(pack_folders.remove))
    monkeypatch.setattr(store, "write", killing(store.write))
    with pytest.raises(Killed):
        Delete(store, settings).round()
    assert not is_gone(store, folder) or step == 7
    monkeypatch.undo()
    Delete(store, settings).round()
    assert is_gone(store, folder)


def test_a_sweep_that_cannot_be_deleted_says_why_and_holds_up_no_other(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (bad, bad_folder), (_, folder) = deleted_sweep(store, settings), deleted_sweep(store, settings)
    real = pack_folders.remove

    def remove(files: Path, pack_id: str) -> None:
        if pack_id == bad_folder.name:
            raise PermissionError(f"{pack_id} is not yours")
        real(files, pack_id)

    monkeypatch.setattr(pack_folders, "remove", remove)
    with caplog.at_level(logging.ERROR):
        assert Delete(store, settings).round() == 1
    assert f"sweep {bad} is set aside" in caplog.text
    assert not folder.exists()
    with pytest.raises(Exception, match=f"being deleted, which has failed so far: delete: {bad_folder.name}"):
        store.read(lambda session: sweeps.get(session, bad))
    monkeypatch.undo()
    assert Delete(store, settings).round() == 0, "it waits a minute"
    monkeypatch.setattr(set_aside, "RETRY_SECONDS", -1)
    assert Delete(store, settings).round() == 1
    assert is_gone(store, bad_folder)


def test_rows_wait_for_an_mlflow_that_is_away(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": "http://127.0.0.1:9"})
    _, folder = deleted_sweep(store, settings)
    answers = [TrackingDown("away"), False, True]

    def away(*_: Any) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(erase, "erase", away)
    monkeypatch.setattr(set_aside, "RETRY_SECONDS", -1)
    assert [Delete(store, settings).round() for _ in range(2)] == [0, 0]
    assert folder.exists()
    assert Delete(store, settings).round() == 1
    assert is_gone(store, folder)
