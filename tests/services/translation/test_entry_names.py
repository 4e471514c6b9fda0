"""services/translation/entry_names.py: what it says of entries is what the library has."""

from __future__ import annotations

import pytest

from cnnlab import registry
from cnnlab.hyper import declared
from services.translation.entry_names import FIELDS, KINDS, NAMES, entry, name_of, plain


@pytest.mark.parametrize("path", FIELDS)
def test_every_entry_exists_with_these_hyperparameters(path: str) -> None:
    for name, fields in FIELDS[path].items():
        assert fields <= declared(registry.get(KINDS[path], name)).keys(), name


@pytest.mark.parametrize("path", NAMES)
def test_every_name_stands_for_an_entry_with_its_fields(path: str) -> None:
    for alias, value in NAMES[path].items():
        assert alias == plain(alias)
        assert name_of(value) in FIELDS[path]
        if isinstance(value, dict):
            assert value.keys() - {"name"} <= declared(registry.get(KINDS[path], value["name"])).keys()


def test_a_dotted_name_counts_by_its_end() -> None:
    assert entry("train.optimizer", "tf.keras.optimizers.Adam") == "adam"
    assert entry("model", "torchvision.models.resnet18") == {"name": "resnet", "depth": 18}
    assert entry("model", "transformer") is None
    assert entry("model", 18) is None
