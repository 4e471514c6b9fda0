"""Plug-ins as the API sees them: named in a spec, recorded with the sweep, told of when they are broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from loaded_plugins import plugins_from
from pydantic import SecretStr

from cnnlab import registry
from services.api.app import make_app
from services.host import HostDevice
from services.settings import Settings
from services.store import devices, sweeps
from services.store.session import Store

ENTRY = '''
"""Half."""
from cnnlab.activation import Activation
from cnnlab.registry import register


@register
class TriedHalf(Activation):
    """Halve: f(x) = x/2. Source: arithmetic."""

    def value(self, x, h):
        return x / 2
'''
MODEL = '''
"""A model with a fault."""
from cnnlab.model import Model
from cnnlab.registry import register


@register
class TriedNet(Model):
    """Fail. Source: none."""

    def layers(self, config, shape, classes):
        return {"one": shape["height"]}
'''
METRIC = '''
"""The share of wrong answers."""
from cnnlab.metric import Metric
from cnnlab.registry import register


@register
class TriedError(Metric):
    """Count wrong answers: 1 − acc. Source: arithmetic."""

    goal = "minimize"
    label = "share of wrong answers"

    def totals(self, scores, target):
        return (scores.argmax(2) != target).sum(0)

    def value(self, totals, images):
        return totals / images
'''


LAYER = '''
"""A layer whose parameters are a method."""
from cnnlab.layer import Layer, Parameter
from cnnlab.registry import register


@register
class TriedLayer(Layer):
    """Fail. Source: none."""

    def parameters(self):
        return (Parameter("weight", (1,), "weight", 1, "ones"),)

    def forward(self, x, p, b, context):
        return x
'''
WRONG_LAYERS = {  # by the name of a model that gives them
    "tried-method": (
        'registry.get("layers", "tried-layer")()',
        "parameters of TriedLayer (the plug-in layers/tried_layer.py, line 11) must be an attribute, "
        "a tuple of Parameter; got method",
    ),
    "tried-class": ("Flatten", "layer 'one' must be a Layer such as Flatten(), got <class"),
    "tried-call": (
        "Linear(3)",
        "models/tried_call.py failed in line 15, layers: TypeError: Linear.__init__() missing 1 required "
        "positional argument: 'outputs'. Model.layers(config, shape, classes): Return the chain",
    ),
}
LAYERS_OF = """
from cnnlab import registry
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.registry"""
DATA = '''
"""A data set with a fault."""
from cnnlab.data import DataSet, Info
from cnnlab.registry import register


@register
class TriedData(DataSet):
    """Fail. Source: none."""

    def METHOD(self, data):
        return {}["no such key"]

    def load(self, data):
        return None
'''
INFO = """
    def info(self, data):
        return Info((1, 8, 8), 2, 4, 0)
"""


def broken_entries() -> dict[str, str]:
    """Entries that load and fail when they are used, by file."""
    models = {
        f"models/{name.replace('-', '_')}.py": MODEL.replace('shape["height"]', layer)
        .replace("TriedNet", name.title().replace("-", ""))
        .replace("\nfrom cnnlab.registry", LAYERS_OF)
        for name, (layer, _) in WRONG_LAYERS.items()
    }
    data = {
        "datasets/tried_info.py": DATA.replace("METHOD", "info"),
        "datasets/tried_complete.py": DATA.replace("METHOD", "complete") + INFO,
    }
    return {"layers/tried_layer.py": LAYER} | models | data


@pytest.fixture
def api(sqlite_settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    """An API with a good plug-in, one that is broken and one that fails when it is used."""
    for name, text in (
        ("activations/tried_half.py", ENTRY),
        ("activations/tried_bad.py", "raise OSError('no such drive')\n"),
        ("models/tried_net.py", MODEL),
        ("metrics/tried_error.py", METRIC),
        ("metrics/tried_none.py", "raise OSError('no metric')\n"),
        *broken_entries().items(),
    ):
        (tmp_path / "plugins" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugins" / name).write_text(text)
    key = "a key of twenty chars"
    with plugins_from(tmp_path / "plugins"):
        app = make_app(sqlite_settings.model_copy(update={"api_key": SecretStr(key)}))
        with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
            yield client


def submit(api: TestClient, spec: dict[str, Any], model: Any, **changes: Any) -> Any:
    return api.post("/v1/sweeps", json={**spec, "space": {}, "model": model, **changes})


def test_a_sweep_that_names_a_plug_in_keeps_their_digest(
    api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    fixed = submit(api, spec, {"name": "mlp", "activation": "tried-half"})
    space = {"model.activation": ["relu", "tried-half"]}
    swept = submit(api, spec, "mlp", space=space)
    for made in (fixed, swept):
        assert made.status_code == 201, made.text
        sweep = sqlite_store.read(lambda s, m=made: sweeps.get(s, m.json()["id"]))  # type: ignore[misc]
        assert sweep.plugins == registry.plugins_digest()
    without = submit(api, spec, "mlp").json()["id"]
    assert sqlite_store.read(lambda session: sweeps.get(session, without)).plugins is None


def test_a_sweep_whose_plug_ins_no_worker_has_says_so(
    api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    made = submit(api, spec, {"name": "mlp", "activation": "tried-half"}).json()
    assert made["blocked_by"].startswith("no worker is running")
    digest = registry.plugins_digest()
    for name, has in (("cpu:0", "another"), ("cpu:1", digest)):
        before = api.get(f"/v1/sweeps/{made['id']}").json()["blocked_by"]
        found = HostDevice("host", name, "cpu", name)
        sqlite_store.write(lambda s, f=found, h=has: devices.claim(s, [f], "w", f.identity, 60, h))  # type: ignore[misc]
    assert before.startswith(f"no worker has the plug-ins {digest[:12]} that the sweep was planned with")
    assert api.get(f"/v1/sweeps/{made['id']}").json()["blocked_by"] is None


def test_a_broken_plug_in_is_reported_and_harms_nothing_else(api: TestClient, spec: dict[str, Any]) -> None:
    refused = submit(api, spec, {"name": "mlp", "activation": "tried-bad"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/model/activation"
    assert "tried_bad.py" in refused.json()["detail"]
    assert "OSError: no such drive" in refused.json()["detail"]
    shown = api.get("/v1/catalog/activations/tried-bad").json()
    assert (shown["plugin"], shown["hypers"]) == (True, {})
    assert "no such drive" in shown["error"]
    assert api.get("/v1/catalog/activations/tried-half").json()["error"] is None
    assert "tried_bad.py" in api.get("/ready").json()["plugins"]


def test_a_plug_in_that_fails_on_paper_is_no_failure_of_the_service(
    api: TestClient, spec: dict[str, Any]
) -> None:
    refused = submit(api, spec, "tried-net")
    assert refused.status_code == 422
    told = refused.json()["detail"]
    assert (
        "the plug-in models/tried_net.py failed in line 12, layers: TypeError: tuple indices must be" in told
    )
    assert "Model.layers(config, shape, classes): Return the chain of layers by name, from images" in told


@pytest.mark.parametrize("model", WRONG_LAYERS)
def test_a_wrong_layer_is_named_with_file_line_and_what_would_be_right(
    api: TestClient, spec: dict[str, Any], model: str
) -> None:
    refused = submit(api, spec, model)
    assert refused.status_code == 422
    assert WRONG_LAYERS[model][1] in refused.json()["detail"]


@pytest.mark.parametrize("method", ["complete", "info"])
def test_a_data_set_that_fails_is_no_failure_of_the_service(
    api: TestClient, spec: dict[str, Any], method: str
) -> None:
    refused = submit(api, spec, "mlp", data=f"tried-{method}")
    assert refused.status_code == 422, refused.text
    told = refused.json()["detail"]
    assert (
        f"the plug-in datasets/tried_{method}.py failed in line 12, {method}: KeyError: 'no such key'" in told
    )
    assert f"DataSet.{method}(data): Return the " in told


def test_a_metric_of_ones_own_ranks_a_sweep(
    api: TestClient, sqlite_store: Store, spec: dict[str, Any]
) -> None:
    """Its entry gives the goal; a broken metric beside it is shown, and refused where it is named."""
    made = submit(api, spec, "mlp", objective="val/tried-error")
    assert made.status_code == 201, made.text
    assert made.json()["objective"] == {"metric": "val/tried-error", "goal": "minimize", "at": "best"}
    sweep = sqlite_store.read(lambda session: sweeps.get(session, made.json()["id"]))
    assert sweep.plugins == registry.plugins_digest()
    assert [each.name for each in sweep.plan.shapes[0].metrics] == ["acc", "tried-error"]
    shown = api.get("/v1/catalog").json()["metrics"]
    own = {name for name, entry in shown.items() if not entry["plugin"]}
    assert own == {*registry.built_in("metrics")}
    assert shown["tried-error"]["summary"] == "Count wrong answers: 1 − acc. Source: arithmetic."
    assert "OSError: no metric" in shown["tried-none"]["error"]


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"objective": "val/tried-eror"}, "/objective/metric", "Did you mean 'val/tried-error'?"),
        ({"objective": "val/tried-none"}, "/objective/metric", "tried_none.py"),
        (
            {"objective": {"metric": "val/tried-error", "goal": "maximize"}},
            "/objective",
            "the goal of val/tried-error is to minimize it, got maximize",
        ),
        ({"train": {"metrics": ["tried-eror"]}}, "/train/metrics/0", "Did you mean 'tried-error'"),
        ({"train": {"metrics": ["acc", "tried-none"]}}, "/train/metrics/1", "OSError: no metric"),
    ],
)
def test_a_metric_that_cannot_be_measured_is_refused_at_its_place(
    api: TestClient, spec: dict[str, Any], changes: dict[str, Any], pointer: str, words: str
) -> None:
    refused = submit(api, spec, "mlp", **changes)
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


def test_without_plug_ins_the_api_is_content(sqlite_api: TestClient) -> None:
    assert sqlite_api.get("/ready").json()["plugins"] == "ok"
