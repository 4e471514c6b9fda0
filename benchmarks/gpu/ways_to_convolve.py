"""Ways to convolve: how long each takes for the tasks of a net, how exact it is, what the choice brings."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.gpu.setting import Results, Setting
from benchmarks.gpu.speeds import array_steps, steps_rate
from cnnlab.engine.way_timer import way_timer
from cnnlab.kernels import library, ways
from cnnlab.kernels.convolution_way import ConvolutionTask
from cnnlab.kernels.way_choices import DEFAULT, Timer
from cnnlab.precision import PRECISIONS

# How many trials of each net; in short two of one net.
TIMED = {"lenet5": (64, 256), "tutorial-cnn": (16,), "resnet-20": (16,)}
TIMED_PRECISIONS = ("float32", "bfloat16")
TOGETHER = (1, 4)  # steps in one recording
EXACT = (2, 3, 5, 14, 13, 6, 5, (2, 1))  # images, rows, inputs, height, width, outputs, kernel, padding


def convolutions(setting: Setting) -> Results:
    """Time and check every way."""
    with PRECISIONS["float32"].rounds(torch.device(setting.device)):
        found: Results = {"errors": errors(setting.device), "timed": []}
    nets = {"lenet5": (2,)} if setting.short else TIMED
    for net, widths in nets.items():
        for rows in widths:
            for precision in TIMED_PRECISIONS[:1] if setting.short else TIMED_PRECISIONS:
                found["timed"].append(
                    {
                        "net": net,
                        "trials": rows,
                        "precision": precision,
                        **timed(net, rows, precision, setting),
                    }
                )
                if setting.device == "cuda":
                    torch.cuda.empty_cache()
    return found


def timed(net: str, rows: int, precision: str, setting: Setting) -> Results:
    """Return milliseconds of each way for each task, and images per second by the default and as chosen."""
    device, lines = torch.device(setting.device), list[tuple[str, float]]()
    timer = way_timer(device, *([1] if setting.short else []))
    with library.torch_alone():  # the compiled library would take what is pooled
        steps, count = array_steps(net, rows, precision, setting, _noting(timer, lines))
        chosen = steps._array.ways
        tasks: dict[str, dict[str, float]] = {}
        for name, seconds in lines:
            if name == DEFAULT:  # the first of each task
                task = chosen.met[len(tasks)]
                tasks[task] = {}
            tasks[task][name] = round(seconds * 1e3, 4)
        count = 1 if setting.short else count
        rates = {
            f"as chosen, {most} at once": steps_rate(steps, rows, count, most, setting) for most in TOGETHER
        }
        plain, _ = array_steps(net, rows, precision, setting, lambda name, function: 0.0)
        rates[DEFAULT] = steps_rate(plain, rows, count, plain.together, setting)
    return {"ms": tasks, "chosen": chosen.chosen, "left out": chosen.left_out, "images/s": rates}


def errors(device: str) -> Results:
    """Return how far outputs and gradients of each way are from float64 on a processor, relative."""
    images, rows, inputs, height, width, outputs, side, padding = EXACT
    random = torch.Generator().manual_seed(0)
    sizes = (images, rows, inputs, height, width), (rows, outputs, inputs, side, side), (rows, outputs)
    given = [torch.randn(*size, generator=random, dtype=torch.float64) for size in sizes]
    found: Results = {}
    for name in ways.names():
        for pooled in (None, "none", "behind", "before"):

            def outcome(way: str, own: list[Tensor], pooled: str | None = pooled) -> list[Tensor]:
                leaves = [each.requires_grad_() for each in own]
                if pooled is None:
                    y = ways.get(way).convolve(*leaves, padding, 1)
                else:
                    y = ways.get(way).convolve_and_pool(*leaves, padding, pooled)  # type: ignore[arg-type]
                slope = torch.linspace(-1, 1, y.numel(), dtype=y.dtype, device=y.device).view(y.shape)
                return [y.detach(), *torch.autograd.grad((y * slope).sum(), leaves)]

            case = f"{name}{'' if pooled is None else f' max-pool {pooled}'}"
            single = [each.detach().to(device, torch.float32) for each in given]
            task = ConvolutionTask.of(single[0], single[1], padding, 1, pooled)  # type: ignore[arg-type]
            if not ways.get(name).takes(task, single[0]):
                found[case] = "not for this device"
                continue
            try:
                pairs = zip(outcome(name, single), outcome(DEFAULT, [g.detach() for g in given]), strict=True)
                found[case] = max(float((a.cpu() - b).abs().max() / b.abs().max()) for a, b in pairs)
            except Exception as error:
                found[case] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return found


def _noting(timer: Timer, lines: list[tuple[str, float]]) -> Timer:
    def seconds(name: str, function: Callable[[], None]) -> float:
        lines.append((name, timer(name, function)))
        return lines[-1][1]

    return seconds
