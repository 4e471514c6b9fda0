"""The command line against a real API without workers."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plain_settings import settings_for
from pydantic import SecretStr
from served_api import ServedApi

from services.cli import main
from services.store.session import Store

EXAMPLE = Path(__file__).parents[3] / "examples" / "dropout-grid.yaml"
KEY = "k" * 32
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def database(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("cli") / "state.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def api(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API on loopback; its Redis does not answer, so no pack is ever announced."""
    settings = settings_for(database, tmp_path_factory.mktemp("api"))
    served = ServedApi(settings.model_copy(update={"api_key": SecretStr(KEY)}))
    yield served.url
    served.stop()


@pytest.fixture
def state(database: str) -> Iterator[Store]:
    """The API's database."""
    store = Store(database)
    yield store
    store.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command line in an empty folder; returns exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in ("CNNLAB_URL", "CNNLAB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cnnlab", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        code = ended.value.code
        return (code if isinstance(code, int) else int(code is not None)), out, err

    return run


@pytest.fixture
def at(run: Run, api: str) -> Run:
    """Run the command line with the API's address and key."""
    return lambda *words: run(*words, "--url", api, "--key", KEY)
