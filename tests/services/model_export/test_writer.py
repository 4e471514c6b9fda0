"""services/model_export/writer.py: the real program in forks, its files, and plug-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")
SOURCES = Path(__file__).parents[3]

OWN_NET = '''
from torch import nn

from cnnlab.hyper import Int
from cnnlab.own_model import own_model


@own_model
def net(hidden: Int[1, 9] = 3, *, shape, classes):
    """A layer of so many units."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(hidden), nn.ReLU(), nn.LazyLinear(classes))
'''
# Leaves a resolved config and weights for it.
TRAINED = """
import json, sys, torch
from pathlib import Path
from types import SimpleNamespace
from safetensors.torch import save_file
from cnnlab.engine import net as nets
from services.api.library import Library
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

folder, model = Path(sys.argv[1]), sys.argv[2]
spec = {"name": "one", "model": model, "data": "fashion-mnist-mini", "space": {"train.l2": [0]}}
plan = make_plan(Spec.model_validate(spec), Library(), limit=1000, memory=1 << 30)
config = json.loads(json.dumps(plan.config_of(SimpleNamespace(values={"train.l2": 0.0}))))
net = nets.build(config)
start = net.start(torch.tensor([1], dtype=torch.int32))[0].float()
names = json.dumps([f"kind {i}" for i in range(10)])
metadata = {"mean": "[0.25]", "std": "[0.5]", "class_names": names}
save_file(net.named(start, net.start_buffers(1)[0].float()), folder / f"{model}.safetensors", metadata)
(folder / f"{model}.json").write_text(json.dumps(config))
"""
# Upkeep, forked from what has torch: it has each model written by a fork and by an executed program.
UPKEEP = """
import json, sys
from pathlib import Path
import torch
from cnnlab import plugins
from services.model_export import writer_process, writing

writer = writer_process.start()
folder = Path(sys.argv[1])

def write(model, how):
    place = folder / f"{model} {how}"
    place.mkdir(exist_ok=True)
    config = json.loads((folder / f"{model}.json").read_text())
    weights = folder / f"{model}.safetensors"
    served = writer if how == "forked" else None
    try:
        return writing.write(weights, config, "a trial", place, onnx=False, writer=served).__dict__
    except writing.NotWritten as error:
        return str(error)

found = {model: [write(model, "forked"), write(model, "executed")] for model in ("mlp", "small-net")}
own = folder / "models" / "small_net.py"
own.write_text("raise RuntimeError('the code of now')")
found["changed"] = [write("small-net", "forked"), write("small-net", "executed")]
found["plug-ins read here"] = plugins.read.cache_info().currsize
found["forks"] = len([name for name in sys.modules if name.startswith(plugins.PACKAGE)])
print(json.dumps(found))
"""


def run(code: str, *words: str, **settings: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1", **settings}
    command = [sys.executable, "-P", "-c", code, *words]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=120
    ).stdout


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.long
def test_a_fork_writes_what_the_executed_program_does_and_reads_plug_ins_anew(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "small_net.py").write_text(OWN_NET)
    for model in "mlp", "small-net":
        run(TRAINED, str(tmp_path), model, CNNLAB_PLUGINS=str(tmp_path))
    found = json.loads(run(UPKEEP, str(tmp_path), CNNLAB_PLUGINS=str(tmp_path)))
    for model in "mlp", "small-net":
        forked, executed = found[model]
        assert forked == executed
        assert forked["parameters"] > 1000
        assert set(files(tmp_path / f"{model} forked")) >= {"model.py", "model.safetensors"}
        same, there = files(tmp_path / f"{model} forked"), files(tmp_path / f"{model} executed")
        assert same.keys() == there.keys()
        assert {name for name in same if same[name] != there[name]} <= {"model.pt2"}, "an archive has times"
    forked, executed = found["changed"]
    assert forked == executed
    assert "the code of now" in forked
    assert found["plug-ins read here"] == found["forks"] == 0
