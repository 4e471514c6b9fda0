"""Run migrations from code: used by the command, by tests, and by whoever starts the service."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine


def config(url: str) -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    result = Config()
    result.set_main_option("script_location", str(Path(__file__).parent))
    result.set_main_option("path_separator", "os")
    result.attributes["url"] = url
    return result


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision."""
    command.upgrade(config(url), revision)


def revisions(url: str) -> tuple[str | None, str | None]:
    """The revision that a database has, and the newest one; None for a database without tables."""
    newest = ScriptDirectory.from_config(config(url)).get_current_head()
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), newest
    finally:
        engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Take a database back to a revision; "base" is empty."""
    command.downgrade(config(url), revision)
