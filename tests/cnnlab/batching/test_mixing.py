"""Mixed batches: images, shares and losses are those of the documented random numbers, in any packing."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from cnnlab import registry, resolve, rng
from cnnlab.batching import batch_order
from cnnlab.data import Images
from cnnlab.fit import Fit, Row
from cnnlab.metric import measure
from cnnlab.targets import MixedTargets

torch.set_num_threads(1)

AMOUNTS = {"mixup": 0.4, "cutmix": 1.0}
BATCH = 50
MINI = registry.get("datasets", "fashion-mnist-mini")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Leave 600 images to train on and 100 to test on."""
    every, info = MINI().load({}), MINI().info({})
    images = Images(every.train_x[:600], every.train_y[:600], every.test_x[:100], every.test_y[:100])
    monkeypatch.setattr(MINI, "load", lambda self, data: images)
    monkeypatch.setattr(MINI, "info", lambda self, data: replace(info, train=600, test=100))


def row(data, seed=1, replicate=0, **train):
    given = {"batch_size": BATCH, "precision": "float64", "optimizer": {"name": "sgd", "lr": 0.05}, **train}
    model, data = {"name": "mlp", "hidden": [6]}, {"name": "fashion-mnist-mini", **data}
    return Row(resolve({"model": model, "data": data, "train": given}), seed, replicate)


def batches(one, number):
    order = one._streams.order(number)
    epoch = torch.tensor(number, dtype=torch.int32)
    for cut in batch_order.cuts(len(order), BATCH):
        yield order[cut], one._streams.batch(order[cut], epoch)


@pytest.mark.parametrize("name", AMOUNTS)
def test_a_batch_is_mixed_by_the_documented_numbers(name):
    """Behind a flip, whose images are those of a plain fit in float64."""
    changed = {"flip": 0.5}
    one = Fit([row(changed | {name: AMOUNTS[name]}, replicate=2)])
    plain = Fit([row(changed, replicate=2)])
    entry, part = registry.get("augmentations", name)(), one.data.train
    seed = torch.tensor([rng.fold(0, 2, int.from_bytes(name.encode()))], dtype=torch.int32)
    step = torch.tensor([3], dtype=torch.int32)
    every = rng.uniform(seed, rng.AUGMENT, step, len(part) * entry.numbers).view(-1, entry.numbers)
    for (index, (x, y)), (_, (own, classes)) in zip(batches(one, 3), batches(plain, 3), strict=True):
        u = every[index[:, 0]]
        partner = (u[:, 0] * len(u)).long()
        mixed, share = entry.mix(own[:, 0].clone(), own[partner, 0], u[:, 1:], AMOUNTS[name])
        torch.testing.assert_close(x[:, 0], mixed, rtol=0, atol=1e-12)
        assert isinstance(y, MixedTargets)
        mine = share >= 0.5
        assert torch.equal(y.main[:, 0], torch.where(mine, classes[:, 0], classes[partner, 0]))
        assert torch.equal(y.other[:, 0], torch.where(mine, classes[partner, 0], classes[:, 0]))
        assert torch.equal(y.share[:, 0], torch.where(mine, share, 1 - share))


def test_partners_are_any_images_of_the_batch():
    one = Fit([row({"mixup": 1})])
    counts = torch.zeros(BATCH)
    for number in range(1, 21):
        for index, _ in batches(one, number):
            mixing = one._streams._mixing(index, torch.tensor(number, dtype=torch.int32))
            if len(index) == BATCH:
                counts += mixing.partner.flatten().bincount(minlength=BATCH)
    expected = counts.sum() / BATCH
    assert 20 < float(((counts - expected) ** 2 / expected).sum()) < 95  # 49 degrees of freedom


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_a_step_follows_the_weighted_losses(name, loss):
    """By plain torch: the gradient of a net of two linear layers, weighted image by image."""
    one = Fit([row({name: AMOUNTS[name]}, seed=k, loss=loss) for k in (1, 2)])
    array, start = one.array, one.array.theta.clone()
    (_, (x, y)) = next(batches(one, 1))
    array.step(x, y)
    for k in (0, 1):
        p = {n: v.requires_grad_() for n, v in array.net.named(start[k], array.buffers[k]).items()}
        hidden = (x[:, k].flatten(1) @ p["linear1.weight"].T + p["linear1.bias"]).relu()
        scores = hidden @ p["linear2.weight"].T + p["linear2.bias"]

        def value(target, scores=scores):
            if loss == "softmax":
                return cross_entropy(scores, target, reduction="none")
            right = scores.gather(1, target[:, None])
            return (scores - right + 1).clamp(min=0).sum(1) - 1

        share = y.share[:, k]
        total = (share * value(y.main[:, k]) + (1 - share) * value(y.other[:, k])).mean()
        total.backward()
        for n, moved in array.net.named(array.theta[k], array.buffers[k]).items():
            torch.testing.assert_close(moved, p[n].detach() - 0.05 * p[n].grad, rtol=0, atol=1e-12)


def test_accuracy_counts_the_target_of_the_larger_share():
    one = Fit([row({"mixup": 1})])
    (_, (x, y)) = next(batches(one, 1))
    scores = one.array.predict(x)
    expected = (scores.argmax(2) == y.main).sum(0)
    result = one.array.step(x, y)
    assert result.measured["acc"].tolist() == expected.tolist()
    plain = measure(one.array.metrics, scores, y.other)["acc"]
    assert plain.tolist() != expected.tolist(), "the targets differ"


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("stream", ["replicate", "trial"])
def test_rows_together_equal_each_alone(name, stream):
    data = {name: AMOUNTS[name], "stream": stream, "pad-crop": 2}
    rows = [row(data, seed, seed % 2, loss=loss) for seed, loss in enumerate(("softmax", "svm", "softmax"))]
    together = Fit(rows)
    together.run_epoch()
    for k, own in enumerate(rows):
        alone = Fit([own])
        alone.run_epoch()
        torch.testing.assert_close(alone.array.theta[0], together.array.theta[k], rtol=0, atol=1e-10)


def test_a_batch_of_all_images_is_mixed():
    one = Fit([row({"mixup": 0.2}, batch_size="full")])
    before = one.array.theta.clone()
    assert one.run_epoch()
    assert not torch.equal(one.array.theta, before)


@pytest.mark.parametrize("name", AMOUNTS)
def test_epochs_differ_and_repeat(name):
    one = Fit([row({name: AMOUNTS[name]})])
    shares = [torch.cat([y.share for _, (_, y) in batches(one, number)]) for number in (1, 2, 1)]
    assert torch.equal(shares[0], shares[2])
    assert not torch.equal(shares[0], shares[1])
