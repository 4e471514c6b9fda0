"""workers/listeners/pack_log.py: what the log holds, its limit, and a disk that does not take it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.domain.retry import Failure
from workers.listeners import pack_log
from workers.listeners.pack_log import PackLog
from workers.messages import Failed, Stopped


def test_output_and_the_trace_of_a_failure_are_appended(tmp_path: Path) -> None:
    for attempt in (b"one\n", b"two\n"):
        log = PackLog(tmp_path, "p")
        log.on_output(attempt)
        log.close()
    log = PackLog(tmp_path, "p")
    log.on_message(Stopped("p", None))
    log.on_message(Failed("p", Failure.SPEC, "short", "Traceback: \udc80"))
    log.close()
    assert (tmp_path / "packs" / "p" / "log.txt").read_bytes() == b"one\ntwo\nTraceback: ?"


def test_what_is_beyond_the_limit_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_log, "MAX_LOG_BYTES", 5)
    log = PackLog(tmp_path, "p")
    for piece in (b"abc", b"def", b"ghi"):
        log.on_output(piece)
    log.close()
    assert (tmp_path / "packs" / "p" / "log.txt").read_bytes() == b"abcde"


def test_a_folder_that_cannot_be_made_costs_the_log_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "packs").write_text("a file")
    log = PackLog(tmp_path, "p")
    log.on_output(b"lost")
    log.close()
    assert "pack p is trained without a log" in caplog.text


def test_a_full_disk_costs_the_log_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "packs" / "p").mkdir(parents=True)
    (tmp_path / "packs" / "p" / "log.txt").symlink_to("/dev/full")
    log = PackLog(tmp_path, "p")
    log.on_output(b"lost")
    log.close()


def test_a_pack_that_prints_nothing_has_no_log(tmp_path: Path) -> None:
    log = PackLog(tmp_path, "p")
    log.on_output(b"")
    log.close()
    assert list(tmp_path.iterdir()) == []
