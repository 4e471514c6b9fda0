"""`cnnlab demo`, as a newcomer runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[4]


def test_the_demo_trains_the_example_and_leaves_nothing_running(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("CNNLAB_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOUSE), env.get("PYTHONPATH", "")]))
    demo = subprocess.run(
        [sys.executable, "-c", "from services.cli import main; main()", "demo", "--json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert demo.returncode == 0, demo.stderr
    result = json.loads(demo.stdout)
    assert result["sweep"]["state"] == "succeeded"
    assert result["sweep"]["trials"]["succeeded"] == 18
    assert len(result["leaderboard"]) == 10
    assert "viewStateShareKey=" in result["mlflow"]
    assert not (tmp_path / ".cnnlab" / "running.json").exists()
