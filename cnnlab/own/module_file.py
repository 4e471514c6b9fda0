"""A trained module of one's own as files: what it computes as model.pt2, its state dict as safetensors."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnlab.errors import CnnlabError

PROGRAM_FILE = "model.pt2"
EXAMPLES = 2  # of images to trace with: one would make a program for single images

CODE = '''"""{title}

Pixels of 0 … 255 go in, (N, {shape}); scores come out, (N, {classes}), in {numbers}.
Needs torch only: `load()` reads {program}, which stands beside this file and holds the module and its
weights, as torch.export has written them. {weights} has the weights alone, for the module's own
load_state_dict.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

PROGRAM = Path(__file__).with_name("{program}")
CLASSES: list[str] = {names}
# Whether the program takes a single image, because the module takes their number as a constant.
ONE_BY_ONE = {one_by_one}


class Net(nn.Module):
    """The exported module, for pixels of any type."""

    def __init__(self, path: Path | str) -> None:
        super().__init__()
        self.program = torch.export.load(path).module()

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.to(torch.{numbers})
        parts = pixels.split(1) if ONE_BY_ONE else [pixels]
        return torch.cat([self.program(part) for part in parts])


def load(path: Path | str = PROGRAM) -> Net:
    """Return the net with its trained weights, which predicts and does not train."""
    net = Net(path)
    net.training = False
    return net
'''


class PixelsThenModule(nn.Module):
    """What training does to pixels, and the module, which predicts."""

    def __init__(self, pixels: nn.Sequential, module: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.pixels, self.module, self.dtype = pixels, module, dtype
        self.to(dtype).eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of images, (N, C, H, W)."""
        scores: Tensor = self.module(self.pixels(images.to(self.dtype)))
        return scores


@dataclass(frozen=True)
class OwnModuleFiles:
    """What model.py says, by the names in `CODE`, the module's state dict, and what computes the scores.

    `shape` is that of an image as it is stored.
    """

    said: Mapping[str, object]
    state: Mapping[str, Tensor] = field(repr=False)
    whole: PixelsThenModule = field(repr=False)
    shape: tuple[int, ...]

    def write(self, folder: Path) -> dict[str, str]:
        """Write the files; return why some are left out, by name, as where torch cannot export the module.

        Where the module takes the number of images as a constant, as by `len(x)`, the program is for one.
        """
        from safetensors.torch import save_file

        save_file({name: own.contiguous() for name, own in self.state.items()}, folder / "model.safetensors")
        one_by_one = False
        try:
            program = self._program(EXAMPLES, {0: torch.export.Dim("N", min=1)})
        except Exception:  # the exporter's own are of many kinds
            one_by_one = True
            try:
                program = self._program(1, {})
            except Exception as error:
                first = next(iter(str(error).strip().splitlines()), type(error).__name__)
                reason = f"the module must be one that torch.export can write: {first}"
                return dict.fromkeys(("model.py", PROGRAM_FILE), reason)
        torch.export.save(program, folder / PROGRAM_FILE)
        code = CODE.format(one_by_one=one_by_one, **self.said)
        (folder / "model.py").write_text(code, encoding="utf-8")
        return {}

    def _program(self, images: int, dynamic: Mapping[int, object]) -> torch.export.ExportedProgram:
        given = torch.zeros(images, *self.shape, dtype=self.whole.dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter, about its own parts
            return torch.export.export(self.whole, (given,), dynamic_shapes=(dynamic,))

    def net(self) -> nn.Module:
        """Return the module that predicts from pixels."""
        return self.whole


def loaded(module: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Load trained numbers into a module, and return its state dict; CnnlabError where its parts differ."""
    _, unknown = module.load_state_dict(weights, strict=False)
    if unknown:
        raise CnnlabError(
            f"the module has changed since the trial was trained: it has no {', '.join(sorted(unknown))}"
        )
    return dict(module.state_dict())
