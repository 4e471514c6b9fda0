"""The servers that tests start end with them, even when the tests are killed."""

from __future__ import annotations

import importlib.util
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from servers import postgres
from servers.missing import NotInstalled, give_up

PROGRAM = """
import signal, sys, time
from servers.process import Folder, Server
server = Server(["sleep", "600"], Folder("guarded"), stop=signal.SIGTERM)
print(server.pid, server.folder.path, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_dies_with_the_tests(death: signal.Signals) -> None:
    tests = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with tests:
        assert tests.stdout
        number, folder = tests.stdout.readline().split()
        assert psutil.pid_exists(int(number))
        tests.send_signal(death)
    end = time.monotonic() + 20
    while (psutil.pid_exists(int(number)) or Path(folder).exists()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(number))
    assert not Path(folder).exists()


def test_a_missing_server_fails_in_ci_and_is_skipped_with_a_reason_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    ends = (pytest.fail.Exception, pytest.skip.Exception)
    with pytest.raises(ends, match="no Redis") as in_ci:
        give_up(NotInstalled("no Redis here"))
    assert in_ci.type is pytest.fail.Exception
    monkeypatch.delenv("CI")
    with pytest.raises(ends, match="no Redis") as elsewhere:
        give_up(NotInstalled("no Redis here"))
    assert elsewhere.type is pytest.skip.Exception


def test_a_database_is_lent_again_without_rows_and_without_those_who_used_it(
    postgres_server: postgres.Postgres,
) -> None:
    with postgres_server.lent() as first:
        user = psycopg.connect(first.replace("+psycopg", ""))
        user.execute("INSERT INTO speeds VALUES ('shape', 'kind', 1, 1.0, 1)")
        user.commit()
        user.execute("LOCK TABLE speeds")  # and the transaction stays open
    with postgres_server.lent() as second:
        assert second == first
        with psycopg.connect(second.replace("+psycopg", "")) as reader:
            assert reader.execute("SELECT count(*) FROM speeds").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        user.execute("SELECT 1")
    user.close()


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX ix_trials_pack_id",
        "ALTER TABLE speeds ADD note text",
        "ALTER TABLE speeds ALTER images_per_s DROP NOT NULL",
        "CREATE TABLE more ()",
        "ALTER TABLE speeds ADD CHECK (width > 0)",
        "ANALYZE alembic_version",
    ],
)
def test_a_database_whose_schema_was_changed_is_lent_to_nobody(
    postgres_server: postgres.Postgres, change: str
) -> None:
    with postgres_server.lent() as first, psycopg.connect(first.replace("+psycopg", "")) as user:
        user.execute(change.encode())
    with postgres_server.lent() as second:
        assert second != first


@pytest.mark.long
def test_the_wheels_postgresql_serves_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec(postgres.WHEEL)
    assert found is not None
    assert found.origin is not None
    wheel = Path(found.origin).parent / "pginstall" / "bin"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert postgres.binaries() == wheel
    monkeypatch.undo()
    monkeypatch.setattr(postgres, "binaries", lambda: wheel)
    monkeypatch.setattr(postgres, "_account", lambda: pwd.getpwnam("nobody"))
    running = postgres.start()
    try:
        running.drop(running.create())
    finally:
        running.server.stop()
