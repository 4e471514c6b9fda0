"""Digests of code: of each entry its own, of all other code one; plug-ins only where they are identified."""

from __future__ import annotations

from pathlib import Path

import pytest
from loaded_plugins import plugins_from

from cnnlab import code_digest, registry


def test_entries_have_digests_of_their_own_and_all_have_one() -> None:
    found = code_digest.entries()
    assert {name for kind in registry.KINDS for name in registry.built_in(kind)} <= found.keys()
    assert found["sgd"] != found["adam"] != found["lenet5"]
    assert len(code_digest.shared_code()) == 16


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("engine/array.py", True),
        ("layers/linear.py", True),
        ("activations/relu.py", True),
        ("kernels/cpp/norm.h", True),
        ("optimizers/adam.py", False),
        ("datasets/mnist.py", False),
        ("by_hand/layers.py", False),
    ],
)
def test_common_code_is_what_no_config_chooses(
    file: str, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = code_digest.shared_code.__wrapped__()
    read = code_digest._digest

    def changed(path: Path) -> str:
        return "changed" if path.as_posix().endswith(f"cnnlab/{file}") else read(path)

    monkeypatch.setattr(code_digest, "_digest", changed)
    assert (code_digest.shared_code.__wrapped__() != plain) is counts


PLUGIN = """
from cnnlab.data import DataSet, Images, Info
from cnnlab.registry import register

@register
class Mine(DataSet):
    {field}
    def info(self, data): return Info((1, 8, 8), 2, 10, 10)
    def load(self, data): raise NotImplementedError
"""


def test_images_that_nothing_identifies_have_no_digest(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "losses").mkdir()
    known = "from cnnlab.files.user_folder import SHA256; sha256 = SHA256"
    (tmp_path / "datasets" / "unknown.py").write_text(PLUGIN.format(field="pass"))
    (tmp_path / "datasets" / "known.py").write_text(PLUGIN.format(field=known))
    (tmp_path / "datasets" / "broken.py").write_text("raise RuntimeError")
    (tmp_path / "losses" / "own.py").write_text("")
    with plugins_from(tmp_path):
        found = code_digest.entries.__wrapped__()
    assert {"known", "own"} <= found.keys()
    assert not {"unknown", "broken"} & found.keys()
    assert found["known"] == found["own"], "plug-ins may import one another"


def test_the_digest_of_an_entry_is_that_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = code_digest.entries.__wrapped__()
    read = code_digest._digest
    monkeypatch.setattr(
        code_digest, "_digest", lambda path: "changed" if path.name == "adam.py" else read(path)
    )
    found = code_digest.entries.__wrapped__()
    assert {name for name in found if found[name] != plain[name]} == {"adam"}
