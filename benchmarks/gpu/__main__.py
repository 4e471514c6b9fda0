"""What a GPU brings, in parts that can be resumed: facts, equal numbers, and speed beside plain torch.

Run: python -m benchmarks.gpu [FOLDER] [--cpu] [--seconds 540]. Each part is written to FOLDER (build/gpu)
as soon as it ends, with a table of all; a part that is there is not measured again. Parts begin in the order
of their worth; the one that runs after so many seconds is ended, and has no result. `--cpu` tries every part
on a processor, in short.

Speeds are trial-images per second of whole training steps, batches from memory included: of an array of K
trials, its step recorded as a CUDA graph, beside a plain loop of torch for one trial, alone and in eight
processes at once. *Equal* compares, for each entry, an array whose steps are recorded with one whose are not,
bit for bit in float32 (curves, weights and states of three epochs), with one that trains in the recordings of
another pack, and with a processor in float64. *Again*
trains arrays twice, and once more from their state, and compares all of that bit for bit; *service* compares
the curves of trials whose runner was killed with undisturbed ones. *Convolutions* has the time of each way to
convolve for the tasks of each net, how far each is from float64, and the speed by the default and as chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu.equal_numbers import equality
from benchmarks.gpu.killed_runner import service
from benchmarks.gpu.parts_table import table
from benchmarks.gpu.same_bits_again import again
from benchmarks.gpu.setting import Results, Setting, machine
from benchmarks.gpu.speeds import loop_rate, speed
from benchmarks.gpu.thousand_trials import MAX_SECONDS, thousand
from benchmarks.gpu.ways_to_convolve import convolutions

FOLDER = Path("build") / "gpu"

PARTS: dict[str, Callable[[Setting], Results]] = {
    "machine": machine,
    "lenet5": speed("lenet5"),
    "convolutions": convolutions,
    "equality": equality,
    "again": again,
    "resnet-20": speed("resnet-20"),
    "service": service,
    "tutorial-cnn": speed("tutorial-cnn"),
    "thousand-trials": thousand,
}
NEEDED = {"thousand-trials": MAX_SECONDS}  # seconds that must be left for a part to begin


class TimeIsUp(BaseException):
    """A part took too long; no `Exception`, because parts note those of a single case and go on."""


def within(seconds: float, part: Callable[[Setting], Results], setting: Setting) -> Results:
    """Run a part; TimeIsUp in the middle of it after so many seconds, so that what it has started ends."""

    def end(number: int, frame: object) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return part(setting)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, help=f"for results (default {FOLDER})"
    )
    parser.add_argument("--cpu", action="store_true", help="try every part on a processor, in short")
    parser.add_argument(
        "--seconds", type=float, default=540.0, help="after which the part that runs is ended (default 540)"
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
    setting = Setting(device, 0.1 if chosen.cpu else 1.0, chosen.cpu)
    if chosen.cpu:
        torch.set_num_threads(1)  # of one that has begun, the environment changes nothing
    if chosen.loop:
        sys.stdout.write(f"{loop_rate(chosen.loop, Setting(device, chosen.duration, chosen.cpu))}\n")
        return
    chosen.folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Results] = {}
    failed = []
    for name, part in PARTS.items():
        file = chosen.folder / f"{name}.json"
        if not file.exists():
            left = chosen.seconds - (time.monotonic() - began)
            if left <= NEEDED.get(name, 0.0):
                break
            try:
                found = within(left, part, setting)
            except TimeIsUp:
                sys.stdout.write(f"{name} was ended after {left:.0f} s; run again, it begins anew\n")
                break
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
