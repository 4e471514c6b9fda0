"""The line search: what it tries and where it ends, against the book's own algorithms."""

import math

import pytest
import torch
from test_optimizers import look

from cnnlab import line_search

D = torch.float64


def searched(objective, start, direction, length, curvature=0.9):
    w, d = torch.tensor([start], dtype=D), torch.tensor([direction], dtype=D)
    one = torch.ones(1, 1, dtype=D)
    turn, asked = line_search.search(w, d, look(objective, w), length * one, 1e-4 * one, curvature * one), []
    try:
        point = next(turn)
        while True:
            asked.append(float(point[0, 0]))
            point = turn.send(look(objective, point))
    except StopIteration as end:
        return float(end.value.length), asked


def test_a_search_doubles_until_it_has_gone_too_far_then_closes_in():
    length, asked = searched(lambda w: (w[:, 0] - 10) ** 2, [0.0], [1.0], 1.0, curvature=0.1)
    assert asked[:4] == [1.0, 2.0, 4.0, 8.0]
    assert 9 <= length <= 11


def test_a_search_comes_back_from_where_the_function_is_no_number():
    length, _ = searched(lambda w: -(w[:, 0].log1p()) + 0.1 * w[:, 0] / (w[:, 0] < 50), [0.0], [1.0], 100.0)
    assert 0 < length < 50


def test_a_search_up_the_hill_stays_and_one_without_a_floor_ends():
    assert searched(lambda w: w[:, 0] ** 2, [1.0], [1.0], 1.0) == (0.0, [])
    length, asked = searched(lambda w: -w[:, 0], [0.0], [1.0], 1.0)
    assert len(asked) == line_search.MAX_EVALUATIONS
    assert length == 2.0 ** (line_search.MAX_EVALUATIONS - 1)


def by_the_book(value, slope, length, sufficient=1e-4, curvature=0.9):
    """Return the lengths tried: algorithms 3.5 and 3.6 of Nocedal and Wright, one row, in plain numbers."""
    f0, s0 = value(0.0), slope(0.0)
    low, high, t, asked = (0.0, f0, s0), None, length, []
    while len(asked) < line_search.MAX_EVALUATIONS:
        now = (t, value(t), slope(t))
        asked.append(t)
        if now[1] > f0 + sufficient * t * s0 or now[1] >= low[1]:
            high = now
        elif abs(now[2]) <= -curvature * s0:
            return asked
        else:
            ahead = 1.0 if high is None else high[0] - low[0]
            if now[2] * ahead >= 0:
                high = low
            low = now
        if high is None:
            t *= 2
            continue
        (a, fa, sa), (b, fb, sb) = low, high
        d1 = sa + sb - 3 * (fa - fb) / (a - b)
        root = math.copysign(math.sqrt(max(d1 * d1 - sa * sb, 0.0)), b - a)
        divisor = sb - sa + 2 * root
        guess = b - (b - a) * (sb + root - d1) / divisor if divisor else (a + b) / 2
        near, far = min(a, b), max(a, b)
        t = min(max(guess, near + 0.1 * (far - near)), far - 0.1 * (far - near))
    return asked


def test_a_search_is_the_books_on_functions_of_many_dips():
    """All rows at once, each as it is by itself."""
    g = torch.Generator().manual_seed(8)
    rows = 40
    height, pace, turn = (torch.randn(3, rows, 3, generator=g, dtype=D) * 1.5).unbind()

    def of(t):
        waves = height * torch.sin(3 * pace * t[:, None] + turn)
        return 0.2 * t * t - 3 * t + waves.sum(1)

    def slope_of(t):
        waves = height * 3 * pace * torch.cos(3 * pace * t[:, None] + turn)
        return 0.4 * t - 3 + waves.sum(1)

    start = torch.zeros(rows, 1, dtype=D)
    one = torch.ones(rows, 1, dtype=D)
    at = look(lambda w: of(w[:, 0]), start)
    turn_of, asked = line_search.search(start, one, at, 0.7 * one, 1e-4 * one, 0.2 * one), []
    point = next(turn_of)
    try:
        while True:
            asked.append(point[:, 0].clone())
            point = turn_of.send(look(lambda w: of(w[:, 0]), point))
    except StopIteration:
        assert len(asked) <= line_search.MAX_EVALUATIONS
    tried = 0
    for k in range(rows):
        if float(at.gradient[k]) >= 0:
            continue
        expected = by_the_book(
            lambda t, k=k: float(of(torch.full((rows,), t, dtype=D))[k]),
            lambda t, k=k: float(slope_of(torch.full((rows,), t, dtype=D))[k]),
            0.7,
            curvature=0.2,
        )
        found = [float(each[k]) for each in asked[: len(expected)]]
        assert found == pytest.approx(expected, rel=1e-9)
        tried = max(tried, len(expected))
    assert tried >= 6
