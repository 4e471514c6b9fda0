"""What a GPU brings, in parts that can be resumed: facts, equal numbers, and speed beside plain torch.

Run: python -m benchmarks.gpu [FOLDER] [--cpu] [--seconds 540]. Each part is written to FOLDER (build/gpu)
as soon as it ends, with a table of all; a part that is there is not measured again. Parts begin in the order
of their worth, and none after so many seconds. `--cpu` tries every part on a processor, in short.

Speeds are trial-images per second of whole training steps, batches from memory included: of an array of K
trials, its step recorded as a CUDA graph, beside a plain loop of torch for one trial, alone and in eight
processes at once. *Equal* compares, for each entry, an array whose steps are recorded with one whose are not,
bit for bit in float32, and with a processor in float64.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks import step
from cnnlab import registry, resolve
from cnnlab.batching.on_device import Part
from cnnlab.batching.streams import Streams
from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import EpochSteps
from cnnlab.engine.net import Net, build
from cnnlab.engine.recorded import Recorder
from cnnlab.fit import Fit, Row
from cnnlab.optimizer import Rule
from services import gpus

FOLDER = Path("build") / "gpu"
PROCESSES = 8  # plain loops at once
STEPS = 20  # of a plain loop, before the clock waits for a GPU
CLOSE = 1e-8  # relative difference of parameters in float64, GPU against processor
WIDTHS = {
    "lenet5": (1, 8, 32, 64, 128, 256, 512),
    "resnet-20": (1, 4, 16, 32),
    "tutorial-cnn": (1, 4, 16, 32),
}
PRECISIONS = ("float32", "tf32")
RATES = [round(0.01 * 1.1**i, 6) for i in range(32)]  # of the grid of 256 trials
MAX_SERVICE_SECONDS = 240.0
DECAYS = [0.0, *(10.0**-e for e in range(6, 2, -1)), 0.002, 0.005, 0.01]
MLP = {"name": "mlp", "hidden": [16], "dropout": 0.3}

Results = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """Where the parts run, and whether in short."""

    device: str
    seconds: float  # that a speed is measured for
    short: bool

    def widths(self, net: str) -> tuple[int, ...]:
        """Return how many trials an array has, one after the other."""
        return WIDTHS[net][:2] if self.short else WIDTHS[net]


def machine(setting: Setting) -> Results:
    """Describe the device, torch and the driver."""
    found: Results = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "gpus": [str(gpu) for gpu in gpus.look().gpus],
    }
    if setting.device == "cuda":
        facts = torch.cuda.get_device_properties(0)
        capability = f"{facts.major}.{facts.minor}, {facts.multi_processor_count} multiprocessors"
        found |= {
            "name": facts.name,
            "memory GiB": round(facts.total_memory / 2**30, 1),
            "capability": capability,
        }
    return found


def cases() -> dict[str, dict[str, Any]]:
    """Return a config for each entry whose step can be recorded."""
    found: dict[str, dict[str, Any]] = {}
    for name in registry.names("optimizers"):
        entry = registry.get("optimizers", name)
        if issubclass(entry, Rule) and entry.max_parameters is None:
            found[f"optimizer {name}"] = {"train": {"optimizer": name}}
    for name in registry.names("schedules"):
        found[f"schedule {name}"] = {"train": {"schedule": name, "optimizer": "momentum"}}
    for name in registry.names("regularizers"):
        found[f"penalty {name}"] = {"train": {name: 0.001}}
    for name, amount in (("flip", 0.5), ("pad-crop", 2)):
        found[f"augmentation {name}"] = {"data": {"name": "fashion-mnist-mini", name: amount}}
    for name in registry.names("activations"):
        found[f"activation {name}"] = {"model": {**MLP, "activation": name}}
    for name in ("lenet5", "lenet5-1998", "maxout-conv", {"name": "cifar-resnet", "depth": 8}):
        found[f"model {name if isinstance(name, str) else name['name']}"] = {"model": name}
    return found


def trained(config: dict[str, Any], device: str, precision: str, recorded: bool, steps: int) -> torch.Tensor:
    """Return the parameters of two trials, (2, P), after some steps."""
    body = {"model": MLP, "data": "fashion-mnist-mini", **config}
    body["train"] = {**body.get("train", {}), "precision": precision}
    fit = Fit([Row(resolve(body), seed) for seed in (1, 2)], device)
    fit.recorder.records &= recorded
    fit._steps.begin(1)
    for _ in range(steps):
        fit._steps.advance(128)
    if fit.recorder.refused:
        raise RuntimeError(fit.recorder.refused)
    return fit.array.theta.cpu()


def equality(setting: Setting) -> Results:
    """Compare recorded, uncaptured and processor for each entry; in short only a few."""
    found: Results = {}
    chosen = [*cases().items()]
    for name, config in chosen[:: len(chosen) // 6] if setting.short else chosen:
        try:
            recorded, eager = (trained(config, setting.device, "float32", each, 12) for each in (True, False))
            there, here = (trained(config, device, "float64", True, 6) for device in (setting.device, "cpu"))
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
            continue
        scale = here.abs().max().clamp(min=1e-30)
        found[name] = {
            "recorded is eager": torch.equal(recorded, eager),
            "float64 from a processor": float((there - here).abs().max() / scale),
        }
    return found


def array_steps(net: str, rows: int, device: str) -> tuple[EpochSteps, int]:
    """Return the steps of an array of so many trials of a net, and how many an epoch has."""
    data = "cifar10" if net == "resnet-20" else "fashion-mnist-mini"
    train = {"batch_size": step.BATCH, "l2": 1e-4, "optimizer": {"name": "momentum", "lr": 0.01}}
    config = resolve({"model": step.MODELS[net], "data": data, "train": train})
    own = Net(step.tutorial_cnn(), (1, 28, 28)) if net == "tutorial-cnn" else build(config)
    array = Array(own, [config] * rows, list(range(rows)), device)
    stored, y = (tensor.to(device) for tensor in step.images(net))
    channels = stored.shape[3]
    part = Part(
        stored, y, torch.full((channels,), 1 / 255, device=device), torch.zeros(channels, device=device)
    )
    streams = Streams(part, config["data"], step.BATCH, 0, [(0, 0)] * rows, False)
    return EpochSteps(array, streams, len(part), Recorder(array.device)), len(part) // step.BATCH


def rate(take: Callable[[], object], images: int, seconds: float, device: str) -> float:
    """Return images per second of a function that trains on so many, by the clock, after a first call."""

    def finished() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    take()
    began, done = finished(), 0
    while True:
        take()
        done += 1
        if (now := finished()) - began >= seconds:
            return done * images / (now - began)


def array_rate(net: str, rows: int, precision: str, setting: Setting) -> Results:
    """Measure an array of so many trials."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    if setting.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    steps, count = array_steps(net, rows, setting.device)
    count = 1 if setting.short else count

    def epoch() -> None:
        steps.begin(1)
        for _ in range(count):
            steps.advance(step.BATCH)

    found: Results = {"images/s": rate(epoch, rows * count * step.BATCH, setting.seconds, setting.device)}
    if steps.recorder.refused:
        found["eager"] = steps.recorder.refused
    if setting.device == "cuda":
        found["memory GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return found


def loop_rate(net: str, setting: Setting) -> float:
    """Measure a plain loop of torch for one trial."""
    take, count = step.loop(net, tuned=False, device=setting.device), 1 if setting.short else STEPS

    def several() -> None:
        for _ in range(count):
            take()

    return rate(several, count * step.BATCH, setting.seconds, setting.device)


def loops_at_once(net: str, setting: Setting) -> float:
    """Measure the sum of plain loops in processes of their own, all at once."""
    count = 2 if setting.short else PROCESSES
    command = [sys.executable, "-m", "benchmarks.gpu", "--loop", net, "--for", str(2 * setting.seconds)]
    command += ["--cpu"] if setting.device == "cpu" else []
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    return sum(float(each.communicate()[0].split()[-1]) for each in running)


def speed(net: str) -> Callable[[Setting], Results]:
    """Return the part that measures a net."""

    def measure(setting: Setting) -> Results:
        one, many = loop_rate(net, setting), loops_at_once(net, setting)
        found: Results = {"plain loop": one, "plain loops at once": many, "arrays": []}
        for rows in setting.widths(net):
            for precision in PRECISIONS[:1] if setting.short else PRECISIONS:
                try:
                    measured = array_rate(net, rows, precision, setting)
                except torch.OutOfMemoryError:
                    measured = {"error": "out of memory"}
                found["arrays"].append({"trials": rows, "precision": precision, **measured})
                if setting.device == "cuda":
                    torch.cuda.empty_cache()
        return found

    return measure


def service(setting: Setting) -> Results:
    """Train a grid of LeNet-5 over HTTP and kill the runner once: seconds to the end, memory left over."""
    from services.client import Client
    from services.domain.states import SWEEP_FINAL
    from services.stack import ports
    from services.stack.stack import Stack

    free = torch.cuda.mem_get_info()[0] if setting.device == "cuda" else 0
    rates, decays = ([0.01, 0.02], [0.0, 0.001]) if setting.short else (RATES, DECAYS)
    spec = {
        "name": "gpu",
        "model": {"name": "lenet5"},
        "data": "fashion-mnist-mini",
        "train": {"epochs": 3, "optimizer": {"name": "momentum"}},
        "space": {"train.optimizer.lr": rates, "train.l2.strength": decays},
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), (ports.free(), ports.free()), 1, lambda text: None) as stack,
    ):
        stack.take_folder()
        stack.start()
        stack.wait_until_ready()
        with Client(stack.api, stack.key) as client:
            began, killed, final = time.monotonic(), False, 0.0
            sweep = client.submit(spec)
            while not final or sweep["mlflow"]["runs"] < sweep["trials"]["total"]:
                if time.monotonic() - began > MAX_SERVICE_SECONDS:
                    raise TimeoutError(f"the sweep has not ended: {sweep['trials']}")
                stack.keep_alive()
                sweep = client.sweep(sweep["id"])
                if not killed and sweep["trials"].get("running"):
                    killed = kill_runner()
                if sweep["state"] in SWEEP_FINAL:
                    final = final or time.monotonic() - began
                time.sleep(0.1)
            found = {
                "trials": sweep["trials"],
                "state": sweep["state"],
                "runner killed": killed,
                "final after s": round(final, 1),
                "in MLflow after s": round(time.monotonic() - began, 1),
            }
    if setting.device == "cuda":
        found["MiB not freed"] = (free - torch.cuda.mem_get_info()[0]) // 2**20
    return found


def kill_runner() -> bool:
    """Kill the process that trains; returns whether there was one."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may just have ended
            if "workers.runner" in process.cmdline():
                process.kill()
                return True
    return False


PARTS: dict[str, Callable[[Setting], Results]] = {
    "machine": machine,
    "lenet5": speed("lenet5"),
    "equality": equality,
    "resnet-20": speed("resnet-20"),
    "service": service,
    "tutorial-cnn": speed("tutorial-cnn"),
}


def table(results: dict[str, Results]) -> str:
    """Return all parts as Markdown."""
    lines = [f"{name}: {value}  " for name, value in results.get("machine", {}).items()]
    for net in WIDTHS:
        if net not in results:
            continue
        found = results[net]
        one, many = found["plain loop"], found["plain loops at once"]
        lines += [
            "",
            f"## {net}",
            "",
            f"A plain loop of one trial {one:,.0f} images/s; several at once {many:,.0f}.",
            "",
            "| trials | precision | trial-images/s | × one loop | × loops at once | memory GiB |",
            "|---|---|---|---|---|---|",
        ]
        for row in found["arrays"]:
            first = f"| {row['trials']} | {row['precision']} |"
            if "error" in row:
                lines.append(f"{first} {row['error']} | | | |")
                continue
            own = row["images/s"]
            eager = " (eager)" if "eager" in row else ""
            memory = row.get("memory GiB", "")
            lines.append(f"{first} {own:,.0f}{eager} | {own / one:.1f} | {own / many:.1f} | {memory} |")
    if "service" in results:
        lines += ["", "## The service, a runner killed once", ""]
        lines += [f"{name}: {value}  " for name, value in results["service"].items()]
    if "equality" in results:
        lines += ["", "## Equal numbers", "", "| entry | recorded is eager | float64 |", "|---|---|---|"]
        for name, row in results["equality"].items():
            if "error" in row:
                lines.append(f"| {name} | {row['error']} | |")
                continue
            away = row["float64 from a processor"]
            close = f"{away:.1e}" + ("" if away <= CLOSE else ", too far")
            lines.append(f"| {name} | {'yes' if row['recorded is eager'] else 'no'} | {close} |")
    return "\n".join(lines) + "\n"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, help=f"for results (default {FOLDER})"
    )
    parser.add_argument("--cpu", action="store_true", help="try every part on a processor, in short")
    parser.add_argument(
        "--seconds", type=float, default=540.0, help="after which no part begins (default 540)"
    )
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    parser.add_argument("--for", dest="duration", type=float, default=2.0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure what is missing, or one plain loop for `loops_at_once`."""
    began, chosen = time.monotonic(), options()
    if not chosen.cpu and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU here; --cpu tries every part on a processor, in short")
    device = "cpu" if chosen.cpu else "cuda"
    setting = Setting(device, 0.3 if chosen.cpu else 1.0, chosen.cpu)
    if chosen.loop:
        sys.stdout.write(f"{loop_rate(chosen.loop, Setting(device, chosen.duration, chosen.cpu))}\n")
        return
    chosen.folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Results] = {}
    failed = []
    for name, part in PARTS.items():
        file = chosen.folder / f"{name}.json"
        if not file.exists():
            if time.monotonic() - began > chosen.seconds:
                break
            try:
                found = part(setting)
            except Exception as error:  # the parts behind it may still succeed
                failed.append(f"{name} failed: {type(error).__name__}: {error}")
                sys.stdout.write(f"{failed[-1]}\n")
                continue
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        results[name] = json.loads(file.read_text(encoding="utf-8"))
        (chosen.folder / "table.md").write_text(table(results), encoding="utf-8")
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s: {name}\n")
        sys.stdout.flush()
    sys.stdout.write(table(results))
    sys.exit("\n".join(failed) or None)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
