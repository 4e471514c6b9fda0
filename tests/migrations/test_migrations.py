"""Migrations go up, down, up again, and end at the models."""

from __future__ import annotations

import os
import subprocess
import sys

from alembic import command
from sqlalchemy import create_engine, inspect

from migrations.apply import config, downgrade, revisions, upgrade
from services.store.session import Store


def tables(url: str) -> set[str]:
    """The tables a database has, Alembic's own aside."""
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    return names


def test_down_and_up_again(database_url: str) -> None:
    before = tables(database_url)
    assert {"sweeps", "trials", "packs", "reports"} <= before
    downgrade(database_url, "base")
    assert tables(database_url) == set()
    upgrade(database_url)
    assert tables(database_url) == before


def test_a_database_has_its_revision(database_url: str) -> None:
    present, newest = revisions(database_url)
    assert present == newest is not None
    downgrade(database_url, "base")
    assert revisions(database_url) == (None, newest)


def test_the_newest_revision_is_no_different_from_the_models(database_url: str) -> None:
    command.check(config(database_url))  # raises where autogenerate would write something


def test_the_command_says_what_it_needs() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CNNLAB_DATABASE_URL"}
    result = subprocess.run(
        [sys.executable, "-m", "migrations", "upgrade"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "CNNLAB_DATABASE_URL is not set" in result.stderr


def test_constraints_have_the_names_that_the_models_give_them(store: Store) -> None:
    names = {check["name"] for check in inspect(store.engine).get_check_constraints("trials")}
    assert names == {"ck_trials_state", "ck_trials_pack", "ck_trials_epochs"}
