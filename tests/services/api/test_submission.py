"""A spec becomes a plan, a row and packs; a preview and a failure leave nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
from claimed_devices import claim_all
from paper_catalog import PaperCatalog, paper_spec
from sqlalchemy import func, select

from services.api import gpu_memory, submission
from services.api.deps import Services
from services.api.library import Library
from services.api.plannings import Plannings
from services.api.shutdown import Shutdown
from services.domain.errors import SpecError
from services.host import HostDevice
from services.queue import Publisher
from services.settings import Settings
from services.store.models import Pack, Sweep
from services.store.session import Store


class PaperLibrary(Library, PaperCatalog):
    """The catalog on paper in the library's place; images and plug-ins are on paper, too."""

    resolve = PaperCatalog.resolve  # type: ignore[assignment]
    is_row = PaperCatalog.is_row
    paths = PaperCatalog.paths  # type: ignore[assignment]
    shape_key = PaperCatalog.shape_key
    inspect = PaperCatalog.inspect
    point = PaperCatalog.point

    def training_images(self, config: Any) -> int:
        return 1000

    def plugins_of(self, plan: Any) -> str:
        return "digest"


@pytest.fixture
def services(sqlite_settings: Settings, sqlite_store: Store) -> Services:
    shutdown = Shutdown()
    return Services(
        sqlite_settings,
        sqlite_store,
        Publisher(sqlite_settings),
        PaperLibrary(),
        shutdown,
        Plannings(shutdown),
    )


def count(services: Services, table: type[Any]) -> int:
    return services.store.read(lambda session: session.scalar(select(func.count()).select_from(table)) or 0)


def test_a_preview_counts_and_writes_nothing(services: Services) -> None:
    found = submission.preview(paper_spec(seeds=3), services)
    assert (found.trials, found.points, found.seconds) == (12, 4, None)
    assert count(services, Sweep) == 0


def test_a_sweep_is_inserted_with_its_plug_ins_and_objective(services: Services) -> None:
    sweep_id = submission.insert(paper_spec(), services, None, "body")
    sweep = services.store.read(lambda session: session.get_one(Sweep, sweep_id))
    assert (sweep.total, sweep.plugins) == (4, "digest")
    assert count(services, Pack) == 0


def test_the_memory_of_a_row_is_counted_where_a_gpu_is_alive(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counted(config: Any, most: int) -> int:
        return 10_000 * config["model"]["depth"] + most

    monkeypatch.setattr(services.library, "gpu_bytes_per_row", counted)
    monkeypatch.setattr(gpu_memory, "MAX_COUNTED_SHAPES", 2)
    spec = paper_spec(space={"model.depth": [2, 3, 4]})
    found = []
    for _ in range(2):
        sweep_id = submission.insert(spec, services, None, "body")
        shapes = services.store.read(lambda session, id=sweep_id: session.get_one(Sweep, id).plan).shapes
        found.append([shape.gpu_bytes_per_row for shape in shapes])
        claim_all(
            services.store, *([] if len(found) > 1 else [HostDevice("host", "GPU-a", "cuda", "H200", 2**37)])
        )
    most = shapes[0].bytes_per_row
    assert found == [[0, 0, 0], [20_000 + most, 30_000 + most, 0]]


def test_a_key_inserts_once(services: Services) -> None:
    assert submission.find_by_key("k", "body", services) is None
    first = submission.insert(paper_spec(), services, "k", "body")
    assert submission.insert(paper_spec(), services, "k", "body") == first
    assert submission.find_by_key("k", "body", services) == first
    assert submission.insert(paper_spec(), services, None, "body") != first
    assert count(services, Sweep) == 2


def test_a_fault_in_a_default_points_to_what_was_written(services: Services) -> None:
    with pytest.raises(SpecError) as caught:
        submission.planned(paper_spec(model={"name": "net", "depth": 9}), services)
    assert [problem.pointer for problem in caught.value.problems] == ["/model"]


def test_announce_forms_packs_and_survives_a_failure(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    submission.insert(paper_spec(), services, None, "body")
    submission.announce(services)
    assert count(services, Pack) == 1

    def fail(*_: Any) -> None:
        raise RuntimeError("no window today")

    monkeypatch.setattr(submission, "dispatch", fail)
    submission.announce(services)
    assert "upkeep will do it" in caplog.text
    assert "no window today" in caplog.text
