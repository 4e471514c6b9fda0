"""Plain torch, one network at a time: what an array of trials must equal. It knows nothing of cnnlab."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def in_double() -> Iterator[None]:
    """A context in which torch's NAdam keeps the product of its factors in float64."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def momentum(p, h):
    return torch.optim.SGD(p, lr=h["lr"], momentum=h["momentum"])


def nesterov(p, h):
    return torch.optim.SGD(p, lr=h["lr"], momentum=h["momentum"], nesterov=True)


OPTIMIZERS = {
    "sgd": lambda p, h: torch.optim.SGD(
        p, h["lr"], h["momentum"], h["dampening"], nesterov=h["nesterov"] == "yes"
    ),
    "momentum": momentum,
    "momentum-v": momentum,
    "nesterov": nesterov,
    "nesterov-b": nesterov,
    "nesterov-d": nesterov,
    "adagrad": lambda p, h: torch.optim.Adagrad(p, lr=h["lr"], eps=h["eps"]),
    "adam": lambda p, h: torch.optim.Adam(p, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"]),
    "adamw": lambda p, h: torch.optim.AdamW(
        p, h["lr"], (h["beta1"], h["beta2"]), h["eps"], h["weight_decay"]
    ),
    "nadam": lambda p, h: torch.optim.NAdam(
        p, h["lr"], (h["beta1"], h["beta2"]), h["eps"], momentum_decay=h["momentum_decay"]
    ),
    "radam": lambda p, h: torch.optim.RAdam(p, h["lr"], (h["beta1"], h["beta2"]), h["eps"]),
    "rmsprop": lambda p, h: torch.optim.RMSprop(p, lr=h["lr"], alpha=h["rho"], eps=h["eps"]),
}


class Lenet(nn.Module):
    """LeNet-5 with pooling where textbooks have it, after the ReLU."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2, bias=not norm)
        self.conv2 = nn.Conv2d(6, 16, 5, bias=not norm)
        self.linear3 = nn.Linear(400, 120, bias=not norm)
        self.linear4 = nn.Linear(120, 84, bias=not norm)
        self.linear5 = nn.Linear(84, 10)
        for i, n in enumerate((6, 16), 1):
            self.add_module(f"norm{i}", nn.BatchNorm2d(n) if norm else nn.Identity())
        for i, n in enumerate((120, 84), 3):
            self.add_module(f"norm{i}", nn.BatchNorm1d(n) if norm else nn.Identity())

    def forward(self, x: Tensor, masks: list[Tensor]) -> Tensor:
        x = nn.functional.max_pool2d(self.norm1(self.conv1(x * masks[0])).relu(), 2)
        x = nn.functional.max_pool2d(self.norm2(self.conv2(x)).relu(), 2).flatten(1)
        x = self.norm3(self.linear3(x)).relu() * masks[1]
        x = self.norm4(self.linear4(x)).relu() * masks[2]
        return self.linear5(x)


class Mlp(nn.Module):
    """12 pixels, hidden layers of 7 and 6 units, 10 scores."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(12, 7, bias=not norm), nn.Linear(7, 6, bias=not norm)
        self.linear3 = nn.Linear(6, 10)
        self.norm1 = nn.BatchNorm1d(7) if norm else nn.Identity()
        self.norm2 = nn.BatchNorm1d(6) if norm else nn.Identity()

    def forward(self, x: Tensor, masks: list[Tensor]) -> Tensor:
        x = self.norm1(self.linear1(x.flatten(1) * masks[0])).relu() * masks[1]
        x = self.norm2(self.linear2(x)).relu() * masks[2]
        return self.linear3(x)


def train(
    net: nn.Module,
    start: dict[str, Tensor],
    batches: list[tuple[Tensor, Tensor]],
    masks: list[list[Tensor]],
    train_config: dict,
) -> dict[str, Tensor]:
    """Train from `start`, one step per batch with its masks, and return parameters and running statistics."""
    net.double().train()
    net.load_state_dict(start, strict=False)
    assert all(name in net.state_dict() for name in start)
    rule = train_config["optimizer"]
    optimizer = OPTIMIZERS[rule["name"]](net.parameters(), rule)
    weights = [p for name, p in net.named_parameters() if name.endswith("weight") and "norm" not in name]
    for (x, y), own in zip(batches, masks, strict=True):
        optimizer.zero_grad()
        scores = net(x, own)
        if train_config["loss"]["name"] == "softmax":
            loss = nn.functional.cross_entropy(scores, y)
        else:
            loss = 10 * nn.functional.multi_margin_loss(scores, y)
        for name, power in (("l1", 1), ("l2", 2)):
            penalty = train_config[name]
            reached = weights if penalty["scope"] == "weights" else list(net.parameters())
            size = sum(w.abs().pow(power).sum() for w in reached)
            loss = loss + penalty["strength"] * size / power
        loss.backward()
        with in_double():
            optimizer.step()
    return {name: value for name, value in net.state_dict().items() if name in start}
