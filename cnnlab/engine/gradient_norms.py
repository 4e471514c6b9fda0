"""A probe for vanishing and exploding gradients: the size of a batch's gradient at each layer's weights."""

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
    y (N, K), as in training: with dropout, the batch's statistics for normalization, and auxiliary losses,
    but without penalties. The root makes layers of different size comparable: a plain norm grows with the
    number of weights. Biases, scales and shifts are left out. The array does not change.

    For the first 128 training images of a fit: gradient_norms(fit.array, *fit.data.train.batch(slice(0, 128),
    rows)), where rows is the number of rows.

    In the notes: ReLU has "no vanishing or exploding gradient problems". That is too strong: its slope of 1
    avoids the factor of at most β/4 of a sigmoid in each layer, but the weights are factors too, so the scale
    of the first weights decides, and a unit that is negative for every image has a gradient of 0 and stays
    dead. This function measures it, for any activation and any first weights.
    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), which compares gradients layer by layer.
    """
    point = array.theta.detach().requires_grad_()
    context = array.context(Mode.TRAIN)
    losses = array.loss(array.net.forward(point, array.buffers.clone(), x, context), y)
    for weight, aside in context.auxiliary:
        losses = losses + weight * array.loss(aside, y)
    # The sum over trials: the gradient of each row depends only on that row.
    (gradient,) = torch.autograd.grad(losses.sum(), point)
    # In float32 the square of a gradient below 10⁻²³ would be 0.
    squares = gradient.double().square()  # (K, P)
    return {
        own.name: squares[:, own.offset : own.offset + prod(own.shape)].mean(1).sqrt()
        for own in array.net.table
        if own.role == "weight"
    }


def first_over_last(norms: Mapping[str, Tensor]) -> Tensor:
    """Return the norm at the first weights over that at the last, (K,): near 0, the gradient vanishes.

    The ratio does not show what all layers share: in a net of ReLUs without biases the sum of W ⊙ ∂L/∂W is
    equal at every layer, so the scale of the weights hardly changes the ratio, while the norms vanish or
    explode. Look at both.
    """
    each = list(norms.values())
    return each[0] / each[-1]
