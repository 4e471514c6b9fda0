"""docs/coming-from.md: every translation can be submitted, and the command writes those of files it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
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


def test_every_translation_varies_what_its_program_does() -> None:
    for title, count in {"Ray Tune": 5, "Optuna": 6, "Hydra": 5, "A loop of your own": 2}.items():
        assert len(loaded(blocks(title, "yaml")[-1])["space"]) == count


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
