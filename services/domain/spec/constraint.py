"""Constraints on points: a small language of comparisons over axes, `model.dropout + 2 * l2 < 0.6`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.domain.spec.names import plain

MAX_CONSTRAINT_CHARS = 300
QUOTED = re.compile(r"`([^`]+)`")

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
GRAMMAR = "a constraint is made of axes, numbers and texts with + - * /, < <= > >= == != in, and or not"


class ConstraintError(ValueError):
    """A constraint cannot be read, or cannot be computed for a point; `text` is the constraint."""

    def __init__(self, detail: str, text: str = "") -> None:
        super().__init__(detail)
        self.text = text


@dataclass(frozen=True)
class Constraint:
    """A condition that every point of a sweep meets.

    Names are axes as the user wrote them, in backticks if they contain a hyphen; an entry stands for its
    name: `train.optimizer == "adam"`; numbers may be quoted, and true is "yes". At a point where one of its
    axes has no value the constraint holds.
    """

    text: str
    names: frozenset[str]
    _tree: ast.expr = field(repr=False, compare=False)
    _quoted: Mapping[str, str] = field(repr=False, compare=False)

    @classmethod
    def read(cls, text: str) -> Constraint:
        """Parse; `ConstraintError` says what a constraint is made of."""
        if len(text) > MAX_CONSTRAINT_CHARS:
            raise ConstraintError(f"must have at most {MAX_CONSTRAINT_CHARS} characters, got {len(text)}")
        quoted: dict[str, str] = {}

        def stand_in(match: re.Match[str]) -> str:
            quoted[name := f"quoted_{len(quoted)}_"] = match[1]
            return name

        try:
            tree = ast.parse(QUOTED.sub(stand_in, text).strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            why = getattr(error, "msg", None) or "it is not an expression"
            raise ConstraintError(f"cannot be read: {why}; {GRAMMAR}") from None
        names: set[str] = set()
        _check(tree, quoted, names)
        _check_condition(tree)
        if not names:
            raise ConstraintError("must name at least one axis of the space")
        return cls(text, frozenset(names), tree, quoted)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether a point's values, by the names used here, meet it; it holds if one of them is missing."""
        if not self.names <= values.keys():
            return True
        compared = {name: plain(values[name]) for name in self.names}
        try:
            return bool(self._compute(self._tree, compared))
        except (TypeError, ZeroDivisionError, OverflowError) as error:
            point = ", ".join(f"{name} = {value!r}" for name, value in sorted(compared.items()))
            raise ConstraintError(f"cannot be computed for {point}: {error}", self.text) from None

    def wanted(self) -> Iterator[tuple[str, Any]]:
        """The values that axes are compared with by == != in and not in, each with the axis's name."""
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
                if not isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                    continue
                axis, other = (right, left) if _is_axis(right) else (left, right)
                if _is_axis(axis):
                    values = other.elts if isinstance(other, ast.Tuple | ast.List) else [other]
                    name = _name(axis, self._quoted)
                    yield from ((name, found) for value in values for found in _literals(value))

    def compared_axes(self) -> Iterator[tuple[str, str]]:
        """The names of axes that are compared with each other by == and !=."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                for op, *both in zip(node.ops, sides, sides[1:], strict=False):
                    if isinstance(op, ast.Eq | ast.NotEq) and all(map(_is_axis, both)):
                        yield _name(both[0], self._quoted), _name(both[1], self._quoted)

    def _compute(self, node: ast.expr, values: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant(value):
                return plain(value)
            case ast.Tuple(items) | ast.List(items):
                return [self._compute(item, values) for item in items]
            case ast.BoolOp(ast.And(), parts):
                return all(self._compute(part, values) for part in parts)
            case ast.BoolOp(_, parts):
                return any(self._compute(part, values) for part in parts)
            case ast.UnaryOp(ast.Not(), inner):
                return not self._compute(inner, values)
            case ast.UnaryOp(_, inner):
                return -_numeric(self._compute(inner, values))
            case ast.BinOp(left, op, right):
                a, b = self._compute(left, values), self._compute(right, values)
                return ARITHMETIC[type(op)](_numeric(a), _numeric(b))
            case ast.Compare(first, operators, others):
                sides = [self._compute(side, values) for side in (first, *others)]
                return all(
                    COMPARISONS[type(op)](a, b) for op, a, b in zip(operators, sides, sides[1:], strict=False)
                )
        return values[_name(node, self._quoted)]


def _check(node: ast.expr, quoted: Mapping[str, str], names: set[str]) -> None:
    """Refuse nodes that are not of the language, and collect the names."""
    match node:
        case ast.Name() | ast.Attribute():
            names.add(_name(node, quoted))
            return
        case ast.Constant(value) if isinstance(value, int | float | str):
            return
        case ast.Tuple(inside) | ast.List(inside) | ast.BoolOp(_, inside):
            parts = inside
        case ast.UnaryOp(ast.Not() | ast.USub(), one):
            parts = [one]
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            parts = [left, right]
        case ast.Compare(first, operators, others) if all(type(op) in COMPARISONS for op in operators):
            parts = [first, *others]
        case _:
            raise ConstraintError(f"contains {ast.unparse(node)!r}; {GRAMMAR}")
    for part in parts:
        _check(part, quoted, names)


def _check_condition(node: ast.expr) -> None:
    """Refuse what is no comparison where one is needed: every value but 0 and "" would count as true."""
    match node:
        case ast.BoolOp(_, parts):
            for part in parts:
                _check_condition(part)
        case ast.UnaryOp(ast.Not(), inner):
            _check_condition(inner)
        case ast.Compare(_, operators, others):
            for op, other in zip(operators, others, strict=True):
                if isinstance(op, ast.In | ast.NotIn) and not isinstance(other, ast.Tuple | ast.List):
                    text = ast.unparse(other)
                    raise ConstraintError(f"needs a list after in, such as [{text}], got {text}")
        case _:
            text = ast.unparse(node)
            right = f'{text} == "yes" or {text} > 0'
            if isinstance(node, ast.Constant):
                right = f"axis == {text} or axis in [1, 2]"
            raise ConstraintError(f"needs a comparison, got {text!r} alone; write for example {right}")


def _literals(node: ast.expr) -> list[Any]:
    """The number or text that stands here, if one does."""
    match node:
        case ast.Constant(value):
            return [value]
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, int | float):
            return [-value]
    return []


def _is_axis(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute)


def _name(node: ast.expr, quoted: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return quoted.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value, quoted)}.{node.attr}"
    raise ConstraintError(f"contains {ast.unparse(node)!r}; {GRAMMAR}")


def _numeric(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value
