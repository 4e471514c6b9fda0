"""A file is an entry: discovery, one-file imports, errors in words, and what every entry documents."""

import importlib
import json
import subprocess
import sys

import pytest

from cnnlab import registry
from cnnlab.errors import ConfigError, RegistryError, UnknownName

ENTRIES = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]

LOSS = '''
"""A loss."""
from cnnlab.registry import register
@register
class {name}:
    """Take nothing."""
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose files count as losses, forgotten afterwards."""
    package = importlib.import_module("cnnlab.losses")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    before = dict(registry._entries)
    yield tmp_path
    registry._entries.clear()
    registry._entries.update(before)
    for module in [m for m in sys.modules if m.startswith("cnnlab.losses.tried")]:
        del sys.modules[module]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_an_entry_says_what_it_does_its_formula_and_its_source(kind, name):
    entry = registry.get(kind, name)
    doc = registry.describe()[kind][name]
    assert doc["summary"].endswith(".")
    assert "Source: " in doc["doc"]
    assert any(sign in doc["doc"] for sign in "=←→0123456789")
    assert (sys.modules[entry.__module__].__doc__ or "").count("\n") == 0


def test_the_catalog_is_json():
    catalog = registry.describe()
    assert json.loads(json.dumps(catalog)) == catalog
    assert catalog["optimizers"]["adam"]["hypers"]["beta1"]["default"] == 0.9


def test_getting_one_entry_imports_no_other():
    program = (
        "import sys; from cnnlab import registry; registry.get('losses', 'svm');"
        "print([m for m in sys.modules if m.startswith('cnnlab.losses.')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "['cnnlab.losses.svm']"


def test_a_new_file_is_a_new_entry(folder):
    (folder / "tried_one.py").write_text(LOSS.format(name="TriedOne"))
    assert "tried-one" in registry.names("losses")
    assert registry.get("losses", "tried-one").__name__ == "TriedOne"
    assert registry.resolve("losses", "tried-one", "p") == {"name": "tried-one"}


def test_a_file_without_an_entry_is_an_error(folder):
    (folder / "tried_none.py").write_text("x = 1\n")
    with pytest.raises(RegistryError, match=r"cnnlab\.losses\.tried_none defines no entry"):
        registry.get("losses", "tried-none")


def test_a_file_with_two_entries_is_an_error(folder):
    (folder / "tried_two.py").write_text(LOSS.format(name="First") + LOSS.format(name="Second"))
    with pytest.raises(RegistryError, match=r"registers Second after First; a file holds one entry"):
        registry.get("losses", "tried-two")


def test_registering_outside_a_kind_is_an_error():
    with pytest.raises(RegistryError, match="which is not in a kind's folder"):
        registry.register(type("Stray", (), {}))


def test_an_unknown_name_shows_the_nearest():
    with pytest.raises(UnknownName, match=r"no optimizer named 'adm'\. Did you mean 'adam' or") as caught:
        registry.resolve("optimizers", "adm", "train.optimizer")
    assert caught.value.near == ("adam", "radam", "nadam")
    assert caught.value.known == registry.names("optimizers")
    with pytest.raises(UnknownName, match="no kind named 'loss'"):
        registry.names("loss")


def test_a_choice_is_completed():
    assert registry.resolve("optimizers", {"name": "momentum", "lr": 1}, "p") == {
        "name": "momentum",
        "lr": 1.0,
        "momentum": 0.9,
    }


@pytest.mark.parametrize(
    ("choice", "path", "words"),
    [
        ({"name": "momentum", "mometum": 0.5}, "p.mometum", "Did you mean 'momentum'?"),
        ({"name": "momentum", "lr": -1}, "p.lr", "must be a number"),
        ({"lr": 1}, "p", "must have a name"),
        ({"name": 3}, "p.name", "must be a name"),
        (3, "p", "must be a name or an object"),
        (None, "p", "must be a name or an object"),
    ],
)
def test_a_wrong_choice_is_refused_where_it_is_wrong(choice, path, words):
    with pytest.raises(ConfigError) as caught:
        registry.resolve("optimizers", choice, "p")
    assert caught.value.path == path
    assert words in caught.value.message


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_declared_ranges_hold_from_end_to_end(kind, name):
    """Defaults and both ends are taken, what lies beyond is refused."""
    for field, hyper in registry.describe()[kind][name]["hypers"].items():
        registry.resolve(kind, {"name": name, field: hyper["default"]}, "p")
        if "low" not in hyper:
            continue
        for value in (hyper["low"], hyper["high"]):
            assert registry.resolve(kind, {"name": name, field: value}, "p")[field] == value
        for value in (hyper["low"] - 1, hyper["high"] * 2 + 1):
            with pytest.raises(ConfigError, match=field):
                registry.resolve(kind, {"name": name, field: value}, "p")
