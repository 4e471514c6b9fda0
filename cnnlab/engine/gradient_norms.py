"""A probe for vanishing and exploding gradients: how large a batch's gradient is at every layer's weights."""

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

from cnnlab.engine.array import Array
from cnnlab.layer import Mode


@torch.enable_grad()
def gradient_norms(array: Array, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return each weight's root mean square gradient, float64 (K,), by its name in the net's order.

    ‖∂L/∂W‖₂ / √(numbers in W), for each row's own mean loss L of images x (N, K, C, H, W) with targets
    y (N, K), as training sees it: dropout drops, batch normalization takes the batch's statistics, auxiliary
    scores count and penalties do not. The root makes layers of unlike size comparable: a plain norm grows
    with the number of weights. Biases, scales and shifts are left out. The array stays as it is.

    Of a fit's first 128 training images: gradient_norms(fit.array, *fit.data.train.batch(slice(0, 128),
    rows)), where rows is how many the array has.

    In the notes: ReLU has "no vanishing or exploding gradient problems". That is too much said: its slope of
    1 takes away the factor of at most β/4 that a sigmoid's slope adds with every layer, but the weights are
    factors too, so the scale of the first weights decides, and a unit that is negative for every image has a
    gradient of 0 and stays dead. This is the measurement, of any activation and any first weights.
    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), which looks at gradients layer by layer.
    """
    point = array.theta.detach().requires_grad_()
    context = array.context(Mode.TRAIN)
    losses = array.loss(array.net.forward(point, array.buffers.clone(), x, context), y)
    for weight, aside in context.auxiliary:
        losses = losses + weight * array.loss(aside, y)
    # The sum over trials: each row's gradient is its own.
    (gradient,) = torch.autograd.grad(losses.sum(), point)
    # In float32 the square of a gradient that has vanished below 10⁻²³ would be 0.
    squares = gradient.double().square()  # (K, P)
    return {
        own.name: squares[:, own.offset : own.offset + prod(own.shape)].mean(1).sqrt()
        for own in array.net.table
        if own.role == "weight"
    }


def first_over_last(norms: Mapping[str, Tensor]) -> Tensor:
    """Return the first weights' norm over the last's, (K,): near 0, the gradient vanishes on the way back.

    The ratio does not see what all layers share: in a net of ReLUs without biases the sum of W ⊙ ∂L/∂W is one
    number at every layer, so the weights' scale hardly moves the ratio while the norms go to 0 or past
    all bounds. Read both.
    """
    each = list(norms.values())
    return each[0] / each[-1]
