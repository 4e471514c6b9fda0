"""`cnnlab demo`, as a newcomer runs it, but for one epoch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.commands.demo import EXAMPLE

HOUSE = Path(__file__).parents[4]
PROGRAM = """
import sys
from pathlib import Path
from services.cli import main
from services.cli.commands import demo
demo.EXAMPLE = Path(sys.argv.pop())
main()
"""


@pytest.mark.long
def test_the_demo_trains_the_example_and_leaves_nothing_running(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("CNNLAB_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOUSE), env.get("PYTHONPATH", "")]))
    example, short = EXAMPLE.read_text(encoding="utf-8"), tmp_path / "short.yaml"
    assert "epochs: 3" in example
    short.write_text(example.replace("epochs: 3", "epochs: 1"), encoding="utf-8")
    demo = subprocess.run(
        [sys.executable, "-c", PROGRAM, "demo", "--json", str(short)],
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
