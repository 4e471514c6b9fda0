"""Real services for every test: Redis, PostgreSQL and MLflow on loopback, started when first asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_settings import settings_for
from servers import mlflow, postgres, redis
from servers.missing import NotInstalled, give_up

from migrations.apply import upgrade
from services.settings import Settings
from services.store.session import Store

# Set before a test imports MLflow: its telemetry changes the environment from a thread, while others read it.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Set before anything imports Triton, which reads it then: kernels run in its interpreter, without a GPU.
os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redis.Redis]:
    """One Redis for all tests; a test that kills a Redis starts its own."""
    try:
        running = redis.start()
    except NotInstalled as why:
        give_up(why)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """One PostgreSQL cluster for all tests."""
    try:
        running = postgres.start()
    except NotInstalled as why:
        give_up(why)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def mlflow_server() -> Iterator[mlflow.Mlflow]:
    """One MLflow for all tests; whoever kills it restarts it."""
    try:
        running = mlflow.start()
    except NotInstalled as why:
        give_up(why)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database at the newest revision, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def redis_url(redis_server: redis.Redis) -> str:
    """The address of a Redis that all tests share: choose a `queue_prefix` of your own."""
    return redis_server.url


@pytest.fixture
def mlflow_url(mlflow_server: mlflow.Mlflow) -> str:
    """The address of an MLflow that all tests share."""
    return mlflow_server.url


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of the test's own."""
    path = tmp_path / "state.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: postgres.Postgres) -> Iterator[str]:
    """A migrated PostgreSQL database that is the test's own while it runs."""
    with postgres_server.lent() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own, on each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on each kind of database in turn."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """A store on SQLite, for tests to which the kind of database makes no difference."""
    opened = Store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> Settings:
    """Settings that name the test's own database and folder.

    Redis and MLflow are nobody's: a test that needs them takes `redis_url` or `mlflow_url` and says
    `settings.model_copy(update={"redis_url": SecretStr(redis_url)})`.
    """
    return settings_for(store.engine.url.render_as_string(hide_password=False), tmp_path)


@pytest.fixture
def sqlite_settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """The same for tests that use `sqlite_store`."""
    return settings_for(sqlite_url, tmp_path)
