"""The command line against a real API without workers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from servers.process import Folder, Server, free_port

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
def api(database: str) -> Iterator[str]:
    """The API in its own process; its Redis does not answer, so no pack is ever announced."""
    folder, port = Folder("api"), free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "services.api.app:from_environment",
        "--port",
        str(port),
    ]
    env = {
        "CNNLAB_DATABASE_URL": database,
        "CNNLAB_REDIS_URL": "redis://127.0.0.1:1/0",
        "CNNLAB_FILES": str(folder.path),
        "CNNLAB_API_KEY": KEY,
        "PYTHONPATH": os.pathsep.join([str(EXAMPLE.parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    server, url = Server(command, folder, env=env), f"http://127.0.0.1:{port}"
    server.wait_until(lambda: _answers(f"{url}/health"), 60)
    yield url
    server.stop()


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


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).is_success
    except httpx2.HTTPError:
        return False
