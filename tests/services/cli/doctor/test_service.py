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


def test_what_holds_sweeps_up() -> None:
    blocker = {"kind": "refused", "message": "the data has changed", "since": None, "remedy": "restore it"}
    held = {"id": "3f81c09a2e", "name": "grid", "blockers": [blocker]}
    [found] = service.sweeps([held, {"id": "b", "name": "fine", "blockers": []}])
    assert (found.level, found.name, found.says) == ("warn", "sweep 3f81c09a2e", "grid: the data has changed")
    assert found.remedy == "restore it"
    [fine] = service.sweeps([{"id": "b", "name": "fine", "blockers": []}])
    assert (fine.level, fine.says) == ("ok", "1 unfinished sweep, none is held up")


def test_claimed_devices_have_precisions_that_all_have_and_some_that_one_has() -> None:
    slot, gpu = (
        {"id": name, "name": model, "precisions": ["float32", "float64"]}
        for name, model in (("box/cpu:0", "core 0"), ("GPU-a", "H200"))
    )
    both = "2 devices claimed: box/cpu:0 (core 0), GPU-a (H200); precisions: float32, float64"
    assert service.claimed([slot, gpu]) == both
    gpu["precisions"] = ["float32", "float64", "bfloat16"]
    assert service.claimed([gpu]).endswith(" claimed: GPU-a (H200); precisions: float32, float64, bfloat16")
    assert service.claimed([slot, gpu]) == f"{both}; bfloat16 on GPU-a"


def test_workers_that_train_nothing_beside_others_say_why() -> None:
    device = {"id": "GPU-a", "alive": True, "worker": "box:1"}
    aside = {"id": "GPU-b", "alive": False, "worker": None}
    says = "waits: every device of this host is claimed by another worker (GPU-a by box:1); stop this worker"
    seen = [{"id": "box:1", "says": "idle on GPU-a"}, {"id": "box:2", "says": says}]
    [found] = service.idle_workers({"devices": [device, aside], "workers": seen})
    assert (found.level, found.name, found.remedy) == ("warn", "worker box:2", "stop this worker")
    assert found.says == says.partition("; ")[0]
    seen[1]["says"] = "has claimed GPU-b"
    [unexplained] = service.idle_workers({"devices": [device], "workers": seen})
    assert unexplained.remedy == "see its log"
    assert list(service.idle_workers({"devices": [aside], "workers": seen})) == []  # another line says it
