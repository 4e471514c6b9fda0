"""docs/catalog.md says what the registry says, and every row of the notes is built."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from cnnlab import registry
from scripts import notes_rows
from scripts.notes_rows import COUNTS, ROWS, Count

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_catalog_page.py"))
# What the notes do not have a row for: how nets begin, how they are measured and what the engine needs.
BESIDE = {"initializers", "datasets", "metrics"}
ENGINE = {
    "layers/activate",
    "layers/auxiliary",
    "layers/conv-max",
    "layers/flatten",
    "layers/global-average-pool",
    "layers/linear",
    "layers/pad-maps",
    "layers/series",
    "models/timm",
    "schedules/constant",
}
# What sweeps name that the notes do not.
BEYOND = {
    "activations/elu",
    "activations/gelu",
    "activations/leaky-relu",
    "activations/selu",
    "activations/silu",
    "augmentations/brightness",
    "augmentations/contrast",
    "augmentations/cutmix",
    "augmentations/mixup",
    "augmentations/random-erasing",
    "augmentations/saturation",
    "losses/focal",
    "models/cnn",
    "models/wide-resnet",
    "optimizers/adamw",
    "optimizers/lion",
    "optimizers/muon",
    "optimizers/nadam",
    "optimizers/radam",
    "schedules/cosine",
    "schedules/cosine-restarts",
    "schedules/one-cycle",
    "schedules/polynomial",
}


def test_the_page_is_the_registry() -> None:
    text = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    assert SCRIPT["page"]() == text, "run: python -m scripts.make_catalog_page"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_row_is_built(row: tuple[str, str, tuple[str, ...]]) -> None:
    for place in row[2]:
        assert SCRIPT["file_of"](place).is_file(), place
        kind, _, name = place.partition("/")
        if kind != "cnnlab":
            assert name in registry.built_in(kind)


def test_every_entry_has_a_row_or_is_the_engine_s() -> None:
    named = {place for row in ROWS for place in row[2]}
    for kind in set(registry.KINDS) - BESIDE:
        for name in registry.built_in(kind):
            assert f"{kind}/{name}" in named | ENGINE | BEYOND, "add it to scripts/notes_rows.py"


@pytest.mark.parametrize("count", COUNTS, ids=lambda count: count.label)
def test_a_model_has_the_parameters_of_its_paper(count: Count) -> None:
    net = SCRIPT["built"](count)
    assert net.parameters == count.parameters
    if count.connections:
        assert net.work.connections == count.connections


def test_every_model_is_counted() -> None:
    counted = {count.model["name"] for count in COUNTS}
    uncounted = {"maxout-conv", "tdnn", "timm"}  # no paper tells their numbers; their own tests do
    assert counted | uncounted == {*registry.built_in("models")}


def test_remarks_of_a_file_are_found_whole(tmp_path: Path) -> None:
    whole = '"""Why.\n\nIn the notes: one\nthing | other.\nSource: x.\n"""\n\n\n'
    text = whole + 'class A:\n    """B.\n\n    In the notes: c.\n    """\n'
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    assert SCRIPT["remarks"](tmp_path / "a.py") == ["one thing \\| other.", "c."]


def test_labels_differ() -> None:
    assert len({count.label for count in notes_rows.COUNTS}) == len(notes_rows.COUNTS)
