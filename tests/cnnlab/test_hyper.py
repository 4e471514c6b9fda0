"""Declared hyperparameters take what they declare and refuse everything else, in words."""

import json

import pytest

from cnnlab.errors import ConfigError
from cnnlab.hyper import (
    Bound,
    Choice,
    ClassWeights,
    EntryOf,
    Int,
    Number,
    Pieces,
    Span,
    Text,
    Widths,
    declared,
)

RATE = Number(default=0.1, low=1e-3, high=1.0, log=True)
COUNT = Int(default=2, low=1, high=9)
WORD = Choice(default="a", options=("a", "b"))
WIDTHS = Widths(default=(8,), most=3)


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), "0.1", None, 0, 2, [0.1], 10**400])
def test_a_number_refuses(value):
    with pytest.raises(ConfigError, match=r"train\.lr: must be a number from 0\.001 to 1, got") as caught:
        RATE.check("train.lr", value)
    assert caught.value.path == "train.lr"


@pytest.mark.parametrize(("value", "clean"), [(1, 1.0), (0.001, 0.001), (1.0, 1.0)])
def test_a_number_takes_its_range_and_becomes_a_float(value, clean):
    result = RATE.check("p", value)
    assert result == clean
    assert isinstance(result, float)


@pytest.mark.parametrize("value", [True, 2.5, float("nan"), float("inf"), "2.5", "two", "10", 0, 10, None])
def test_an_integer_refuses(value):
    with pytest.raises(ConfigError, match="must be an integer from 1 to 9"):
        COUNT.check("p", value)


def test_an_integer_may_be_text():
    assert COUNT.check("p", "2") == 2
    assert isinstance(COUNT.check("p", "2"), int)


@pytest.mark.parametrize("depth", [18, "18", 18.0])
def test_a_choice_takes_a_number_as_text_and_text_as_a_number(depth):
    numbers = Choice(default=34, options=(18, 34))
    texts = Choice(default="34", options=("18", "34"))
    assert (numbers.check("p", depth), texts.check("p", depth)) == (18, "18")
    assert isinstance(numbers.check("p", depth), int)


@pytest.mark.parametrize("depth", [19, "19", 18.5, True, None, [18]])
def test_a_choice_of_numbers_refuses(depth):
    with pytest.raises(ConfigError, match=r"must be one of 18, 34, got"):
        Choice(default=34, options=(18, 34)).check("p", depth)


def test_an_integer_may_be_written_with_a_point():
    result = COUNT.check("p", 3.0)
    assert result == 3
    assert isinstance(result, int)


@pytest.mark.parametrize("value", ["c", 1, None, ["a"]])
def test_a_choice_refuses(value):
    with pytest.raises(ConfigError, match="must be one of a, b"):
        WORD.check("p", value)


@pytest.mark.parametrize(
    ("value", "clean"),
    [([3, 4.0], [3, 4]), ((3,), [3]), ("30-4", [30, 4]), (5, [5]), ([], []), ("", []), ("none", [])],
)
def test_widths_have_one_form(value, clean):
    assert WIDTHS.check("p", value) == clean


@pytest.mark.parametrize("value", ["3-x", "3-", [0], [1, 2, 3, 4], True, None, {"a": 1}, [True], "-3"])
def test_widths_refuse(value):
    with pytest.raises(ConfigError):
        WIDTHS.check("p", value)


@pytest.mark.parametrize("value", ["none", [], "", [1, 2, 3, 4]])
def test_widths_may_have_a_least_number(value):
    some = Widths(default=(8,), least=1, most=3)
    with pytest.raises(ConfigError, match="must be 1 to 3 widths, as a list or a text like"):
        some.check("p", value)
    assert some.check("p", 4) == [4]
    assert some.describe()["least"] == 1


def test_declarations_are_found_and_describe_themselves_as_json():
    class Base:
        one = RATE

    class Entry(Base):
        two = EntryOf(kind="losses", default="softmax")
        three = WIDTHS
        other = 3

    assert list(declared(Entry)) == ["one", "two", "three"]
    assert declared(Entry) is declared(Entry)
    with pytest.raises(TypeError):  # all readers share it
        declared(Entry)["four"] = RATE
    described = [hyper.describe() for hyper in (RATE, COUNT, WORD, WIDTHS, declared(Entry)["two"])]
    assert json.loads(json.dumps(described)) == described
    assert [d["type"] for d in described] == ["number", "integer", "choice", "widths", "entry"]
    assert described[0] == {
        "type": "number", "default": 0.1, "low": 1e-3, "high": 1.0, "log": True, "row": True
    }  # fmt: skip


PATH = Text(most=8)


@pytest.mark.parametrize("value", ["", "a/b.npz", "ä b"])
def test_a_text_stays_as_it_is(value):
    assert PATH.check("p", value) == value


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\n", "123456789", "\ud800", 3, None, ["a"], True])
def test_a_text_refuses(value):
    with pytest.raises(ConfigError, match="of at most 8 characters, got"):
        PATH.check("p", value)
    described = PATH.describe()
    assert described == {"type": "text", "default": "", "most": 8, "row": False}


PIECES = Pieces(default=((1.0, 0.5),), most=2, low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("value", "clean"), [([[2, 1], (3.5, 0)], [[2.0, 1.0], [3.5, 0.0]]), (((1.0, 0.5),), [[1.0, 0.5]])]
)
def test_pieces_have_one_form(value, clean):
    assert PIECES.check("p", value) == clean
    assert PIECES.check("p", PIECES.default) == PIECES.describe()["default"]


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ([], "p", "1 to 2 pairs"),
        ("1:2", "p", "1 to 2 pairs"),
        ([[1, 0.5]] * 3, "p", "1 to 2 pairs"),
        ([1, 0.5], "p.0", "must be a pair"),
        ([[1, 0.5, 2]], "p.0", "must be a pair"),
        ([[0, 0.5]], "p.0.0", "must be a number from 1e-09"),
        ([[1, 2]], "p.0.1", "must be a number from 0 to 1, got 2"),
        ([[2, 0.5], [2, 0.1]], "p.1.0", "must be above 2, the time before; got 2"),
        ([[float("nan"), 0.5]], "p.0.0", "must be a number"),
    ],
)
def test_pieces_refuse(value, path, words):
    with pytest.raises(ConfigError) as caught:
        PIECES.check("p", value)
    assert caught.value.path == path
    assert words in caught.value.message


def test_a_bound_is_none_or_a_number():
    bound = Bound(low=0.5, high=8)
    assert (bound.check("p", "none"), bound.check("p", 2)) == ("none", 2.0)
    assert bound.describe() == {"type": "bound", "default": "none", "low": 0.5, "high": 8, "row": True}


@pytest.mark.parametrize(
    ("value", "kept", "epochs_and_steps"),
    [
        (3, 3.0, (3.0, 0)),
        (0.25, 0.25, (0.25, 0)),
        ({"steps": 12}, "12 steps", (0.0, 12)),
        ({"steps": "12"}, "12 steps", (0.0, 12)),
        ("12 steps", "12 steps", (0.0, 12)),
    ],
)
def test_a_span_is_epochs_or_steps(value, kept, epochs_and_steps):
    span = Span(most_epochs=10.0, most_steps=100)
    assert span.check("p", value) == kept
    assert Span.epochs_and_steps(kept) == epochs_and_steps
    assert span.check("p", kept) == kept


@pytest.mark.parametrize(
    "value", [11, "101 steps", "0 steps", "steps", {"steps": 101}, {"steps": 1, "epochs": 1}]
)
def test_a_span_has_limits(value):
    with pytest.raises(ConfigError):
        Span(most_epochs=10.0, most_steps=100).check("p", value)


def test_class_weights_are_kept_as_floats():
    weights = ClassWeights()
    assert weights.check("p", [1, 0, 2.5]) == [1.0, 0.0, 2.5]
    assert (weights.check("p", "balanced"), weights.check("p", "none")) == ("balanced", "none")
    assert weights.describe()["type"] == "class-weights"
    with pytest.raises(ConfigError, match=r"p\.1: must be a number from 0 to 1e\+06, got 'x'"):
        weights.check("p", [1, "x"])
