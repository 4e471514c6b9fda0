"""A convolutional network by numbers: each of its sizes is a hyperparameter."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Int, Number, Widths
from cnnlab.layer import Layer, Shape
from cnnlab.layers.activate import Activate
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.local_response_norm import LocalResponseNorm
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM_STATISTICS, Model
from cnnlab.rates import Rates
from cnnlab.registry import register

MAX_BLOCKS, MAX_FILTERS = 16, 65_536


@register
class Cnn(Model):
    """Blocks of convolutions with pooling, hidden linear layers and a linear one, all by numbers.

    A block is `convolutions` times (conv k×k, norm, activation), then pooling and `block_dropout`. `filters`
    lists the maps of each block: [32, 64]. `blocks` is how many blocks there are: 0 as many as `filters`
    lists; each one more than that has `growth` times the maps of the block before it, so `filters: 16,
    blocks: 3, growth: 2` is 16, 32, 64, rounded to whole maps where `growth` is no whole number.

    - `kernel` is k; `padding: same` adds (k − 1)/2 zeros on each side, for which k is odd, `valid` none.
    - `stride` is that of the first convolution of each block.
    - `pooling` is max, average or none, of windows of side `pool` that touch; a remainder is left out.
    - `norm` is none, batch (in place of biases, also in hidden layers), or local-response (behind the
      activation of each convolution).
    - `global_pooling: average` takes the mean of each map; else the head's inputs are all pixels of all maps.
    - `hidden` are the units of the head's layers: none, a number, or a list. `dropout` is on them,
      `input_dropout` on the pixels, `block_dropout` behind each block: one rate, or a list with one for each.

    Without norm a block has k²·m·f + f parameters for its first convolution, k²·f² + f for each other one,
    with m maps before it and f of its own. Max pooling stands before the last activation of a block without
    norm where that is monotone: the result is the same for less work.
    Source: K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition" (2014), for blocks of equal convolutions with pooling; global pooling: M. Lin, Q. Chen and
    S. Yan, "Network in network" (2013), section 3.2.
    """

    filters: ClassVar = Widths(default=(16, 32), least=1, most=MAX_BLOCKS)
    blocks: ClassVar = Int(default=0, low=0, high=MAX_BLOCKS)
    growth: ClassVar = Number(default=2.0, low=0.1, high=10.0, row=False)
    convolutions: ClassVar = Int(default=1, low=1, high=8)
    kernel: ClassVar = Int(default=3, low=1, high=31)
    stride: ClassVar = Int(default=1, low=1, high=8)
    padding: ClassVar = Choice(default="same", options=("same", "valid"))
    pooling: ClassVar = Choice(default="max", options=("max", "average", "none"))
    pool: ClassVar = Int(default=2, low=1, high=16)
    norm: ClassVar = Choice(default="none", options=("none", "batch", "local-response"))
    norm_statistics: ClassVar = NORM_STATISTICS
    activation: ClassVar = EntryOf(kind="activations", default="relu")
    global_pooling: ClassVar = Choice(default="none", options=("none", "average"))
    hidden: ClassVar = Widths(default=(128,), most=16)
    input_dropout: ClassVar = DROPOUT
    block_dropout: ClassVar = Rates(most=MAX_BLOCKS)
    dropout: ClassVar = DROPOUT
    dropout_scale: ClassVar = DROPOUT_SCALE
    initializer: ClassVar = INITIALIZER

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError at the number that does not fit, with the block where it does not."""
        chain: dict[str, Layer] = {"drop0": Dropout("model.input_dropout", config["dropout_scale"])}
        at: Shape = shape
        filters = _filters(config)
        _check_rates(config["block_dropout"], len(filters))
        for block, maps in enumerate(filters, 1):
            own, at = _block(config, block, at, maps)
            chain |= own
        if config["global_pooling"] == "average":
            chain["mean"] = GlobalAveragePool()
            features = at[0]
        else:
            chain["flatten"] = Flatten()
            features = prod(at)
        start, bias = config["initializer"]["name"], config["norm"] != "batch"
        for i, units in enumerate(config["hidden"], 1):
            chain[f"linear{i}"] = Linear(features, units, bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(units, config["norm_statistics"])
            chain[f"act{i}"] = Activate(config["activation"]["name"], "model.activation")
            chain[f"drop{i}"] = Dropout("model.dropout", config["dropout_scale"])
            features = units
        return chain | {"linear": Linear(features, classes, initializer=start)}


def _filters(config: Mapping[str, Any]) -> list[int]:
    """Return the maps of each block."""
    found, blocks = list(config["filters"]), config["blocks"]
    if 0 < blocks < len(found):
        known = f"must be 0 or at least {len(found)}, the blocks that model.filters lists"
        raise ConfigError("model.blocks", f"{known}, got {blocks}")
    exact = float(found[-1])
    for block in range(len(found) + 1, blocks + 1):
        exact *= config["growth"]
        maps = int(exact + 0.5)
        if not 1 <= maps <= MAX_FILTERS:
            raise ConfigError(
                "model.growth",
                f"must give 1 to {MAX_FILTERS} filters in each block, got {config['growth']:g}: "
                f"block {block} would have {exact:g}",
            )
        found.append(maps)
    return found


def _block(config: Mapping[str, Any], block: int, at: Shape, maps: int) -> tuple[dict[str, Layer], Shape]:
    """Return the layers of a block on maps of a shape, and the shape behind them."""
    kernel, norm = config["kernel"], config["norm"]
    if config["padding"] == "same" and kernel % 2 == 0:
        raise ConfigError("model.kernel", f"must be odd where model.padding is same, got {kernel}")
    frame = kernel // 2 if config["padding"] == "same" else 0
    act = Activate(config["activation"]["name"], "model.activation")
    chain: list[tuple[str, Layer]] = []
    for i in range(1, config["convolutions"] + 1):
        if not frame:  # else the zeros make room for any filter
            _check_fits(at, kernel, "kernel", f"convolution {i} of block {block}")
        convolution = Conv2d(
            at[0],
            maps,
            kernel,
            (frame, frame),
            norm != "batch",
            config["stride"] if i == 1 else 1,
            initializer=config["initializer"]["name"],
        )
        at = convolution.output(at)
        chain.append((f"conv{block}.{i}", convolution))
        if norm == "batch":
            chain.append((f"norm{block}.{i}", BatchNorm(maps, config["norm_statistics"])))
        chain.append((f"act{block}.{i}", act))
        if norm == "local-response":
            chain.append((f"norm{block}.{i}", LocalResponseNorm()))
    if config["pooling"] != "none":
        _check_fits(at, config["pool"], "pool", f"the pooling of block {block}")
        pool = (MaxPool2d if config["pooling"] == "max" else AveragePool2d)(config["pool"])
        before = config["pooling"] == "max" and norm == "none" and act.activation.monotone
        chain.insert(len(chain) - before, (f"pool{block}", pool))
        at = pool.output(at)
    each = f".{block - 1}" if isinstance(config["block_dropout"], list) else ""
    chain.append((f"block_drop{block}", Dropout(f"model.block_dropout{each}", config["dropout_scale"])))
    return dict(chain), at


def _check_rates(rates: float | list[float], blocks: int) -> None:
    """Refuse a list with another number of rates than there are blocks."""
    if isinstance(rates, list) and len(rates) != blocks:
        raise ConfigError(
            "model.block_dropout",
            f"must be one rate, or a list with one for each of the {blocks} blocks; got {len(rates)}: "
            f"{rates}",
        )


def _check_fits(at: Shape, side: int, name: str, where: str) -> None:
    """Refuse a window that is larger than the maps."""
    height, width = at[1:]
    if side > min(height, width):
        raise ConfigError(
            f"model.{name}",
            f"must be at most {min(height, width)} in {where}, where maps are {height}×{width}; got {side}",
        )
