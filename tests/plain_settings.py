"""Settings for tests, with nothing in them that a test did not ask for."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from services.settings import Settings


def settings_for(database_url: str, folder: Path) -> Settings:
    """Settings with nothing but a database and a folder for files; the Redis port is one that refuses."""
    files = folder / "files"
    files.mkdir(exist_ok=True)
    return Settings(
        database_url=database_url,
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        files=files,
        allowed_hosts="testserver",  # the name that the framework's client in the same process uses
    )
