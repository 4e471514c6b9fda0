"""JSON columns of models: plain JSON in the database, a validated model in Python, decoded once per row."""

from __future__ import annotations

import json

import pytest
from paper_catalog import paper_plan, paper_spec
from paper_sweep import write_sweep
from sqlalchemy import text

from services.domain.errors import Unreadable
from services.domain.plan.plan import Plan
from services.store import sweeps
from services.store.session import Store


def test_a_plan_is_plain_json_in_the_database_and_itself_in_python(store: Store) -> None:
    spec = paper_spec()
    sweep_id = write_sweep(store)
    raw = store.read(lambda session: session.execute(text("SELECT spec, plan FROM sweeps")).one())
    written = [json.loads(each) if isinstance(each, str) else each for each in raw]
    assert written == [spec.model_dump(mode="json"), paper_plan(spec).model_dump(mode="json")]
    sweep = store.read(lambda session: sweeps.get(session, sweep_id))
    assert (sweep.spec, sweep.plan) == (spec, paper_plan(spec))


def test_a_row_that_is_read_twice_in_a_transaction_is_decoded_once(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {write_sweep(sqlite_store) for _ in range(3)}
    validate, decoded = Plan.model_validate, []
    monkeypatch.setattr(Plan, "model_validate", lambda value: decoded.append(1) or validate(value))

    def read(session: object) -> set[str]:
        listed = sweeps.newest(session, 10)  # type: ignore[arg-type]
        again = [sweeps.get(session, sweep.id) for sweep in listed]  # type: ignore[arg-type]
        return {sweep.id for sweep in again if sweep.plan.points}

    assert sqlite_store.read(read) == ids
    assert len(decoded) == 3


@pytest.mark.parametrize("column", ["plan", "spec"])
@pytest.mark.parametrize("content", ["{}", "[1]", "3"])
def test_a_row_can_be_read_though_its_model_cannot(store: Store, column: str, content: str) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: session.execute(text(f"UPDATE sweeps SET {column} = '{content}'")))
    sweep = store.read(lambda session: sweeps.get(session, sweep_id))
    assert (sweep.name, sweep.state) == ("paper", "active")
    with pytest.raises(Unreadable, match=f"the {column} of sweep {sweep_id} cannot be read"):
        getattr(sweep, column)


def test_text_that_is_no_json_is_no_model_either(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    sqlite_store.write(lambda session: session.execute(text("UPDATE sweeps SET plan = '{not json'")))
    sweep = sqlite_store.read(lambda session: sweeps.get(session, sweep_id))
    assert sweep.spec == paper_spec()
    with pytest.raises(Unreadable):
        _ = sweep.plan
