"""A trained net as model.onnx, checked against torch before it is given out. Needs the role `export`."""

import warnings
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnlab.errors import CnnlabError

ONNX_FILE = "model.onnx"
NEEDED = ("onnx", "onnxscript", "onnxruntime")
MAX_DIFFERENCE = 1e-5  # of scores, as a share of the largest where that is above 1
CHECKED_IMAGES = 3


class MissingPackages(CnnlabError):
    """The packages that write and check an ONNX file are not installed."""


def write(net: nn.Module, shape: tuple[int, ...], folder: Path) -> None:
    """Write model.onnx: `images` float32 (N, C, H, W), pixels of 0 … 255, to `scores` (N, classes).

    `shape` is that of an image. CnnlabError if the file does not compute what the net does: an exporter may
    leave out what ONNX has no word for. `MissingPackages` without the packages of the role `export`.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingPackages(
            f"{ONNX_FILE} needs {', '.join(missing)}, which the API's process does not have: install the "
            "role `export` there, pip install '.[export]'"
        )
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (CHECKED_IMAGES, *shape), generator=generator).float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, of what it will change
        program = torch.onnx.export(
            net,
            (images,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("N")},),
            input_names=["images"],
            output_names=["scores"],
            verbose=False,
        )
    assert program is not None, "the exporter returns a program unless it was given a file"
    try:
        program.save(folder / ONNX_FILE)
        _check(folder / ONNX_FILE, net, images)
    except Exception:
        (folder / ONNX_FILE).unlink(missing_ok=True)
        raise


def _check(path: Path, net: nn.Module, images: Tensor) -> None:
    """Raise CnnlabError unless the file gives the scores of the net, for one image and for several."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for part in (images, images[:1]):
        with torch.no_grad():
            wanted = net(part)
        (scores,) = session.run(None, {"images": part.numpy()})
        apart = (torch.from_numpy(scores) - wanted).abs().max() / wanted.abs().max().clamp(min=1)
        if not apart <= MAX_DIFFERENCE:  # NaN, too
            raise CnnlabError(
                f"{ONNX_FILE} gives other scores than the net, by {apart:.1e} of the largest: torch's "
                "exporter cannot express one of its layers"
            )
