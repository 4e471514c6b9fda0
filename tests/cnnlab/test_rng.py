"""Random numbers are functions of (seed, stream, step, index), and random enough."""

import torch

from cnnlab import rng


def rows(*values):
    return torch.tensor(values, dtype=torch.int32)


def test_a_row_does_not_depend_on_its_packing():
    alone = rng.bits(rows(7), 1, rows(3), 100)
    packed = rng.bits(rows(1, 7, 9), 1, rows(5, 3, 3), 100)
    assert torch.equal(packed[1], alone[0])
    assert torch.equal(rng.bits(rows(7), 1, rows(3), 40)[0], alone[0, :40])


def test_a_place_of_a_stream_has_its_number_however_it_is_asked_for():
    whole = rng.bits(rows(7, 8), 1, rows(3, 4), 100)
    assert torch.equal(rng.bits(rows(7, 8), 1, rows(3, 4), 40, 60), whole[:, 60:])
    shared, own = torch.tensor([5, 99, 5]), torch.tensor([[0, 99], [3, 7]])
    assert torch.equal(rng.bits_at(rows(7, 8), 1, rows(3, 4), shared.int()), whole[:, shared])
    assert torch.equal(rng.bits_at(rows(7, 8), 1, rows(3, 4), own.int()), whole.gather(1, own))
    u = rng.uniform(rows(7, 8), 1, rows(3, 4), 100)
    assert torch.equal(rng.uniform_at(rows(7, 8), 1, rows(3, 4), own.int()), u.gather(1, own))


def test_keys_are_made_once_for_many_streams_and_steps():
    seed, index = rows(7, 8), torch.arange(100, dtype=torch.int32)
    streams = [rng.stream_key(seed, stream) for stream in (1, 5)]
    for step in (rows(3, 3), rows(4, 9)):
        key = rng.step_key(step)
        for stream, made in zip((1, 5), streams, strict=True):
            own = rng.bits_of(rng.row_key(made, key), index)
            assert torch.equal(own, rng.bits_at(seed, stream, step, index))


def test_streams_are_apart_from_one_another_and_from_numbered_parts():
    """Weights and masks have parts, STREAMS apart; what else there is must be none of them."""
    numbered = {rng.WEIGHTS % rng.STREAMS, rng.MASKS % rng.STREAMS}
    single = [rng.ORDER, rng.SPLIT, rng.AUGMENT, rng.TARGETS, rng.BATCHES]
    assert len(set(single)) == len(single)
    assert not numbered & {stream % rng.STREAMS for stream in single}


def test_numbers_are_what_they_have_always_been():
    """A stored sweep goes on with them."""
    assert rng.fold(1, 2) == 1104458163
    assert rng.bits(rows(7), rng.MASKS + 3 * rng.STREAMS, rows(3), 2).tolist() == [[1244775027, 2019112913]]
    assert rng.permutation(3, rng.ORDER, 1, 8).tolist() == [7, 2, 4, 0, 1, 5, 3, 6]


def test_seed_stream_and_step_each_change_everything():
    base = rng.bits(rows(7), 1, rows(3), 10_000)
    for other in (
        rng.bits(rows(8), 1, rows(3), 10_000),
        rng.bits(rows(7), 2, rows(3), 10_000),
        rng.bits(rows(7), 1, rows(4), 10_000),
    ):
        assert (base == other).float().mean() < 1e-3


def test_inputs_are_left_alone():
    seed, step = rows(7), rows(3)
    rng.bits(seed, 1, step, 10)
    assert seed.tolist() == [7]
    assert step.tolist() == [3]


def test_uniform_is_uniform_and_rows_are_uncorrelated():
    n = 200_000
    u = rng.uniform(torch.arange(8, dtype=torch.int32), rng.WEIGHTS, torch.zeros(8, dtype=torch.int32), n)
    assert u.min() > 0
    assert u.max() < 1
    expected = n / 64
    for row in u:
        counts = torch.histc(row, 64, 0, 1)
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert 25 < chi_square < 115  # 63 degrees of freedom: 1e-5 on either side
    neighbours = torch.corrcoef(torch.cat([u, u.roll(1, 1)]))
    off_diagonal = neighbours - torch.eye(16)
    assert off_diagonal.abs().max() < 5 / n**0.5


def test_consecutive_steps_are_uncorrelated():
    n = 200_000
    u = rng.uniform(rows(5, 5, 5, 5), rng.MASKS, rows(1, 2, 3, 4), n)
    assert (torch.corrcoef(u) - torch.eye(4)).abs().max() < 5 / n**0.5


def test_a_permutation_holds_every_index_once_and_moves_most():
    order = rng.permutation(3, rng.ORDER, 1, 10_000)
    assert torch.equal(order.sort().values, torch.arange(10_000))
    assert (order == torch.arange(10_000)).sum() < 10
    assert not torch.equal(order, rng.permutation(3, rng.ORDER, 2, 10_000))


def test_equal_hashes_keep_their_order(monkeypatch):
    monkeypatch.setattr(rng, "bits", lambda seed, stream, step, n: torch.zeros(1, n, dtype=torch.int32))
    assert rng.permutation(3, rng.ORDER, 1, 1000).tolist() == list(range(1000))


def test_fold_takes_any_whole_numbers_and_minds_their_order():
    folded = [rng.fold(*v) for v in ((0,), (1,), (2**31,), (2**32,), (2**63,), (-5,), (1, 2), (2, 1), (0, 0))]
    assert len(set(folded)) == len(folded)
    assert all(-(2**31) <= f < 2**31 for f in folded)
