"""Run migrations from code: used by the command, by tests, and by whoever starts the service."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config


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


def downgrade(url: str, revision: str) -> None:
    """Take a database back to a revision; "base" is empty."""
    command.downgrade(config(url), revision)
