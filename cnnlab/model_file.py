"""A trained net as two files that need nothing but torch: model.py, and its weights as safetensors."""

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cnnlab.config import row_numbers
from cnnlab.data import data_set
from cnnlab.engine import net as nets
from cnnlab.engine.net import Net
from cnnlab.errors import CnnlabError
from cnnlab.own.module_file import PROGRAM_FILE, OwnModuleFiles, PixelsThenModule, loaded
from cnnlab.own.module_layer import ModuleLayer
from cnnlab.plain_code import (
    PlainCode,
    TrainedLayer,
    call,
    identifiers,
    joined_classes,
    joined_states,
    listing,
    module,
)
from cnnlab.plain_modules import PixelNormalization

CODE_FILE, WEIGHTS_FILE = "model.py", "model.safetensors"
NAMES_OF_TYPES = {torch.float32: "float32", torch.float64: "float64"}

HEAD = '''"""{title}

Pixels of 0 … 255 go in, (N, {shape}); scores come out, (N, {classes}), in {numbers}.
Needs torch only: `load()` reads {weights_file}, which stands beside this file.
"""

{imports}

WEIGHTS = Path(__file__).with_name("{weights_file}")
CLASSES: list[str] = {names}
'''

READING = '''
def load(path: Path | str = WEIGHTS) -> Net:
    """Return the net with its trained weights, ready to predict."""
    net = Net()
    net.load_state_dict(read(path))
    return net.eval()


def read(path: Path | str) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file: 8 bytes of length, a JSON header, then the numbers."""
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        numbers = torch.frombuffer(content[begin:end], dtype=types[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors
'''


@dataclass(frozen=True)
class TrainedNet:
    """One trial's net as it is predicted with.

    `weights` are its parameters and buffers by name, `mean` and `std` those of each channel of v/255.
    """

    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    mean: Sequence[float]
    std: Sequence[float]
    class_names: Sequence[str] = ()
    title: str = "A trained net."


@dataclass(frozen=True)
class ModelFiles:
    """The text of model.py, and the state dict of its net."""

    code: str
    state: dict[str, Tensor] = field(repr=False)

    def write(self, folder: Path) -> dict[str, str]:
        """Write both files; return why some are left out, which none is."""
        (folder / CODE_FILE).write_text(self.code, encoding="utf-8")
        save_file(self.state, folder / WEIGHTS_FILE)
        return {}

    def net(self) -> nn.Module:
        """Return the module that `load()` of the file returns."""
        names: dict[str, Any] = {"__file__": CODE_FILE, "__name__": "model"}
        exec(compile(self.code, CODE_FILE, "exec"), names)  # noqa: S102  made here, from layers
        net: nn.Module = names["Net"]()
        net.to(next(each.dtype for each in self.state.values() if each.is_floating_point()))
        net.load_state_dict(self.state)
        return net.eval()


def read_best(path: Path, config: Mapping[str, Any], title: str) -> TrainedNet:
    """Return the net of a file with best weights, as a runner writes it; CnnlabError if it is not one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        weights = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CnnlabError(f"{path.name} cannot be read as weights: {error}") from error
    mean, std, names = (json.loads(metadata.get(key, "[]")) for key in ("mean", "std", "class_names"))
    return TrainedNet(config, weights, mean, std, names, title)


def model_files(trained: TrainedNet) -> ModelFiles | OwnModuleFiles:
    """Return the files of a trained net; CnnlabError, with the layer's name, where one has no plain form.

    A module of one's own has no code here: what it computes is exported.
    """
    net = nets.build(trained.config)
    dtype = next(iter(trained.weights.values())).dtype
    layers = [*net.layers.values()]
    if len(layers) == 1 and isinstance(layers[0], ModuleLayer):
        return _own_module_files(trained, net, layers[0], dtype)
    parts = _parts(net, trained)
    own = {name: each.contiguous() for name, each in joined_states(parts).items()}
    state = {name: each.to(dtype) if each.is_floating_point() else each for name, each in own.items()}
    classes = net.chain.output(net.shape)[0]
    head = HEAD.format(
        title=_one_line(trained.title),
        shape=", ".join(map(str, net.shape)),
        classes=classes,
        numbers=NAMES_OF_TYPES[dtype],
        weights_file=WEIGHTS_FILE,
        imports=_imports(parts.values()),
        names=listing(map(repr, trained.class_names)),
    )
    sources = [inspect.getsource(kind) for kind in joined_classes(parts.values())]
    reading = READING.replace("Net()\n", "Net().double()\n") if dtype is torch.float64 else READING
    pieces = [head.rstrip("\n"), *map(str.strip, sources), _net_class(net, parts), reading.strip("\n")]
    return ModelFiles("\n\n\n".join(pieces) + "\n", state)


def _own_module_files(
    trained: TrainedNet, net: Net, layer: ModuleLayer, dtype: torch.dtype
) -> OwnModuleFiles:
    module = layer.module(row_numbers(trained.config)).to(dtype)
    state = loaded(module, trained.weights)
    normalize = PixelNormalization(trained.mean, trained.std).double()
    normalize.load_state_dict(_normalization(trained).state)
    side = trained.config["data"]["resize"]
    resize: list[nn.Module] = [nn.Upsample((side, side), mode="bilinear")] if side else []
    data = trained.config["data"]
    shape = data_set(data).info(data).shape
    said = {
        "title": _one_line(trained.title),
        "shape": ", ".join(map(str, shape)),
        "classes": net.chain.output(net.shape)[0],
        "numbers": NAMES_OF_TYPES[dtype],
        "program": PROGRAM_FILE,
        "weights": WEIGHTS_FILE,
        "names": listing(map(repr, trained.class_names)),
    }
    whole = PixelsThenModule(nn.Sequential(*resize, normalize), module, dtype)
    return OwnModuleFiles(said, state, whole, shape)


def _parts(net: Net, trained: TrainedNet) -> dict[str, PlainCode]:
    """Return the modules by the names of their attributes, what becomes of pixels first."""
    layers = net.chain.plain_parts(TrainedLayer(net.shape, trained.weights, row_numbers(trained.config)))
    found: dict[str, PlainCode] = {}
    if side := trained.config["data"]["resize"]:
        found["resize"] = PlainCode(call("nn.Upsample", (side, side), mode='"bilinear"'))
    found["normalize"] = _normalization(trained)
    found |= {name if name not in found else f"{name}_layer": code for name, code in layers.items()}
    names = identifiers(found)
    return {names[name]: code for name, code in found.items()}


def _normalization(trained: TrainedNet) -> PlainCode:
    """Return what makes inputs of pixels, with the numbers that training used, rounded as there."""
    mean, std = (torch.tensor(each, dtype=torch.float64) for each in (trained.mean, trained.std))
    state = {"scale": (1 / (255 * std)).view(-1, 1, 1), "shift": (mean / std).view(-1, 1, 1)}
    expression = module(PixelNormalization, mean=list(trained.mean), std=list(trained.std))
    return PlainCode(expression, state, (PixelNormalization,))


def _net_class(net: Net, parts: Mapping[str, PlainCode]) -> str:
    """Return the source of the class Net."""
    lines = [
        "class Net(nn.Module):",
        f'    """{len(parts)} modules, one after the other."""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
    ]
    for name, code in parts.items():
        first, *more = f"self.{name} = {code.expression}".split("\n")
        lines += [f"        {first}", *(f"        {line}" for line in more)]
    lines += ["", "    def forward(self, images: Tensor) -> Tensor:"]
    lines.append("        x = images.to(self.normalize.scale.dtype)")
    lines += [f"        x = self.{name}(x)" for name in parts]
    return "\n".join([*lines, "        return x"])


def _imports(parts: Any) -> str:
    """Return the imports that the file needs."""
    text = "\n".join(
        [*(inspect.getsource(kind) for kind in joined_classes(parts)), *(code.expression for code in parts)]
    )
    lines = ["import json"]
    if "OrderedDict" in text:
        lines.append("from collections import OrderedDict")
    if "Sequence[" in text:
        lines.append("from collections.abc import Sequence")
    lines += ["from pathlib import Path", "", "import torch", "from torch import Tensor, nn"]
    if "functional." in text:
        lines.append("from torch.nn import functional")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Return a text as a docstring can hold it."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")
