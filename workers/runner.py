"""Training, in a process of its own that needs neither SQL nor Celery nor MLflow.

    python -m workers.runner PARENT_PID READ_FD WRITE_FD

It loads torch, waits for `UseDevice` and sends `RunnerReady`, then trains packs one after another: after each
epoch but the last it sends `EpochDone` and waits for `Go` (the epoch is committed) or `Stop`. After an error
that may have harmed the process it sends `Failed` and ends. Its use of a GPU has not yet run on one.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback

from services import gpus
from services.domain.retry import Failure
from services.host import end_with_parent, processor
from workers import checkpoints
from workers.kept_fit import KeptFit
from workers.messages import CheckpointDamaged, Failed, Machine, Run, RunnerReady, UseDevice
from workers.pack_training import PackTraining
from workers.wire import Wire


def main() -> int:
    """Train packs until the supervisor closes the wire."""
    parent, read_fd, write_fd = (int(word) for word in sys.argv[1:4])
    end_with_parent(parent, signal.SIGKILL)
    import torch

    from cnnlab import fit, registry  # noqa: F401 (the first pack would import it)
    from cnnlab.kernels import library

    wire = Wire(read_fd, write_fd)
    torch.set_num_threads(torch.get_num_threads())  # fixes the pool to what OMP_NUM_THREADS asked for
    registry.plugins_digest()  # read now, as the supervisor has: a later edit is for a later process
    use = wire.receive()
    if not isinstance(use, UseDevice):  # the worker has ended before it claimed a device
        return 0
    # Torch reads it at the first use of a GPU, which comes later.
    os.environ["CUDA_VISIBLE_DEVICES"] = use.gpu
    reason = unusable(use.gpu)
    missed = [] if use.gpu else [kernels.reason for kernels in library.load_all().values()]
    wire.send(RunnerReady(machine(use.gpu if not reason else ""), next(filter(None, missed), ""), reason))
    kept = KeptFit()
    while message := wire.receive():
        if isinstance(message, Run) and not serve(message, wire, kept):
            return 1
    return 0


def serve(run: Run, wire: Wire, kept: KeptFit) -> bool:
    """Train one pack and report how it failed if it does; return whether this process can train another.

    After a failure nothing is kept for the next one.
    """
    from cnnlab import errors
    from cnnlab.data import DamagedData, DataError
    from cnnlab.plugin_failure import describe_failure

    try:
        PackTraining(run, wire, kept).run()
    except checkpoints.DamagedFile as error:
        kept.drop()
        wire.send(CheckpointDamaged(run.pack, error.checkpoint, str(error)))
    except (DataError, errors.RegistryError) as error:
        kept.drop()
        # The planned content itself is wrong on every host; other content, or none, on this one.
        failure = Failure.SPEC if isinstance(error, DamagedData) else Failure.HOST
        wire.send(Failed(run.pack, failure, str(error), traceback.format_exc()))
    except errors.CnnlabError as error:
        kept.drop()
        wire.send(Failed(run.pack, Failure.SPEC, str(error), traceback.format_exc()))
    except Exception as error:
        lacks_memory, by_device = _out_of_memory(error), _by_device(error)
        kind = "out of memory" if lacks_memory else type(error).__name__
        other = Failure.HOST if by_device or isinstance(error, OSError) else Failure.CRASHED
        failure = Failure.MEMORY if lacks_memory else other
        message = describe_failure(error) or f"{kind}: {error}"
        wire.send(Failed(run.pack, failure, message, traceback.format_exc(), by_device))
        return False
    free_memory()  # here nothing holds the pack any more, not even an error that ended it, but what is kept
    return True


def free_memory() -> None:
    """Give the GPU's memory back, which torch would keep for arrays of the last pack's shapes."""
    import torch

    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        gc.collect()  # what refers to itself goes only now
        torch.cuda.empty_cache()


def unusable(gpu: str) -> str:
    """Why torch cannot use the GPU that this process may see, and what to do; empty if it can or has none."""
    import torch

    if not gpu:
        return ""
    try:
        if torch.cuda.is_available():
            torch.cuda.get_device_properties(0)
            return ""
    except RuntimeError as error:
        return (
            f"torch {torch.__version__} cannot begin to use GPU {gpu}: {_first_line(error)}; see what "
            "nvidia-smi and the kernel's log say of it, then start the worker again"
        )
    return gpus.misfit(gpus.look().driver, torch.__version__, torch.version.cuda) or (
        f"torch {torch.__version__}, built for CUDA {torch.version.cuda}, finds no GPU {gpu}; if it is in "
        "MIG mode make an instance, else reinstall the driver, then start the worker again"
    )


def machine(gpu: str) -> Machine:
    """Describe what a float32 result depends on besides width and row, and why it is no faster."""
    import torch

    from cnnlab.kernels import library

    facts = torch.cuda.get_device_properties(0) if gpu else None
    kernels = [] if gpu else list(library.load_all().values())  # libraries are for processors
    missed = next((one for one in kernels if one.remedy), library.Kernels(None, None))
    return Machine(
        kind=facts.name if facts else processor(),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        kernels=", ".join(one.name for one in kernels if one.name) or "torch",
        no_kernels=missed.reason if missed.remedy else "",
        kernels_remedy=missed.remedy,
        memory=facts.total_memory if facts else 0,
    )


def _out_of_memory(error: Exception) -> bool:
    import torch

    words = "can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"
    lacks = any(word in str(error) for word in words)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or lacks


def _by_device(error: Exception) -> bool:
    """Whether it is a CUDA error that the GPU or its driver may cause; torch's own class is a RuntimeError.

    An assertion on the device is the program's own: an index of a plug-in that is out of range, for example.
    """
    is_cuda = isinstance(error, RuntimeError) and str(error).startswith("CUDA error")
    return is_cuda and not _out_of_memory(error) and "device-side assert" not in str(error)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


if __name__ == "__main__":
    sys.exit(main())
