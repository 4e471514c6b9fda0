"""services/cli/specfile.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli import specfile
from services.cli.errors import CliError
from services.client import ApiError

EXAMPLE = Path(__file__).parents[3] / "examples" / "dropout-grid.yaml"


def refused(folder: Path, text: str) -> str:
    path = folder / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(CliError) as failure:
        specfile.read(path)
    assert failure.value.code == 2
    return str(failure.value)


def test_the_example_is_read() -> None:
    spec = specfile.read(EXAMPLE).spec
    assert spec["name"] == "dropout-grid"
    assert len(spec["space"]) == 3


def test_numbers_with_an_exponent(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("space: {l2: [1e-3, 1.0e-3, 2E+2, -1e4], name: [1e, e3]}")
    assert specfile.read(path).spec["space"] == {"l2": [0.001, 0.001, 200.0, -10000.0], "name": ["1e", "e3"]}


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(CliError, match="is not UTF-8 text: invalid start byte at byte 6"):
        specfile.read(path)
    with pytest.raises(CliError, match="cannot be read: Is a directory"):
        specfile.read(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="no file"):
        specfile.read(tmp_path / "none.yaml")


def test_bad_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 3, column 6" in refused(tmp_path, "name: a\nmodel: {name: lenet5\nspace: [")


def test_a_key_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    words = refused(tmp_path, "name: a\nname: b\n")
    assert "line 2" in words
    assert "'name' is given twice" in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {lr: .nan}", "train.lr must be a finite number, got nan"),
        ("space: {train.l2: [0, .inf]}", "space.train.l2[1] must be a finite number, got inf"),
        ("name: 2026-11-22", "name must be a number, text, a list or a mapping, got a date"),
        ("1: 2", "the key 1 at the top must be text: put it in quotes"),
        ("- a", "must be a mapping with name, model and space, got a list"),
        ("", "must be a mapping with name, model and space, got nothing"),
        ("5", "must be a mapping with name, model and space, got a number"),
        ("a: &a [*a]", "nested too deeply"),
        ("? [a, b]\n: c", "not valid YAML: line 1, column 3: a key must be text"),
        ("a: 1\n---\nb: 2", "line 2, column 1: expected a single document in the stream, but found another"),
    ],
)
def test_what_json_has_no_form_for_is_refused_by_its_place(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("written", "value"),
    [("010", 8), ("0x10", 16), ("1_000", 1000), ("1:30", 90), ("0b11", 3), ("1_0.5", 10.5)],
)
def test_numbers_of_another_form_are_refused(tmp_path: Path, written: str, value: float) -> None:
    text = refused(tmp_path, f"name: x\nepochs: {written}\n")
    assert f"line 2, column 9: YAML reads {written} as the number {value}" in text


def test_plain_numbers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("a: [0, -2, +3, 1.5e+3, .5, 1., 00.5]")
    assert specfile.read(path).spec == {"a": [0, -2, 3, 1500.0, 0.5, 1.0, 0.5]}


@pytest.mark.parametrize("text", ["name: x\nlr: {{ lr }}\n", "name: x\nspace: {a: {{b}}}\n"])
def test_a_template_that_is_not_filled_in(tmp_path: Path, text: str) -> None:
    assert "line 2: the template {{" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("name: x\nspace: {lr: '${lr}'}\n", "${lr}"),
        ("name: x\nlr: 0.${DIGIT}\n", "${DIGIT}"),
        ("name: x\nspace: {'${axis}': [1]}\n", "${axis}"),
        ("name: x\nconstraints: ['lr < ${most}']\n", "${most}"),
        ("name: x\nmodel: '{{ model }}'\n", "{{ model }}"),
        ('{"name": "x",\n"seed": "${seed:-1}"}', "${seed:-1}"),
    ],
)
def test_a_template_that_would_be_read_as_text(tmp_path: Path, text: str, template: str) -> None:
    error = refused(tmp_path, text)
    assert f"line 2: the template {template} is not filled in" in error
    assert ("envsubst <" in error) == template.startswith("$")


@pytest.mark.parametrize("character", ["\0", "\x07", "\x9f"])
def test_a_character_that_no_text_has_is_refused_in_one_line(tmp_path: Path, character: str) -> None:
    error = refused(tmp_path, f"name: a{character}\n")
    assert f"contains the character U+{ord(character):04X}" in error
    assert "\n" not in error


def test_braces_in_a_text_are_no_template(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("description: 'from {{ here }} for ${who}'\nmodel: $x {y}\n")
    assert specfile.read(path).spec == {"description": "from {{ here }} for ${who}", "model": "$x {y}"}


def test_json_may_be_indented_with_tabs(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text('{\n\t"name": "x",\n\t"train": {\n\t\t"epochs": 0\n\t}\n}')
    found = specfile.read(path)
    assert found.spec == {"name": "x", "train": {"epochs": 0}}
    fault = {"pointer": "/train/epochs", "detail": "must be at least 1"}
    refusal = found.refused(ApiError({"status": 422, "detail": "", "errors": [fault]}))
    assert str(refusal) == f"{path}, line 4: /train/epochs: must be at least 1"


def test_aliases_that_grow_without_bound_are_not_built(tmp_path: Path) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    assert "has more than 200000 values with its aliases written out" in refused(tmp_path, "\n".join(lines))
