"""Which rows share a formula: an array's optimizers, losses and penalties, read from its configs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from cnnlab import registry
from cnnlab.hyper import Choice, ClassWeights, EntryOf, Hyper, Pieces, declared
from cnnlab.regularizer import Regularizer

E = TypeVar("E")
UNUSED_PENALTY = {"strength": 0.0, "scope": "weights"}


@dataclass(frozen=True)
class RowGroup(Generic[E]):
    """Neighbouring rows that use one entry, and their hyperparameters, each float64 (k,); see `_tensor`."""

    rows: slice
    entry: E
    hypers: Mapping[str, Tensor]

    @property
    def size(self) -> int:
        """Return k, the number of rows."""
        return int(self.rows.stop - self.rows.start)


@dataclass(frozen=True)
class Penalty:
    """A regularizer and its strength on every parameter of every row, (K, P)."""

    entry: Regularizer
    strength: Tensor


def group_rows(kind: str, choices: Sequence[Mapping[str, Any]], device: torch.device) -> list[RowGroup[Any]]:
    """Group neighbouring rows whose choices have the same name; the groups cover all rows, in order."""
    found = []
    start = 0
    for end in range(1, len(choices) + 1):
        if end < len(choices) and choices[end]["name"] == choices[start]["name"]:
            continue
        entry = registry.get(kind, choices[start]["name"])
        hypers = {
            name: _tensor(hyper, [c[name] for c in choices[start:end]]).to(device)
            for name, hyper in declared(entry).items()
        }
        found.append(RowGroup(slice(start, end), entry(), hypers))
        start = end
    return found


def _tensor(hyper: Hyper | EntryOf, values: Sequence[Any]) -> Tensor:
    """Return the values of rows as numbers; a Choice's option is its index.

    Pieces are (k, pieces, 2); rows that have fewer get pieces that begin at infinity. Class weights are
    (k, classes), with 1 where a row has none, and (k, 1) where none of the rows has any.
    """
    if isinstance(hyper, Pieces):
        most = max(map(len, values))
        values = [[*pieces, *[[math.inf, 1.0]] * (most - len(pieces))] for pieces in values]
    elif isinstance(hyper, ClassWeights):
        classes = max((len(weights) for weights in values if isinstance(weights, list)), default=1)
        values = [weights if isinstance(weights, list) else [1.0] * classes for weights in values]
    elif isinstance(hyper, Choice):
        values = [hyper.index(value) for value in values]
    return torch.tensor(values, dtype=torch.float64)


def penalties(
    configs: Sequence[Mapping[str, Any]], weights: Tensor, device: torch.device, dtype: torch.dtype
) -> list[Penalty]:
    """Return the regularizers that any row uses; `weights`, bool (P,), marks what `scope: weights` covers."""
    found = []
    for name in registry.names("regularizers"):
        # A plug-in's penalty is missing in a config that was resolved without the plug-in.
        choices = [config["train"].get(name, UNUSED_PENALTY) for config in configs]
        if not any(choice["strength"] for choice in choices):
            continue
        strength = torch.tensor([choice["strength"] for choice in choices], dtype=dtype)
        all_parameters = torch.tensor([choice["scope"] == "all" for choice in choices])
        covered = weights | all_parameters[:, None]  # (K, P)
        on_each = (strength[:, None] * covered).to(device)
        found.append(Penalty(registry.get("regularizers", name)(), on_each))
    return found
