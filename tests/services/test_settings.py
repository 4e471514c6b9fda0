"""services/settings.py: what is wrong is named by its variable, before a process starts or when it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.settings import Settings

NEEDED = {"CNNLAB_DATABASE_URL": "sqlite:///x", "CNNLAB_REDIS_URL": "redis://x", "CNNLAB_FILES": "files"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CNNLAB_{name.upper()}", raising=False)


def test_an_environment_without_faults(tmp_path: Path) -> None:
    assert Settings.faults({**NEEDED, "CNNLAB_DATA": str(tmp_path), "CNNLAB_THREADS": "2"}) is None


def test_faults_are_listed_together_by_name() -> None:
    told = Settings.faults({**NEEDED, "CNNLAB_DATA": "/nowhere", "CNNLAB_THREADS": "many"})
    assert told is not None
    assert told.startswith("CNNLAB_DATA: must be a folder that exists, got '/nowhere'; CNNLAB_THREADS: ")
    assert Settings.faults({}) is not None


def test_a_short_key_is_refused_and_not_shown() -> None:
    assert Settings.faults({**NEEDED, "CNNLAB_API_KEY": "k" * 16}) is None
    fault = Settings.faults({**NEEDED, "CNNLAB_API_KEY": "changeme"})
    assert fault is not None
    assert fault.startswith("CNNLAB_API_KEY: must have at least 16 characters, got 8; make one with")
    assert "changeme" not in fault


def test_a_process_ends_with_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**NEEDED, "CNNLAB_PLUGINS": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=r"^settings: CNNLAB_PLUGINS: must be a folder that exists"):
        Settings.from_environment()


@pytest.mark.parametrize("form", ["{}\r", " {}", "'{}'"])
def test_what_an_environment_file_leaves_around_a_value_is_named_and_not_shown(form: str) -> None:
    told = Settings.faults({**NEEDED, "CNNLAB_API_KEY": form.format("a key of twenty chars")})
    assert told is not None
    assert told.startswith("CNNLAB_API_KEY: ")
    assert "white space" in told or "in quotes" in told
    assert "twenty" not in told


@pytest.mark.parametrize("chosen", ["OFF", "Off", "no", "~/k", ".", "./k", "k"])
def test_kernels_are_off_or_an_absolute_path(chosen: str) -> None:
    assert Settings.faults({**NEEDED, "CNNLAB_KERNELS": chosen}) == (
        f"CNNLAB_KERNELS: must be off, or the absolute path of a folder, got {chosen!r}"
    )


def test_a_file_is_no_folder_of_kernels(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fault = Settings.faults({**NEEDED, "CNNLAB_KERNELS": str(tmp_path / "file")})
    assert fault is not None
    assert fault.endswith(f"got '{tmp_path}/file', which is a file")
    for chosen in ("off", "", str(tmp_path), str(tmp_path / "new")):
        assert Settings.faults({**NEEDED, "CNNLAB_KERNELS": chosen}) is None


@pytest.mark.parametrize("variable", ["CNNLAB_KERNELS", "CNNLAB_GRAPHS"])
def test_off_with_white_space_is_refused(variable: str) -> None:
    assert "white space" in (Settings.faults({**NEEDED, variable: "off "}) or "")


def test_graphs_are_off_or_not_set() -> None:
    assert Settings.faults({**NEEDED, "CNNLAB_GRAPHS": "no"}) == (
        "CNNLAB_GRAPHS: must be off, or not set, got 'no'"
    )
    for chosen in ("off", ""):
        assert Settings.faults({**NEEDED, "CNNLAB_GRAPHS": chosen}) is None
