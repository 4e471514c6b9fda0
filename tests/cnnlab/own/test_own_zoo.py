"""Ten architectures in plain torch.nn: each row trains as a plain loop of torch does."""

import pytest
import torch
from loaded_plugins import plugins_from
from own_nets import CLASSES, SHAPE, ZOO, batch, config, far, make, net, plain, row_state
from torch.nn.functional import cross_entropy

STEPS = 20
NAMES = sorted(path.stem.replace("_", "-") for path in (ZOO / "models").glob("*.py"))
ALONE = {"rows-gru": "aten::gru"}  # why vmap does not take them
RULES = {
    "sgd": ({"name": "sgd", "lr": 0.05}, lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (
        {"name": "momentum", "lr": 0.02, "momentum": 0.9},
        lambda p: torch.optim.SGD(p, 0.02, momentum=0.9),
    ),
    "adamw": (
        {"name": "adamw", "lr": 0.002, "weight_decay": 0.1},
        lambda p: torch.optim.AdamW(p, 0.002, weight_decay=0.1),
    ),
}


@pytest.fixture(autouse=True)
def _zoo():
    with plugins_from(ZOO):
        yield


def test_there_are_ten():
    assert len(NAMES) == 10


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", NAMES)
def test_rows_train_as_a_plain_loop_does(name, rule):
    optimizer, make_optimizer = RULES[rule]
    own = config(name, optimizer=optimizer)
    seeds = [3, 4]
    array = make([own, own], seeds)
    for row, seed in enumerate(seeds):
        assert far(array, row, plain(own, seed)) == 0
    for step in range(STEPS):
        array.step(*batch(array, step))
    for row, seed in enumerate(seeds):
        module = plain(own, seed)
        stepper = make_optimizer(module.parameters())
        for step in range(STEPS):
            x, y = batch(array, step)
            stepper.zero_grad()
            cross_entropy(module(x[:, row]), y[:, row]).backward()
            stepper.step()
        assert far(array, row, module) < 1e-10
        x, _ = batch(array, 99)
        expected = module.eval()(x[:, row])
        torch.testing.assert_close(array.predict(x)[:, row], expected, rtol=0, atol=1e-10)
        assert not torch.equal(array.theta[row], make([own], [seed]).theta[0])


@pytest.mark.parametrize("name", NAMES)
def test_which_of_them_pass_side_by_side(name):
    alone = net(config(name)).chain.alone
    assert (ALONE[name] in alone) if name in ALONE else alone == ""


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_do_not_change_a_row_s_bits_in_float32(name):
    own = config(name, "float32", optimizer={"name": "adam", "lr": 0.01})
    other = config(name, "float32", optimizer={"name": "adam", "lr": 0.001})
    first, second = make([other, own, own], [1, 2, 3]), make([own, own, other], [4, 2, 5])
    second.theta[0] = float("nan")
    for step in range(3):
        for array in (first, second):
            array.step(*batch(array, step))
    assert torch.equal(first.theta[1], second.theta[1])
    assert torch.equal(first.buffers[1], second.buffers[1])
    assert first.theta[1].isfinite().all()
    assert second.theta[0].isnan().any()


@pytest.mark.parametrize("name", NAMES)
def test_the_state_dict_is_the_module_s(name):
    own = config(name)
    module = plain(own, 1)
    state = row_state(make([own], [1]), 0)
    assert state.keys() == module.state_dict().keys()
    assert net(own).parameters == sum(each.numel() for each in module.parameters())
    module.load_state_dict(state)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_goes_on_from_its_state_in_another_array(name):
    own = config(name, optimizer={"name": "adam", "lr": 0.01})
    straight = make([own, own], [1, 2])
    for step in range(4):
        straight.step(*batch(straight, step))
    begun, other = make([own, own], [1, 2]), make([own, own], [7, 8])
    for step in range(2):
        begun.step(*batch(begun, step))
    other.load_row(1, {key: tensor[1] for key, tensor in begun.state().items()})
    for step in range(2, 4):
        other.step(*batch(other, step))
    tail = [straight.theta[1], straight.buffers[1]], [other.theta[1], other.buffers[1]]
    # The seed is no part of a state: it decides masks alone, and these nets drop nothing.
    for one, two in zip(*tail, strict=True):
        assert torch.equal(one, two)


def test_the_hyperparameters_of_a_signature_decide_the_shape():
    assert net(config("small-vgg", hypers={"width": 8})).parameters > net(config("small-vgg")).parameters
    assert net(config("small-mobilenet", hypers={"multiplier": 2})).parameters > 100
    assert net(config("small-lenet")).chain.output(SHAPE) == (CLASSES,)
