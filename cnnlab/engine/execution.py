"""How the steps of an array are carried out: recorded or called, by which operations, in which precision."""

from dataclasses import dataclass
from typing import Literal

import torch

from cnnlab.engine.array import Array
from cnnlab.engine.epoch_steps import STEPS
from cnnlab.engine.recorded import Recorder
from cnnlab.engine.step_traces import StepTraces
from cnnlab.kernels import library


@dataclass(frozen=True)
class Execution:
    """What carries out the steps of an array.

    `steps` are recorded once and repeated, as a graph on a GPU and as a trace on a processor, or called layer
    by layer. `reason` is why they are called, or something else of an epoch, as an evaluation. `kernels` is
    the compiled library, or "torch" where torch's operations serve alone. `precision` is what the config asks
    for. `rows` is how they pass through the net (engine/row_by_row.py).
    `memory` is the most that torch has held of a GPU, in bytes, since the process last reset that number.
    """

    steps: Literal["recorded", "called"]
    kernels: str
    precision: str
    rows: Literal["together", "one by one"]
    reason: str = ""
    memory: int = 0


def execution_of(array: Array, recorder: Recorder, traces: StepTraces) -> Execution:
    """Return what carries out the steps of an array that one of the two is to record.

    Whether one can be recorded shows in the first steps: ask after those.
    """
    on_cpu = array.device.type == "cpu"
    refused = traces.refused if on_cpu else recorder.refused
    reason = "; ".join(dict.fromkeys(refused.values()))
    if not array.repeats:
        steps, reason = False, "what its optimizers do next depends on numbers that the device computes"
    elif not (traces.on if on_cpu else recorder.records):
        steps, reason = False, "CNNLAB_GRAPHS is off"
    elif on_cpu:
        steps = len(traces) > 0
    else:
        steps = not any(isinstance(name, tuple) and name[0] == STEPS for name in refused)
    compiled = library.load(array.dtype).name if on_cpu else None
    return Execution(
        steps="recorded" if steps else "called",
        kernels=compiled or "torch",
        precision=array.configs[0]["train"]["precision"],
        rows="one by one" if array.one_by_one else "together",
        reason=reason,
        # What torch has taken of the GPU, not what tensors fill of it: so much must be free.
        memory=0 if on_cpu else torch.cuda.max_memory_reserved(array.device),
    )
