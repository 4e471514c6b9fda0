"""services/cli/doctor/service.py."""

from __future__ import annotations

import os

from migrations.apply import downgrade
from services.cli.doctor import service


def test_a_schema_that_is_not_the_newest(sqlite_url: str) -> None:
    assert service.database(sqlite_url, os.environ).level == "ok"
    downgrade(sqlite_url, "base")
    found = service.database(sqlite_url, os.environ)
    assert (found.level, found.remedy) == ("missing", "python -m migrations upgrade")
    away = service.database("sqlite:////nowhere/state.db", os.environ)
    assert (away.level, away.remedy) == ("missing", "start the database, or correct its address")
