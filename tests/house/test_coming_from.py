"""docs/coming-from.md: every translation can be submitted, and the command writes those of files it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from planned_spec import planned

from services.cli.commented_spec import commented
from services.cli.specfile import SpecLoader
from services.domain import search
from services.domain.spec.axis_forms import AXIS_FORMS
from services.translation import vocabulary
from services.translation.entry_names import name_of
from services.translation.formats import katib, nni, wandb
from services.translation.translate import translate

PAGE = (Path(__file__).parents[2] / "docs" / "coming-from.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
FILES = {
    "W&B: grid": "sweep.yaml",
    "W&B: Bayesian search with Hyperband": "sweep.yaml",
    "Katib": "experiment.yaml",
    "NNI": "config.yml",
}
TRIALS = {
    "W&B: grid": 72,
    "W&B: Bayesian search with Hyperband": 60,
    "Katib": 40,
    "NNI": 50,
    "Ray Tune": 60,
    "Optuna": 80,
    "Hydra": 40,
    "A loop of your own": 27,
}


def blocks(title: str, *languages: str) -> list[str]:
    return re.findall(rf"```(?:{'|'.join(languages)})\n(.*?)```", SECTIONS[title], re.DOTALL)


def loaded(text: str) -> Any:
    # SpecLoader is a SafeLoader
    return yaml.load(text, SpecLoader)


@pytest.mark.parametrize("title", TRIALS)
def test_every_translation_is_planned_and_as_large_as_it_says(title: str) -> None:
    assert planned(blocks(title, "yaml")[-1]).trials == TRIALS[title]


@pytest.mark.parametrize("title", FILES)
def test_the_command_writes_what_the_page_shows(title: str) -> None:
    *sources, shown = blocks(title, "yaml", "json")
    *others, main = sources

    def other_file(name: str) -> Mapping[str, Any]:
        assert f"`{name}`" in SECTIONS[title]
        found: Mapping[str, Any] = loaded(others[0])
        return found

    name = FILES[title]
    assert commented(translate(loaded(main), Path(name).stem, other_file), name) == shown


@pytest.mark.parametrize("title", [title for title in TRIALS if title not in FILES])
def test_programs_can_be_parsed(title: str) -> None:
    sources = [*blocks(title, "python"), *blocks(title, "yaml", "bash")[:-1]]
    assert sources
    for text in blocks(title, "python"):
        ast.parse(text)


def python_axes(text: str) -> dict[str, Any]:
    """The axes that calls of Ray Tune's and Optuna's distributions mean, by the program's names."""
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(text)):
        pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
        for key, value in pairs:
            called = (
                value.func.attr
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
                else ""
            )
            if isinstance(value, ast.Call) and called in RAY and isinstance(key, ast.Constant):
                found[str(key.value)] = RAY[called](*map(ast.literal_eval, value.args))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in OPTUNA:
            name, *given = map(ast.literal_eval, node.args)
            more = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            found[name] = OPTUNA[node.func.attr](*given, **more)
    return found


RAY: Mapping[str, Callable[..., Any]] = {
    "choice": lambda values: values,
    "loguniform": lambda low, high: {"log_uniform": [low, high]},
    "randint": lambda low, above: {"int": [low, above - 1]},
    "qrandint": lambda low, high, q: {"int": [low, high], "step": q},
    "quniform": lambda low, high, q: {"uniform": [low, high], "step": q},
}
OPTUNA: Mapping[str, Callable[..., Any]] = {
    "suggest_categorical": lambda values: values,
    "suggest_float": lambda low, high, log=False: {"log_uniform" if log else "uniform": [low, high]},
    "suggest_int": lambda low, high, **more: {"int": [low, high], **more},
}


def hydra_axes(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, written in loaded(text)["hydra"]["sweeper"]["params"].items():
        values = [yaml.safe_load(each) for each in re.findall(r"[\w.]+(?=[,)])", written) if each != "log"]
        form = "log_uniform" if "log" in written else "uniform"
        found[name] = values if written.startswith("choice") else {form: values}
    return found


def bash_axes(text: str) -> dict[str, Any]:
    loops = re.findall(r"for (\w+) in (.*); do", text)
    return {name: [yaml.safe_load(value) for value in values.split()] for name, values in loops}


READ: Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "Ray Tune": ("python", python_axes),
    "Optuna": ("python", python_axes),
    "Hydra": ("yaml", hydra_axes),
    "A loop of your own": ("bash", bash_axes),
}
# The page says why these are not as in the program.
OTHERWISE = {("Optuna", "model.hidden"): {"int": [32, 256], "step": 2, "log": True}}


def plain_axis(written: Any) -> Any:
    """An axis without its condition, entries by their names."""
    if isinstance(written, dict):
        written = {key: value for key, value in written.items() if key != "when"}
        written = written.get("choice", written)
    return (
        [name_of(each) if isinstance(each, str | dict) else each for each in written]
        if isinstance(written, list)
        else written
    )


@pytest.mark.parametrize("title", READ)
def test_every_axis_has_the_values_of_its_program(title: str) -> None:
    """The program's own calls, read from its text, against the translation written by hand."""
    language, read = READ[title]
    spec, program = loaded(blocks(title, "yaml")[-1]), read(blocks(title, language)[0])
    seeds = program.pop("seed", None)
    assert spec.get("seeds", 1) == len(seeds or [0])
    expected = {}
    for name, axis in program.items():
        target = vocabulary.target(name.replace("optimizer.name", "optimizer"))
        assert target is not None, name
        path = target.paths[0]
        expected[path] = OTHERWISE.get((title, path), axis)
    assert {path: plain_axis(axis) for path, axis in spec["space"].items()} == expected
    assert len(expected) == len(program)


def test_the_tables_have_every_method_form_and_key() -> None:
    for method in search.names():
        assert re.search(rf"^\| `{method}`", SECTIONS["Methods"], re.MULTILINE)
    for form in AXIS_FORMS:
        assert form == "choice" or f"`{{{form}: [" in SECTIONS["Distributions"]
    for names in (wandb.METHODS, katib.METHODS):
        assert all(f"`{name}`" in SECTIONS["Methods"] for name in names)
    for name in nni.TUNERS.keys() - {"gptuner"}:
        assert f"`{name}`" in SECTIONS["Methods"].lower()


def test_names_that_the_page_shows_lead_where_it_says() -> None:
    """Each name of the first column is known, and each path of the second one is that of a target."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", SECTIONS["Names of parameters"], re.MULTILINE)
    assert len(rows) > 10
    paths = {path for target in vocabulary.TARGETS for path in target.paths}
    for names, where in rows:
        for name in re.findall(r"`([\w.-]+)`(?=[,;:]|$| )", names.partition(":")[0]):
            assert vocabulary.target(name) is not None or vocabulary.is_seed(name), name
        assert any(path in where for path in paths) or "seed" in where, where
