"""The language of constraints: what it has, what it computes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from services.domain.spec.constraint import MAX_CONSTRAINT_CHARS, Constraint, ConstraintError


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a + 2 * b < 0.6", {"a": 0.1, "b": 0.2}, True),
        ("a + 2 * b < 0.6", {"a": 0.3, "b": 0.2}, False),
        ("(a + 2) * b <= 6", {"a": 1, "b": 2}, True),
        ("-a / 2 == -1", {"a": 2}, True),
        ("0 < a < 1", {"a": 1}, False),
        ("0 <= a - 1 < 1", {"a": 1}, True),
        ('train.optimizer == "adam"', {"train.optimizer": {"name": "adam", "lr": 1}}, True),
        ("train.optimizer in ('adam', 'sgd')", {"train.optimizer": "momentum"}, False),
        ("a not in [1, 2]", {"a": 3}, True),
        ("not a == 1 and b == 2 or a == 7", {"a": 3, "b": 2}, True),
        ("`train.weight-decay` < 1", {"train.weight-decay": 0.5}, True),
        ("a == 'full' or a >= 64", {"a": "full"}, True),
        ("a == 'yes'", {"a": True}, True),
        ("a == 'yes'", {"a": "yes"}, True),
        ("a == True", {"a": "yes"}, True),
        ("a == False", {"a": "no"}, True),
        ("a == 'yes'", {"a": False}, False),
        ("a <= 18", {"a": "18"}, True),
        ("a == '18'", {"a": 18}, True),
        ("a in ('18', 34)", {"a": 18.0}, True),
        ("a == '1x1'", {"a": "1x1"}, True),
    ],
)
def test_what_holds(text: str, values: dict[str, Any], expected: bool) -> None:
    assert Constraint.read(text).holds(values) is expected


def test_an_axis_without_a_value_meets_it() -> None:
    assert Constraint.read("a < 1 and b < 1").holds({"a": 5})


def test_it_names_its_axes() -> None:
    found = Constraint.read("`train.weight-decay` + model.dropout < `l2.max`").names
    assert found == {"train.weight-decay", "model.dropout", "l2.max"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a <", "cannot be read"),
        ("", "cannot be read"),
        ("1 < 2", "at least one axis"),
        ("a ** 2 > 1", "contains 'a \\*\\* 2'; a constraint is made of"),
        ("f(a) > 1", "is made of"),
        ("[x for x in a]", "is made of"),
        ("a.b().c > 1", "is made of"),
        ("a < None", "is made of"),
        ("x" * (MAX_CONSTRAINT_CHARS + 1), "at most 300 characters, got 301"),
    ],
)
def test_all_else_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConstraintError, match=words):
        Constraint.read(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a / b < 1", {"a": 1, "b": 0}),
        ("a + 1 < 2", {"a": "sgd"}),
        ("a < 1", {"a": "sgd"}),
        ("-a < 1", {"a": True}),
    ],
)
def test_what_cannot_be_computed_shows_the_point(text: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConstraintError, match=r"cannot be computed for a = "):
        Constraint.read(text).holds(values)


def test_the_values_that_axes_are_compared_with() -> None:
    text = "a == 'x' and 'y' != b and c in (1, 'z') and a < 5 and not (d not in ['u'] or a + 1 == 2)"
    assert sorted(Constraint.read(text).wanted(), key=str) == [
        ("a", "x"), ("b", "y"), ("c", "z"), ("c", 1), ("d", "u"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a", "needs a comparison, got 'a' alone; write for example a == \"yes\" or a > 0"),
        ("not a or b == 8", "needs a comparison, got 'a' alone"),
        ("a == 8 or 14", "needs a comparison, got '14' alone; write for example axis == 14"),
        ('a == "momentum" or "momentum-v"', "needs a comparison, got"),
        ("a + 1", "needs a comparison, got 'a + 1' alone"),
        ('a in ("momentum-v")', "needs a list after in, such as ['momentum-v']"),
        ('"momentum" in a', "needs a list after in, such as [a]"),
        ("a == 1 and b in 3", "needs a list after in, such as [3]"),
    ],
)
def test_a_value_is_no_condition_and_a_text_no_list(text: str, wrong: str) -> None:
    with pytest.raises(ConstraintError) as refused:
        Constraint.read(text)
    assert str(refused.value).startswith(wrong)


def test_negative_numbers_and_chains_are_values_that_axes_are_compared_with() -> None:
    assert list(Constraint.read("a == -8").wanted()) == [("a", -8)]
    assert list(Constraint.read("1 == a == 2").wanted()) == [("a", 1), ("a", 2)]
    assert list(Constraint.read("a not in [-1, 'x']").wanted()) == [("a", -1), ("a", "x")]
