"""cnnlab/own/module_facts.py: what training changes belongs to rows, also where it does not show at first."""

import pytest
import torch
from own_nets import batch, config, far, make, plain, write
from torch.nn.functional import cross_entropy

BEGINS_AS_IDENTITY = """
class Block(nn.Module):
    def __init__(self, maps):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(maps, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps)
        nn.init.zeros_(self.conv.weight)
        nn.init.{scale}_(self.norm.weight)

    def forward(self, x):
        return x + self.norm(self.conv(x))


@own_model
def net(*, shape, classes):
    stem = nn.Sequential(nn.Conv2d(shape[0], 4, 3), nn.ReLU())
    return nn.Sequential(stem, Block(4), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, classes))
"""


@pytest.mark.parametrize("scale", ["ones", "zeros"])
def test_statistics_that_are_0_at_first_belong_to_rows(plugin_folder, scale):
    """The mean of a normalization behind a convolution that begins at 0, as residual blocks often do."""
    write(plugin_folder, BEGINS_AS_IDENTITY.format(scale=scale))
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.5})
    array = make([own, own], [3, 4])
    names = {buffer.name for buffer in array.net.buffers}
    assert {"1.norm.running_mean", "1.norm.running_var"} <= names
    modules = [plain(own, seed).train() for seed in (3, 4)]
    for number in range(20):
        x, y = batch(array, number)
        array.step(x, y)
        for module in modules:
            module.zero_grad()
            cross_entropy(module(x[:, 0]), y[:, 0]).backward()
            for part in module.parameters():
                part.data -= 0.5 * part.grad
    for row, module in enumerate(modules):
        assert far(array, row, module) < 1e-10
        moved = module.state_dict()["1.norm.running_mean"]
        assert scale == "zeros" or float(moved.abs().max()) > 1e-4
    predicted = array.predict(batch(array, 0)[0])
    for row, module in enumerate(modules):
        with torch.no_grad():
            scores = module.eval()(batch(array, 0)[0][:, 0])
        torch.testing.assert_close(predicted[:, row], scores, rtol=1e-9, atol=1e-9)


def test_what_a_module_makes_of_a_shared_batch_alone_belongs_to_no_row(plugin_folder):
    """vmap cannot add a row's numbers in place to those that all rows share."""
    write(
        plugin_folder,
        """
        class Added(nn.Module):
            def __init__(self, shape, classes):
                super().__init__()
                self.out = nn.Linear(shape[0], classes)

            def forward(self, x):
                scores = x.new_zeros(len(x), self.out.out_features)
                scores += self.out(x.mean((2, 3)))
                return scores

        @own_model
        def net(*, shape, classes):
            return Added(shape, classes)
        """,
    )
    own = config("tried-net", optimizer={"name": "sgd", "lr": 0.5})
    array = make([own, own], [3, 4])
    assert array.net.chain.alone
    array.step(*batch(array, 0))
    assert array.theta.isfinite().all()
