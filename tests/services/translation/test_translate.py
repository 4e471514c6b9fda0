"""services/translation/translate.py: a file is recognised by its content, and no key is passed over."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from planned_spec import planned

from services.cli.commented_spec import commented
from services.cli.specfile import SpecLoader
from services.domain.spec.spec import Spec
from services.translation.errors import TranslationError
from services.translation.translate import translate

FILES = Path(__file__).parent / "files"
NAMES = sorted(path.name for path in FILES.iterdir())
WORD = "frobnication"


def document(name: str) -> dict[str, Any]:
    # SpecLoader is a SafeLoader
    found: dict[str, Any] = yaml.load((FILES / name).read_text(encoding="utf-8"), SpecLoader)
    return found


def text_of(given: Mapping[str, Any]) -> str:
    return commented(translate(given, "file", document), "file")


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a document."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(below)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_becomes_a_spec_that_is_planned(name: str) -> None:
    text = text_of(document(name))
    assert planned(text).trials >= 1
    assert commented(translate(document(name), "file", document), "file") == text


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_key_anywhere_is_named_or_refused(name: str) -> None:
    """In each mapping of the file but those that a comment names as a whole, such as a container's."""
    whole = document(name)
    for number, _ in enumerate(mappings(whole)):
        changed = deepcopy(whole)
        inside = list(mappings(changed))[number]
        if not _is_in_one_piece(changed, inside):
            inside[WORD] = 12345
            assert WORD in _text_or_refusal(changed), inside


def _text_or_refusal(changed: dict[str, Any]) -> str:
    try:
        return text_of(changed)
    except TranslationError as refused:
        return str(refused)


def _is_in_one_piece(whole: dict[str, Any], inside: dict[str, Any]) -> bool:
    """Whether it belongs to a value that a comment names as a whole."""
    pieces = [
        each[key]
        for each in mappings(whole)
        for key in ("trialTemplate", "labels", "trainingService")
        if key in each
    ]
    return any(each is inside for piece in pieces for each in mappings(piece))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_an_axis_a_value_or_a_comment(name: str) -> None:
    """Each parameter taken away changes the text."""
    whole = document(name)
    text = text_of(whole)
    for holder, key in _parameters(whole):
        changed = deepcopy(whole)
        inside: Any = changed
        for place in holder:
            inside = inside[place]
        del inside[key]
        assert text_of(changed) != text, key


def _parameters(whole: dict[str, Any]) -> Iterator[tuple[list[str], Any]]:
    if whole.get("kind") == "Experiment":
        yield from ((["spec", "parameters"], index) for index in range(len(whole["spec"]["parameters"])))
    elif "method" in whole:
        yield from ((["parameters"], key) for key in whole["parameters"])
    elif "searchSpace" in whole:
        yield from ((["searchSpace"], key) for key in whole["searchSpace"])


VALUES: list[Any] = [None, True, -1, 0, 0.5, 1e9, "", "x", "${a}", [], [1, "a"], {}, {"a": 1}, [[1]]]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_stands_in_a_file_is_translated_or_refused_in_words(name: str) -> None:
    """Values exchanged at random: a valid spec or a TranslationError, and no other exception."""
    draw, refused = random.Random(name), 0
    for _ in range(150):
        changed = document(name)
        inside = draw.choice([each for each in mappings(changed) if each])
        inside[draw.choice(list(inside))] = deepcopy(draw.choice(VALUES))
        try:
            Spec.model_validate(yaml.safe_load(text_of(changed)))
        except TranslationError:
            refused += 1
    assert 0 < refused < 150


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "got the keys none"),
        ({"a": 1, "b": 2}, "got the keys a, b"),
        ({"name": "a", "model": "cnn", "space": {}}, "this is a spec of cnnlab"),
        ({"defaults": [], "hydra": {}}, "this looks like Hydra's"),
        ({"kind": "Experiment", "apiVersion": "v1"}, "an Experiment of Katib"),
        ({"method": "grid"}, "a sweep of W&B"),
        ({"lr": {"_type": "uniform"}, "x": 3}, "a search space"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_would_be_right(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(TranslationError, match=r"must be a sweep of W&B .*") as refused:
        translate(given, "file", document)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "parameters",
    [
        {"grad_clip": [0, 1, 5]},
        {"layers": [1, 2, 3], "channels": [[16, 32], [32, 64]]},
        {"model": ["resnet50"], "num_layers": [2, 3]},
        {"model": ["resnet"], "depth": [18, 34]},
        {"model": ["cnn", "mlp", "resnet20"], "num_layers": [2, 20, 50]},
        {"mixup_alpha": [0.2], "cutmix_alpha": [0, 1.0]},
        {"use_mixup": [True, False], "hflip": [True], "random_crop": [True]},
        {"scheduler": ["onecycle"], "lr": [0.1], "max_lr": [0.5], "pct_start": [0.2], "epochs": [5]},
        {"scheduler": ["exponential"], "gamma": [0.9, 0.95]},
        {"scheduler": ["multistep"], "milestones": [[4, 8]], "gamma": [0.1, 0.5], "epochs": [10]},
        {"scheduler": ["cosine_with_restarts"], "T_0": [5], "T_mult": [2], "epochs": [15]},
        {"optimizer": ["adam", "adamw", "sgd"], "weight_decay": [0, 1e-4], "betas": [[0.9, 0.99]]},
        {
            "class_weights": ["balanced", "none"],
            "grad_accum": [2],
            "dense": [64],
            "filters": ["16-32", "8,16"],
        },
        {"momentum": [1.0, 0.9], "dropout": [2, 0.5], "lr": [0, 0.1]},
    ],
)
def test_what_is_written_is_planned(parameters: dict[str, list[Any]]) -> None:
    values = {name: {"values": given} for name, given in parameters.items()}
    assert planned(text_of({"method": "grid", "parameters": values})).trials >= 1
