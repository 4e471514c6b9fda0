"""Dropout in a module of one's own: masks from hashes, whatever the packing."""

import torch
from own_nets import batch, config, make, plain, row_state, write

from cnnlab import rng

NET = """
@own_model
def net(dropout: Number[0, 1] = 0.0, *, shape, classes):
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(16, classes),
    )
"""


def test_masks_are_those_of_hashes_whatever_the_packing(plugin_folder):
    """The masks written anew in plain torch: of each row its seed, its step and the place of the call."""
    write(plugin_folder, NET)
    seeds, rates = [5, 6, 7], [0.0, 0.5, 1.0]
    sgd = {"name": "sgd", "lr": 0.1}
    configs = [config("tried-net", hypers={"dropout": rate}, optimizer=sgd) for rate in rates]
    array = make(configs, seeds, varied=["model.dropout"])
    assert not array.one_by_one
    for step in range(3):
        array.step(*batch(array, step))
    for row, (seed, rate) in enumerate(zip(seeds, rates, strict=True)):
        module = plain(configs[row], seed)
        before, after = module[:5], module[6]
        stepper = torch.optim.SGD(module.parameters(), 0.1)
        for step in range(3):
            x, y = batch(array, step)
            h = before(x[:, row])
            one = torch.tensor([rng.fold(seed)], dtype=torch.int32)
            bits = rng.bits(one, rng.MASKS, torch.tensor([step + 1], dtype=torch.int32), h.numel())
            kept = ((bits.double() + 2.0**31) < (1 - rate) * 2.0**32).view_as(h)
            stepper.zero_grad()
            scores = after(h * kept / (1 - rate) if rate < 1 else 0 * h)
            torch.nn.functional.cross_entropy(scores, y[:, row]).backward()
            stepper.step()
        state = module.state_dict()
        for name, value in row_state(array, row).items():
            torch.testing.assert_close(value, state[name].double(), rtol=0, atol=1e-10)
        alone = make([configs[row]], [seed], varied=["model.dropout"])
        for step in range(3):
            alone.step(*batch(alone, step))
        torch.testing.assert_close(alone.theta[0], array.theta[row], rtol=0, atol=1e-10)


def test_two_dropouts_have_masks_of_their_own_and_whole_maps_can_be_dropped(plugin_folder):
    write(
        plugin_folder,
        """
        class Twice(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(2 * shape[0], classes)

            def forward(self, x):
                ones = torch.ones_like(x)
                one = functional.dropout(ones, 0.5, self.training)
                two = functional.dropout2d(ones, 0.5, self.training)
                self.seen = one, two, functional.dropout(ones, 0.5, self.training)
                return self.out(torch.cat([one.mean((2, 3)), two.mean((2, 3))], 1))

        @own_model
        def net(*, shape, classes):
            return Twice(shape, classes)
        """,
    )
    array = make([config("tried-net")] * 2, [1, 2], one_by_one=True)
    module = array.net.layers[""]._passes.module
    seen = []
    for step in range(2):
        array.step(*batch(array, step))
        seen.append(module.seen)  # of the second row
    (one, two, other), (later, _, _) = seen
    assert not torch.equal(one, other)
    assert one.unique().tolist() == [0, 2]
    assert not torch.equal(one, later)
    assert not torch.equal(one, two)
    assert torch.equal(two.amax((2, 3)), two.amin((2, 3)))
    assert two.unique().tolist() == [0, 2]
    array.predict(batch(array, 0)[0])
    assert module.seen[0].unique().tolist() == [1]
