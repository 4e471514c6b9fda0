"""Idempotency keys: one key, one body, one sweep, for as long as the key is kept."""

from __future__ import annotations

import pytest
from paper_sweep import write_sweep
from sqlalchemy import update

from services.domain.errors import ParameterError
from services.store import submit_keys
from services.store.session import Store
from services.store.submit_keys import SubmitKey


def test_a_key_finds_its_sweep_and_refuses_another_body(store: Store) -> None:
    sweep_id = write_sweep(store)
    assert store.read(lambda session: submit_keys.find(session, "k", "digest")) is None
    store.write(lambda session: submit_keys.keep(session, "k", "digest", sweep_id))
    assert store.read(lambda session: submit_keys.find(session, "k", "digest")) == sweep_id
    with pytest.raises(ParameterError, match=f"'k' made sweep {sweep_id} from another body"):
        store.read(lambda session: submit_keys.find(session, "k", "other"))


def test_a_key_is_forgotten_when_it_is_old(store: Store) -> None:
    sweep_id = write_sweep(store)
    for key in ("old", "new"):
        store.write(lambda session, key=key: submit_keys.keep(session, key, "d", sweep_id))  # type: ignore[misc]
    old = update(SubmitKey).where(SubmitKey.key == "old").values(created_at=store.now() - 61_000)
    store.write(lambda session: session.execute(old))
    store.write(lambda session: submit_keys.forget(session, 60))
    assert store.read(lambda session: submit_keys.find(session, "old", "d")) is None
    assert store.read(lambda session: submit_keys.find(session, "new", "d")) == sweep_id
