"""The exceptions of cnnlab: one tree, so that a caller can catch all of it or one branch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from types import TracebackType


class CnnlabError(Exception):
    """The base of everything that cnnlab raises on purpose."""


class RegistryError(CnnlabError):
    """A file of an entry does not define exactly one entry of its kind."""


class ConfigError(CnnlabError, ValueError):
    """A config is wrong at `path`, a dotted path such as "train.optimizer.lr"; `message` is the reason.

    `others` are what else is wrong with it.
    """

    others: tuple[ConfigError, ...] = ()

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path, self.message = path, message

    def __str__(self) -> str:
        """Return every fault, one a line."""
        return "\n".join((str(self.args[0]), *map(str, self.others)))

    @property
    def all(self) -> list[ConfigError]:
        """This fault and the others."""
        return [self, *self.others]


class Faults:
    """Collects the faults of a config's parts: each part is checked in its own `with` block."""

    def __init__(self) -> None:
        self.found: list[ConfigError] = []

    def __enter__(self) -> None:
        """Begin a part."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep the faults of the part, and go on behind it."""
        if not isinstance(error, ConfigError):
            return False
        self.found += error.all
        return True

    def check(self) -> None:
        """Raise everything that was found as one `ConfigError`."""
        if self.found:
            first, *others = self.found
            for each in others:
                each.others = ()  # they are in the list themselves
            first.others = tuple(others)
            raise first


_COLOURS = "random colours are data.brightness, data.contrast and data.saturation; the hue cannot be changed"
_ECE = (
    "the expected calibration error (ECE) is the metric calibration-error, which train.metrics has measured "
    "and which cannot rank trials"
)
# Names that other libraries have for something that is elsewhere here.
ELSEWHERE = {
    "accumulate_grad_batches": "the number of batches in a step is train.accumulate",
    "batch_size": "the batch size is train.batch_size",
    "class_weight": "class weights are a field of the losses softmax and focal: train.loss.class_weights",
    "class_weights": "class weights are a field of the losses softmax and focal: train.loss.class_weights",
    "clip_grad_norm": "the bound of the gradient's norm is train.clip_norm",
    "clip_grad_value": "the bound of each number of the gradient is train.clip_value",
    "color_jitter": _COLOURS,
    "colorjitter": _COLOURS,
    "colour_jitter": _COLOURS,
    "colourjitter": _COLOURS,
    "cosine_annealing": "the schedule is named cosine, with restarts cosine-restarts",
    "cross_entropy": "cross-entropy of scores is the loss softmax",
    "ece": _ECE,
    "dropout": "dropout is a field of a model: model.dropout",
    "dropout_rate": "dropout is a field of a model: model.dropout",
    "ema_decay": "the decay of the weights' mean is train.ema",
    "epochs": "the number of epochs is train.epochs",
    "expected_calibration_error": _ECE,
    "grad_clip": "the bound of the gradient's norm is train.clip_norm",
    "gradient_accumulation_steps": "the number of batches in a step is train.accumulate",
    "gradient_clip_val": "the bound of the gradient's norm is train.clip_norm",
    "hue": _COLOURS,
    "identity": "the identity is the activation linear",
    "hardtanh": "hardtanh is the activation symmetric-saturating-linear",
    "l2": "the L2 penalty is train.l2",
    "label_smoothing": "label smoothing is a field of the loss softmax: train.loss.smoothing",
    "learning_rate": "the learning rate is lr, a field of the optimizer: train.optimizer.lr",
    "lr": "the learning rate is a field of the optimizer: train.optimizer.lr",
    "loss_function": "the loss is train.loss",
    "max_norm": "the bound of the gradient's norm is train.clip_norm, that of weights train.max-norm",
    "max_epochs": "the number of epochs is train.epochs",
    "logistic": "the logistic function is the activation sigmoid",
    "momentum": "momentum is a field of the optimizer: train.optimizer.momentum",
    "num_epochs": "the number of epochs is train.epochs",
    "onecycle": "the schedule is named one-cycle",
    "poly": "the schedule is named polynomial",
    "scheduler": "the schedule of the learning rate is train.schedule",
    "sgdr": "cosine with restarts is the schedule cosine-restarts",
    "swish": "swish is the activation silu",
    "tanh": "tanh is the activation {name: tangent-sigmoid, b: 2}",
    "warmup_epochs": "the epochs of the warm-up are train.warmup",
    "warmup_steps": "the steps of the warm-up are train.warmup: {steps: 500}",
    "weight_decay": "torch's weight_decay of SGD and Adam is train.l2; adamw, lion and muon have one of "
    "their own, and beside any other optimizer that of AdamW is train.weight-decay",
}


def elsewhere(name: str) -> str:
    """Return where something is that others call by this name, as a sentence; empty if nothing is known."""
    found = ELSEWHERE.get(name.lower().replace("-", "_"), "")
    return f"{found[:1].upper()}{found[1:]}." if found else ""


class UnknownName(ConfigError):
    """A name that does not exist; `known` are the names that do, `near` the similar ones.

    The message names the nearest ones, or where something is that others call by this name.
    """

    def __init__(self, path: str, what: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(sorted(known))
        self.near = nearest(name, self.known)
        hint = f" Did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        found = elsewhere(name)
        if found and not found.endswith(f"{path}."):  # else it is what does not exist here
            hint = f" {found}"
        super().__init__(path, f"no {what} named {name!r}.{hint} Known: {', '.join(self.known) or 'none'}")


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that were probably meant, the nearest first; case and hyphens do not count."""
    plain = {each: re.sub("[^a-z0-9]", "", each.lower()) or each for each in known}
    close = get_close_matches(re.sub("[^a-z0-9]", "", name.lower()) or name, plain.values(), n=3)
    found = dict.fromkeys(each for text in close for each, own in plain.items() if own == text)
    return tuple(found)[:3]
